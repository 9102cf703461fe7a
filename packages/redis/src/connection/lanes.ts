/**
 * Lanes: what is published on one topic reaches Redis in the order of the calls, whatever has to be sent
 * twice.
 *
 * A call may come back undone: NOSCRIPT after SCRIPT FLUSH or on a promoted master, ASK, MOVED or TRYAGAIN
 * while a slot moves. Sent again, it would come behind the calls that followed it. So one call of a topic is
 * under way at a time. Calls that come meanwhile wait, and leave together as one atomic script: a busy topic
 * costs Redis less, not more. Invariants: calls of a lane are sent in order; a call whose deadline is over is
 * never sent; a batch has at most `MAX_CALLS` calls and `MAX_BYTES` bytes, one call beyond. A
 * batch that a caller has made itself (`scripts` of link.ts) goes as it is.
 */
import { batchOf, type Script, type ScriptArgument, type ScriptCall } from "./script.js";

/** How long Redis serves no other client. */
export const MAX_CALLS = 64;
export const MAX_BYTES = 256 * 1024;

/** What was said before the call went out. */
export class NotSent extends Error {
  override readonly name = "NotSent";
}

type Run = (script: Script, keys: readonly string[], args: readonly ScriptArgument[]) => Promise<unknown>;

interface Waiting {
  readonly call: ScriptCall | (() => Promise<unknown>);
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

  /** Runs the script behind everything of its lane. `bytes` is its size. */
  async script(lane: string, call: ScriptCall, bytes: number, until: number): Promise<unknown> {
    const waiting = this.#lanes.get(lane);
    if (waiting !== undefined) return this.#wait(waiting, call, bytes, until);
    this.#lanes.set(lane, []);
    try {
      return await this.#run(call.script, call.keys, call.args);
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
      const batch = this.#take(waiting, first.call.script);
      if (batch.length === 0) continue;
      void this.#send(batch).finally(() => this.#next(lane));
      return;
    }
    this.#lanes.delete(lane);
  }

  /** The oldest that are of this script, without those whose caller has given up. */
  #take(waiting: Waiting[], script: Script): (Waiting & { readonly call: ScriptCall })[] {
    const batch: (Waiting & { readonly call: ScriptCall })[] = [];
    let bytes = 0;
    let count = 0;
    for (const each of waiting) {
      const { call } = each;
      if (typeof call === "function" || call.script !== script) break;
      if (batch.length > 0 && script.batch === undefined) break;
      if (batch.length === MAX_CALLS || (batch.length > 0 && bytes + each.bytes > MAX_BYTES)) break;
      count++;
      if (!this.#isWanted(each)) continue;
      bytes += each.bytes;
      batch.push({ ...each, call });
    }
    waiting.splice(0, count);
    return batch;
  }

  #isWanted({ until, reject }: Waiting): boolean {
    if (until > this.#now()) return true;
    reject(new NotSent("the time of the call was over before it could be sent"));
    return false;
  }

  /** Never rejects. */
  async #send(batch: readonly (Waiting & { readonly call: ScriptCall })[]): Promise<void> {
    const [first] = batch;
    if (first === undefined) return;
    try {
      if (batch.length === 1) {
        const { script, keys, args } = first.call;
        return first.resolve(await this.#run(script, keys, args));
      }
      const { script, keys, args } = batchOf(batch.map(({ call }) => call));
      const replies = await this.#run(script, keys, args);
      batch.forEach(({ resolve, reject }, at) => {
        const reply: unknown = Array.isArray(replies) ? replies[at] : undefined;
        if (reply === undefined) reject(new Error("Redis answered only part of what it was asked"));
        else if (reply instanceof Error) reject(reply);
        else resolve(reply);
      });
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}
