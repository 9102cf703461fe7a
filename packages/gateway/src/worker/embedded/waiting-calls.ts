/**
 * Calls that wait for the primary's answer.
 *
 * Bounded: `MAX_WAITING` calls may wait, each for `DEADLINE_MS`, by one sweep. Whatever goes wrong is a
 * `BrokerUnavailable`. Invariant: they are kept in order of deadlines, because all wait equally long; each is
 * settled once.
 */
import { BrokerUnavailable, type Clock, type Timer } from "@holdfast/core";

const DEADLINE_MS = 5_000;
const SWEEP_INTERVAL_MS = 500;
const MAX_WAITING = 65_536;

interface Waiting {
  readonly deadline: number;
  resolve(result: unknown): void;
  reject(problem: BrokerUnavailable): void;
}

export class WaitingCalls {
  readonly #clock: Clock;
  readonly #sweep: Timer;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #state: "open" | "closed" = "open";

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#sweep = clock.every(SWEEP_INTERVAL_MS, () => this.#expire());
  }

  /**
   * `send` is given the id that the answer has to name, and says whether the link took the call. The other
   * side answers each kind of call with its kind of result.
   */
  ask<Result>(send: (id: number) => boolean): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#state === "closed") return reject(new BrokerUnavailable("the broker was closed"));
      if (this.#waiting.size >= MAX_WAITING)
        return reject(new BrokerUnavailable(`${MAX_WAITING} calls wait for the primary`));
      const id = ++this.#lastId;
      const deadline = this.#clock.monotonic() + DEADLINE_MS;
      this.#waiting.set(id, { deadline, resolve: (result) => resolve(result as Result), reject });
      if (!send(id)) this.reject(id, "the link to the primary has no room for the call");
    });
  }

  /** Nothing for one that came too late: its caller was told `unavailable`. */
  resolve(id: number, result: unknown): void {
    this.#take(id)?.resolve(result);
  }

  reject(id: number, problem: string): void {
    this.#take(id)?.reject(new BrokerUnavailable(problem));
  }

  /** Rejects what waits, and all that is asked later. Idempotent. */
  close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#sweep.cancel();
    for (const call of this.#waiting.values()) call.reject(new BrokerUnavailable("the broker was closed"));
    this.#waiting.clear();
  }

  #take(id: number): Waiting | undefined {
    const call = this.#waiting.get(id);
    this.#waiting.delete(id);
    return call;
  }

  #expire(): void {
    const now = this.#clock.monotonic();
    for (const [id, call] of this.#waiting) {
      if (call.deadline > now) return;
      this.#waiting.delete(id);
      call.reject(new BrokerUnavailable("the primary did not answer in time"));
    }
  }
}
