/**
 * The clock of an agent elsewhere: asked before its first connection, and then every `CLOCK_MS`, which also
 * tells its host that the controller is there.
 *
 * Invariant: `compare` resolves after its questions or at `end`, and no timer is left after `end`.
 */
import type { ToAgent } from "../messages.js";
import { monotonicMicros } from "../stamp.js";
import { ClockEstimate } from "./clock-estimate.js";

/** Questions before it begins, and how often it is asked again. */
const FIRST_QUESTIONS = 8;
const CLOCK_MS = 2_000;

export class AgentClock {
  readonly #send: (message: ToAgent) => void;
  readonly #estimate = new ClockEstimate();
  #asked = { id: 0, micros: 0 };
  #onAnswer: () => void = () => {};
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(send: (message: ToAgent) => void) {
    this.#send = send;
  }

  /** How far it may be from what is thought of it, µs; 0 where it was never asked. */
  get errorMicros(): number {
    return this.#estimate.errorMicros ?? 0;
  }

  async compare(): Promise<void> {
    for (let question = 0; question < FIRST_QUESTIONS && !this.#ended; question++) {
      await new Promise<void>((resolve) => {
        this.#onAnswer = resolve;
        this.#ask();
      });
    }
    if (this.#ended) return;
    // With the next question it hears what the last answer said.
    this.#ask();
    this.#timer = setInterval(() => this.#ask(), CLOCK_MS);
  }

  answered(id: number, theirMicros: number): void {
    if (id !== this.#asked.id) return;
    const { micros: askedMicros } = this.#asked;
    this.#estimate.note({ askedMicros, theirMicros, arrivedMicros: monotonicMicros() });
    this.#onAnswer();
  }

  end(): void {
    this.#ended = true;
    clearInterval(this.#timer);
    this.#onAnswer();
  }

  #ask(): void {
    this.#asked = { id: this.#asked.id + 1, micros: monotonicMicros() };
    this.#send({ do: "clock", id: this.#asked.id, offsetMicros: this.#estimate.offsetMicros });
  }
}
