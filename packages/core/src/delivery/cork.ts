/**
 * The cork: in a turn with batches for several audiences, what is written to a connection is held until all
 * of them were walked, so that it leaves in one write however many of them the connection listens to.
 *
 *     closed ──open──► holding ──flush──► flushing ──all written──► closed
 *
 * Words, which are answers and notices of one connection, are held until the end of the callback that brings
 * them: a client that says many things at once is answered in one write.
 *
 * A write costs a system call, and holding costs a tenth of one. What is held for a connection stands in the
 * connection (`Recipient#held`), as a run that all connections with the same arrays share (held-run.ts).
 * Invariants: a connection is written in the order in which things were held for it, and whatever is not held
 * releases it first; of one connection at most `MAX_HELD_BYTES` are held, and between two flushes at most
 * `MAX_CHUNKS` arrays, which batches share.
 */
import { type Metrics, noMetrics } from "../runtime/metrics.js";
import { HeldRun, SharedRun } from "./held-run.js";
import type { Recipient } from "./recipient.js";
import type { FrameRun } from "./transport.js";

/**
 * Bytes held for one connection, unless one array alone is longer: far below an outbox, which does not count
 * what is held.
 */
const MAX_HELD_BYTES = 16 * 1024;
/** Arrays held between two flushes: about 10 ms of holding before the first write. */
const MAX_CHUNKS = 65_536;
/** Connections for which words are held at once; beyond it they leave. */
const MAX_SPOKEN_TO = 1_024;
/** Connections written between two looks at the clock: about 0.3 ms of writes. */
const WRITES_PER_LOOK = 32;

/** Writes to a connection now. `messages`: publications, answers and notices in the frames. */
export type WriteRun = (recipient: Recipient, frames: FrameRun, messages: number) => void;

/** The cork, as far as writers use it. */
export type WriterCork = Pick<Cork, "isHolding" | "hold" | "say" | "release">;

/** Calls `run` behind the code that runs now: before any other callback of the event loop. */
export type Soon = (run: () => void) => void;

export class Cork {
  readonly #write: WriteRun;
  readonly #metrics: Pick<Metrics, "add">;
  readonly #soon: Soon;
  #state: "closed" | "holding" | "flushing" = "closed";
  /** Connections, in the order in which something was first held for them; some were released since. */
  #recipients: Recipient[] = [];
  /** Which of them is flushed next. */
  #next = 0;
  /** Connections for which words are held, some of which were released since. */
  #spokenTo: Recipient[] = [];
  /** Connections for which something is held. */
  #waiting = 0;
  /** Arrays that were held since the last flush. */
  #chunks = 0;
  /** Where the runs begin. */
  #empty = HeldRun.empty();
  /** The last run that was written: connections that are written it in a row share its bytes. */
  #run: SharedRun | undefined;

  /** `metrics`: where the bounds that were met are counted. Default: nowhere. `soon`: default at once. */
  constructor(write: WriteRun, metrics: Pick<Metrics, "add"> = noMetrics, soon: Soon = (run) => run()) {
    this.#write = write;
    this.#metrics = metrics;
    this.#soon = soon;
  }

  /** Whether the fan-out is to hold what it writes. */
  get isHolding(): boolean {
    return this.#state === "holding";
  }

  /** Whether something is held. */
  get isEmpty(): boolean {
    return this.#waiting === 0;
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
    const { length } = frames;
    this.#makeRoom(recipient, length);
    if (recipient.held === undefined) {
      this.#recipients.push(recipient);
      this.#waiting++;
    }
    recipient.held = (recipient.held ?? this.#empty).with(frames, messages);
    if (++this.#chunks === MAX_CHUNKS) this.#metrics.add("cork_full", 1);
    if (length >= MAX_HELD_BYTES) this.release(recipient);
  }

  /** Holds a word for a connection, which leaves with the end of this callback at the latest. */
  say(recipient: Recipient, frames: Uint8Array): void {
    this.#makeRoom(recipient, frames.length);
    if (this.#spokenTo.length === MAX_SPOKEN_TO) this.#speak();
    if (recipient.held === undefined) this.#waiting++;
    recipient.held = (recipient.held ?? this.#empty).with(frames, 1);
    if (frames.length >= MAX_HELD_BYTES) return this.release(recipient);
    if (this.#spokenTo.at(-1) === recipient) return;
    if (this.#spokenTo.push(recipient) === 1) this.#soon(this.#speak);
  }

  /** What does not fit beside what is held lets that go first. */
  #makeRoom(recipient: Recipient, length: number): void {
    if (recipient.held === undefined || recipient.held.bytes + length <= MAX_HELD_BYTES) return;
    this.#metrics.add("cork_full", 1);
    this.release(recipient);
  }

  /** Writes what is held for a connection, before something that is not held. Idempotent. */
  release(recipient: Recipient): void {
    const { held } = recipient;
    if (held === undefined) return;
    recipient.held = undefined;
    this.#waiting--;
    if (!recipient.isOpen) return;
    if (this.#run?.of !== held) this.#run = new SharedRun(held);
    this.#write(recipient, this.#run, held.messages);
  }

  /** The end of a callback: words leave. */
  readonly #speak = (): void => {
    const spokenTo = this.#spokenTo;
    this.#spokenTo = [];
    for (const recipient of spokenTo) this.release(recipient);
    if (this.#waiting === 0) this.#forget();
  };

  /** Writes what is held for all, until `isOver`. False where something is left: to be called again. */
  flush(isOver: () => boolean): boolean {
    this.#state = "flushing";
    if (this.#spokenTo.length > 0) this.#speak();
    for (let writes = 1; this.#next < this.#recipients.length; writes++) {
      this.release(this.#recipients[this.#next++] as Recipient);
      if (writes % WRITES_PER_LOOK === 0 && isOver()) return this.#waiting === 0 && this.#close();
    }
    return this.#close();
  }

  #close(): true {
    this.#state = "closed";
    this.#recipients = [];
    this.#next = 0;
    this.#chunks = 0;
    this.#forget();
    return true;
  }

  /** Forgets the runs, which no connection waits for. */
  #forget(): void {
    this.#empty = HeldRun.empty();
    this.#run = undefined;
  }
}
