/**
 * The `Date` of answers that do not pass through Node's response object, RFC 9110 §6.6.1. Made once a second:
 * a storm of refusals asks for it thousands of times.
 */
import type { Clock } from "@holdfast/core";

export class DateField {
  readonly #clock: Pick<Clock, "now">;
  #second = Number.NaN;
  #text = "";

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /** The time now, in the form of RFC 9110 §5.6.7. */
  get now(): string {
    const second = Math.floor(this.#clock.now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#text = new Date(second * 1000).toUTCString();
    }
    return this.#text;
  }
}
