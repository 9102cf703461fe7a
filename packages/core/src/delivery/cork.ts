/**
 * The cork: in a turn with batches for several audiences, what is written to a connection is held until all
 * of them were walked, so that it leaves in one write however many of them the connection listens to.
 *
 *     closed ──open──► holding ──flush──► flushing ──all written──► closed
 *
 * A write costs a system call, and holding costs a tenth of one. Invariants: a connection is written in the
 * order in which things were held for it, and whatever is not held releases it first; of one connection at
 * most `MAX_HELD_BYTES` are held, and of all at most `MAX_CHUNKS` arrays, which batches share.
 */
import { type Metrics, noMetrics } from "../runtime/metrics.js";
import type { Recipient } from "./recipient.js";
import type { FrameRun } from "./transport.js";

/**
 * Bytes held for one connection, unless one array alone is longer: far below an outbox, which does not count
 * what is held.
 */
const MAX_HELD_BYTES = 16 * 1024;
/** Arrays held for all: about 10 ms of holding before the first write. */
const MAX_CHUNKS = 65_536;
/** Connections written between two looks at the clock: about 0.3 ms of writes. */
const WRITES_PER_LOOK = 32;

/** What is held for one connection. */
interface Held {
  readonly frames: Uint8Array[];
  bytes: number;
  messages: number;
}

/** Writes to a connection now. `messages`: publications, answers and notices in the frames. */
export type WriteRun = (recipient: Recipient, frames: FrameRun, messages: number) => void;

/** The cork, as far as writers use it. */
export type WriterCork = Pick<Cork, "isHolding" | "hold" | "release">;

export class Cork {
  readonly #write: WriteRun;
  readonly #metrics: Pick<Metrics, "add">;
  #state: "closed" | "holding" | "flushing" = "closed";
  readonly #held = new Map<Recipient, Held>();
  #way: IterableIterator<[Recipient, Held]> | undefined;
  /** Arrays that are held. */
  #chunks = 0;
  /** The last run that was written: connections with the same subscriptions share its bytes. */
  #run: SharedRun | undefined;

  /** `metrics`: where the bounds that were met are counted. Default: nowhere. */
  constructor(write: WriteRun, metrics: Pick<Metrics, "add"> = noMetrics) {
    this.#write = write;
    this.#metrics = metrics;
  }

  /** Whether the fan-out is to hold what it writes. */
  get isHolding(): boolean {
    return this.#state === "holding";
  }

  /** Whether something is held. */
  get isEmpty(): boolean {
    return this.#held.size === 0;
  }

  /** Whether it is to be flushed before more is held. */
  get isFull(): boolean {
    return this.#chunks >= MAX_CHUNKS;
  }

  /** From now on it holds. */
  open(): void {
    if (this.#state === "closed") this.#state = "holding";
  }

  /**
   * Holds frames for a connection. Only while it is holding. What does not fit beside the rest leaves behind
   * it and by itself: joining copies bytes, and long ones stay shared.
   */
  hold(recipient: Recipient, frames: Uint8Array, messages: number): void {
    const held = this.#held.get(recipient);
    if (held !== undefined && held.bytes + frames.length > MAX_HELD_BYTES) {
      this.#metrics.add("cork_full", 1);
      this.#let(recipient, held);
      return this.hold(recipient, frames, messages);
    }
    if (held === undefined) {
      this.#held.set(recipient, { frames: [frames], bytes: frames.length, messages });
    } else {
      held.frames.push(frames);
      held.bytes += frames.length;
      held.messages += messages;
    }
    if (++this.#chunks === MAX_CHUNKS) this.#metrics.add("cork_full", 1);
    if (frames.length >= MAX_HELD_BYTES) this.release(recipient);
  }

  /** Writes what is held for a connection, before something that is not held. Idempotent. */
  release(recipient: Recipient): void {
    if (this.#held.size === 0) return;
    const held = this.#held.get(recipient);
    if (held !== undefined) this.#let(recipient, held);
  }

  /** Writes what is held for all, until `isOver`. False where something is left: to be called again. */
  flush(isOver: () => boolean): boolean {
    this.#state = "flushing";
    this.#way ??= this.#held.entries();
    for (let writes = 1; ; writes++) {
      const next = this.#way.next();
      if (next.done === true) break;
      this.#let(...next.value);
      if (writes % WRITES_PER_LOOK === 0 && isOver()) return this.#held.size === 0 && this.#close();
    }
    return this.#close();
  }

  #close(): true {
    this.#state = "closed";
    this.#way = undefined;
    this.#run = undefined;
    return true;
  }

  #let(recipient: Recipient, { frames, messages }: Held): void {
    this.#held.delete(recipient);
    this.#chunks -= frames.length;
    if (!recipient.isOpen) return;
    if (this.#run === undefined || !this.#run.is(frames)) this.#run = new SharedRun(frames);
    this.#write(recipient, this.#run, messages);
  }
}

/** Frames that follow one another, joined at most once for all connections that are written them in a row. */
class SharedRun implements FrameRun {
  readonly list: readonly Uint8Array[];
  #joined: Uint8Array | undefined;

  constructor(list: readonly Uint8Array[]) {
    this.list = list;
  }

  get joined(): Uint8Array {
    const [only] = this.list;
    if (this.list.length === 1 && only !== undefined) return only;
    this.#joined ??= Buffer.concat(this.list);
    return this.#joined;
  }

  /** Whether these are the same arrays. */
  is(frames: readonly Uint8Array[]): boolean {
    if (frames.length !== this.list.length) return false;
    for (let at = 0; at < frames.length; at++) if (frames[at] !== this.list[at]) return false;
    return true;
  }
}
