/**
 * Pending: the commands of one connection that wait for their replies.
 *
 * Invariant: each is settled exactly once, by its reply, its deadline or the end of the connection; one timer
 * serves all, because deadlines expire in the order of asking. At most `MAX_PENDING` wait; a further one is
 * refused as `busy`.
 */
import type { ErrorCode, Json } from "@holdfast/protocol";
import type { Clock, Timer } from "../clock.js";
import { clientErrors, HoldfastError } from "../wire/errors.js";

/** The end of a command: the reply's body, or why there is none. */
export type RequestOutcome =
  | { readonly ok: true; readonly body: Json }
  | { readonly ok: false; readonly error: HoldfastError };

export type Settle = (outcome: RequestOutcome) => void;

/** Commands of one connection that may wait at once. */
export const MAX_PENDING = 1024;

/**
 * The id of the connect command: below all others, since servers know a repetition by an id that does not
 * ascend.
 */
export const CONNECT_ID = 1;

export class Pending {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #waiting = new Map<number, { readonly deadline: number; readonly settle: Settle }>();
  #timer: Timer | undefined;
  #idle: (() => void) | undefined;
  #lastId = CONNECT_ID;

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /** The id that the next command will have. */
  get nextId(): number {
    return this.#lastId + 1;
  }

  /** Calls `run` once no command waits, maybe at once. The last call counts. */
  whenIdle(run: () => void): void {
    if (this.#waiting.size === 0) run();
    else this.#idle = run;
  }

  /** Takes the command `nextId` in. False when it was refused, and settled, as `busy`. */
  add(settle: Settle): boolean {
    if (this.#waiting.size >= MAX_PENDING) {
      settle(failed(clientErrors.busy));
      return false;
    }
    this.#wait(++this.#lastId, settle);
    return true;
  }

  /** Takes the connect command in. */
  addConnect(settle: Settle): void {
    this.#wait(CONNECT_ID, settle);
  }

  #wait(id: number, settle: Settle): void {
    this.#waiting.set(id, { deadline: this.#clock.monotonic() + this.#timeoutMs, settle });
    this.#timer ??= this.#clock.after(this.#timeoutMs, () => this.#expire());
  }

  /** Settles the command `id`. A reply without a command, as after a timeout, is dropped. */
  settle(id: number, outcome: RequestOutcome): void {
    const command = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (this.#waiting.size === 0) this.#disarm();
    command?.settle(outcome);
    if (this.#waiting.size > 0) return;
    this.#idle?.();
    this.#idle = undefined;
  }

  /** Ends every command as `disconnected`. Idempotent. */
  close(): void {
    for (const id of [...this.#waiting.keys()]) this.settle(id, failed(clientErrors.disconnected));
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #expire(): void {
    const now = this.#clock.monotonic();
    const waiting = [...this.#waiting];
    const next = waiting.find(([, { deadline }]) => deadline > now);
    // Armed before commands are settled: a command that is settled may ask for another one.
    this.#timer = next && this.#clock.after(next[1].deadline - now, () => this.#expire());
    for (const [id, { deadline }] of waiting) {
      if (deadline <= now) this.settle(id, failed(clientErrors.timeout));
    }
  }
}

/** The end of a command that was not carried out. */
export function failed(row: ErrorCode): RequestOutcome {
  return { ok: false, error: new HoldfastError(row) };
}
