/**
 * What a front door counts, in the primary and in workers that listen themselves: the same names, merged into
 * one sum.
 */
import { Counter, type Registry } from "prom-client";
import { REFUSED_REASONS, type Refused } from "./front-answers.js";

export class DoorMetrics {
  readonly #accepted: Counter;
  readonly #refused: Counter<"reason">;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#accepted = new Counter({
      name: "holdfast_sockets_accepted_total",
      help: "Sockets accepted",
      registers,
    });
    this.#refused = new Counter({
      name: "holdfast_sockets_refused_total",
      help: "Sockets turned away by a front door, by reason",
      labelNames: ["reason"],
      registers,
    });
    // A series that begins with its first refusal would hide that refusal from `increase()`.
    for (const reason of REFUSED_REASONS) this.#refused.inc({ reason }, 0);
  }

  accepted(): void {
    this.#accepted.inc();
  }

  refused(reason: Refused): void {
    this.#refused.inc({ reason });
  }
}
