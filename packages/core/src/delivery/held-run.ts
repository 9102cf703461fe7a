/**
 * A held run: arrays that a cork holds for a connection, one behind the other.
 *
 * Connections that are to be written the same arrays share one run, so that holding an array for the next of
 * them is a comparison and makes no object. Invariant: a run never changes; what is held for a connection
 * besides is another run, behind it.
 */
import type { FrameRun } from "./transport.js";

export class HeldRun {
  /** Bytes of all its arrays. */
  readonly bytes: number;
  /** Publications, answers and notices in them. */
  readonly messages: number;
  readonly #before: HeldRun | undefined;
  readonly #last: Uint8Array;
  /** The run that was made last of this one and a further array. */
  #next: HeldRun | undefined;

  private constructor(before: HeldRun | undefined, last: Uint8Array, messages: number) {
    this.#before = before;
    this.#last = last;
    this.bytes = (before?.bytes ?? 0) + last.length;
    this.messages = (before?.messages ?? 0) + messages;
  }

  /** A run of no array. */
  static empty(): HeldRun {
    return new HeldRun(undefined, NOTHING, 0);
  }

  /** This one and a further array behind it, with so many messages. */
  with(frames: Uint8Array, messages: number): HeldRun {
    const known = this.#next;
    const total = this.messages + messages;
    if (known !== undefined && known.#last === frames && known.messages === total) return known;
    this.#next = new HeldRun(this, frames, messages);
    return this.#next;
  }

  /** Its arrays, in their order. */
  get list(): readonly Uint8Array[] {
    const list: Uint8Array[] = [];
    for (let run: HeldRun = this; run.#before !== undefined; run = run.#before) list.push(run.#last);
    return list.reverse();
  }
}

const NOTHING = new Uint8Array(0);

/** What is written to all connections of one run: its arrays are joined at most once for them. */
export class SharedRun implements FrameRun {
  readonly of: HeldRun;
  readonly list: readonly Uint8Array[];
  #joined: Uint8Array | undefined;

  constructor(of: HeldRun) {
    this.of = of;
    this.list = of.list;
  }

  get joined(): Uint8Array {
    const [only] = this.list;
    if (this.list.length === 1 && only !== undefined) return only;
    this.#joined ??= Buffer.concat(this.list, this.of.bytes);
    return this.#joined;
  }
}
