/**
 * Lanes: what is published on one topic reaches Redis in the order of the calls, whatever has to be sent
 * twice.
 *
 * A call may come back undone: NOSCRIPT after SCRIPT FLUSH or on a promoted master, ASK, MOVED or TRYAGAIN
 * while a slot moves. Sent again, it would come behind the calls that followed it. So one run of a topic is
 * under way at a time. Calls that come meanwhile wait, and leave together as one run: a busy topic costs
 * Redis less, not more. Invariants: calls of a lane are sent in order; a call whose deadline is over is
 * never sent; what is joined here has at most `MAX_RUN` publications and `MAX_RUN_BYTES` bytes. A run of
 * several that a caller has made goes as it is.
 */
import { type DatedRun, joined, MAX_RUN, MAX_RUN_BYTES, mayJoin } from "./run.js";
import type { ScriptCall } from "./script.js";

/** What was said before the call went out. */
export class NotSent extends Error {
  override readonly name = "NotSent";
}

type Run = (call: ScriptCall) => Promise<unknown>;
type WaitingRun = Waiting & { readonly call: DatedRun };

interface Waiting {
  readonly call: DatedRun | (() => Promise<unknown>);
  readonly bytes: number;
  /** Monotonic ms: afterwards its caller has given up. */
  readonly until: number;
  resolve(reply: unknown): void;
  reject(error: unknown): void;
}

export class CommandLanes {
  readonly #run: Run;
  readonly #now: () => number;
  /** By lane, while a call of it is under way: those that wait. */
  readonly #lanes = new Map<string, Waiting[]>();
  #closed = false;

  constructor(run: Run, now: () => number) {
    this.#run = run;
    this.#now = now;
  }

  /** Resolves with a reply for each publication, behind everything of its lane. `bytes` is its size. */
  async run(call: DatedRun, bytes: number, until: number): Promise<unknown> {
    const { lane } = call;
    const waiting = this.#lanes.get(lane);
    if (waiting !== undefined) return this.#wait(waiting, call, bytes, until);
    this.#lanes.set(lane, []);
    try {
      return await this.#run(joined([call]));
    } finally {
      this.#next(lane);
    }
  }

  /**
   * Does what Redis never sends back, behind everything of the lane. It keeps nothing waiting: what follows
   * is sent on the same connection.
   */
  direct(lane: string, send: () => Promise<unknown>, until: number): Promise<unknown> {
    const waiting = this.#lanes.get(lane);
    return waiting === undefined ? send() : this.#wait(waiting, send, 0, until);
  }

  /** What waits is refused, and nothing more is sent. Idempotent. */
  close(): void {
    this.#closed = true;
    for (const waiting of this.#lanes.values()) {
      for (const { reject } of waiting.splice(0)) reject(new NotSent("the link was closed before"));
    }
  }

  #wait(waiting: Waiting[], call: Waiting["call"], bytes: number, until: number): Promise<unknown> {
    return new Promise((resolve, reject) => waiting.push({ call, bytes, until, resolve, reject }));
  }

  /** The call of the lane that was under way is done. */
  #next(lane: string): void {
    const waiting = this.#lanes.get(lane) ?? [];
    while (!this.#closed) {
      const [first] = waiting;
      if (first === undefined) break;
      if (typeof first.call === "function") {
        waiting.shift();
        if (this.#isWanted(first)) first.call().then(first.resolve, first.reject);
        continue;
      }
      const [oldest, ...others] = this.#take(waiting, first.call);
      if (oldest === undefined) continue;
      void this.#send([oldest, ...others]).finally(() => this.#next(lane));
      return;
    }
    this.#lanes.delete(lane);
  }

  /** The oldest that may be joined with `first`, without those whose caller has given up. */
  #take(waiting: Waiting[], first: DatedRun): WaitingRun[] {
    const taken: WaitingRun[] = [];
    let bytes = 0;
    let count = 0;
    for (const each of waiting) {
      const { call } = each;
      if (typeof call === "function" || (count > 0 && !mayJoin(first, call))) break;
      if (taken.length === MAX_RUN || (taken.length > 0 && bytes + each.bytes > MAX_RUN_BYTES)) break;
      count++;
      if (!this.#isWanted(each)) continue;
      bytes += each.bytes;
      taken.push({ ...each, call });
    }
    waiting.splice(0, count);
    return taken;
  }

  #isWanted({ until, reject }: Waiting): boolean {
    if (until > this.#now()) return true;
    reject(new NotSent("the time of the call was over before it could be sent"));
    return false;
  }

  /** Never rejects. */
  async #send(taken: readonly [WaitingRun, ...WaitingRun[]]): Promise<void> {
    const [first, ...others] = taken;
    try {
      const replies = await this.#run(joined([first.call, ...others.map(({ call }) => call)]));
      if (others.length === 0) first.resolve(replies);
      else
        for (const [at, { resolve }] of taken.entries())
          resolve(Array.isArray(replies) ? replies.slice(at, at + 1) : []);
    } catch (error) {
      for (const { reject } of taken) reject(error);
    }
  }
}
