/**
 * A pipe: one direction of a network connection. What is sent arrives in order, each after a delay of its
 * own, unless the pipe is cut first: then whatever is under way is lost, and what is sent later belongs to a
 * new connection.
 */
import type { Schedule } from "./schedule.js";

export class Pipe {
  readonly #schedule: Schedule;
  readonly #delay: () => number;
  /** When the last thing sent arrives: nothing overtakes. */
  #last = 0;
  #life = 0;

  constructor(schedule: Schedule, delay: () => number) {
    this.#schedule = schedule;
    this.#delay = delay;
  }

  send(arrive: () => void): void {
    const life = this.#life;
    this.#last = Math.max(this.#last, this.#schedule.now + this.#delay());
    this.#schedule.at(this.#last, () => {
      if (life === this.#life) arrive();
    });
  }

  /** Nothing that is sent from now on arrives within so many milliseconds. */
  stall(ms: number): void {
    this.#last = Math.max(this.#last, this.#schedule.now + ms);
  }

  cut(): void {
    this.#life++;
    this.#last = this.#schedule.now;
  }
}
