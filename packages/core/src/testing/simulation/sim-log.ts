/**
 * What a simulation says of itself: the trace of its events, and the promises that were broken.
 *
 * Invariant: the first violations are kept, with the simulated time; they say what is wrong.
 */
import type { Schedule } from "./schedule.js";

/** More are not kept. */
const MAX_VIOLATIONS = 20;

export class SimLog {
  readonly trace: string[] = [];
  readonly violations: string[] = [];
  readonly #schedule: Schedule;
  readonly #keepsTrace: boolean;

  /** `keepsTrace`: costs time. */
  constructor(schedule: Schedule, keepsTrace: boolean) {
    this.#schedule = schedule;
    this.#keepsTrace = keepsTrace;
  }

  note(text: string): void {
    if (this.#keepsTrace) this.trace.push(`${String(this.#schedule.now).padStart(6)} ${text}`);
  }

  violation(text: string): void {
    this.note(`VIOLATION: ${text}`);
    if (this.violations.length < MAX_VIOLATIONS) this.violations.push(`at ${this.#schedule.now} ms: ${text}`);
  }
}
