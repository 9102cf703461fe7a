/**
 * What an agent's clients send, and what they hear of each other: counts since the start, times since the
 * last report.
 */
import { Histogram } from "../histogram.js";
import type { AgentReport } from "../messages.js";

type TrafficReport = Pick<AgentReport, "sent" | "refused" | "heard" | "hearing" | "answering">;

export class Traffic {
  readonly #hearing = new Histogram();
  readonly #answering = new Histogram();
  #sent = 0;
  #refused = 0;
  #heard = 0;

  send(): void {
    this.#sent++;
  }

  refuse(): void {
    this.#refused++;
  }

  /** `micros` from sending to the answer. */
  answer(micros: number): void {
    this.#answering.record(micros);
  }

  /** `micros` from sending to receipt. */
  hear(micros: number): void {
    this.#heard++;
    this.#hearing.record(micros);
  }

  report(): TrafficReport {
    const report = {
      sent: this.#sent,
      refused: this.#refused,
      heard: this.#heard,
      hearing: this.#hearing.toSparse(),
      answering: this.#answering.toSparse(),
    };
    this.#hearing.clear();
    this.#answering.clear();
    return report;
  }
}
