/**
 * The frames that wait for one sibling.
 *
 * What is added in a turn of the event loop is written at its end, at once. Payloads are bounded in bytes
 * and number; beyond, they are left out, topic by topic, and the sibling is told. The other frames must
 * arrive: a sibling for which twice `maxBytes` wait in all loses its connection. Invariants: frames arrive
 * in the order in which they were added; a topic is told `skipped` after the last payload before the hole,
 * and before the next payload or fence.
 */
import type { Clock } from "@holdfast/core";
import { FRAME, frame } from "./frames.js";

/** Bytes of payloads that may wait for one sibling. */
export const MAX_QUEUED_BYTES = 32 * 1024 * 1024;
/** Payloads that may wait for one sibling. */
export const MAX_QUEUED_PAYLOADS = 100_000;

/** The part of a socket that is used. */
export interface SiblingSink {
  cork(): void;
  uncork(): void;
  /** False: it takes more after `drained` was called. */
  write(frame: Buffer): boolean;
  /** The sibling asks for more than it reads. */
  destroy(): void;
}

export interface FrameQueueLimits {
  readonly maxBytes: number;
  readonly maxPayloads: number;
}

export class FrameQueue {
  readonly #sink: SiblingSink;
  readonly #clock: Clock;
  readonly #limits: FrameQueueLimits;
  /** Called for each payload that is left out. */
  readonly #onSkip: () => void;
  #frames: Buffer[] = [];
  #bytes = 0;
  #payloads = 0;
  /** Numbers of the topics of which payloads were left out, which was not told yet. */
  readonly #skipped = new Set<number>();
  #isSkipping = false;
  #isScheduled = false;
  #isFull = false;

  constructor(
    sink: SiblingSink,
    clock: Clock,
    onSkip: () => void = () => {},
    limits: FrameQueueLimits = { maxBytes: MAX_QUEUED_BYTES, maxPayloads: MAX_QUEUED_PAYLOADS },
  ) {
    this.#sink = sink;
    this.#clock = clock;
    this.#onSkip = onSkip;
    this.#limits = limits;
  }

  /** Bytes that wait here; what the socket was given is not among them. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether the socket takes no more for now, so that the sibling has something to read. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** A frame that must arrive. */
  add(each: Buffer): void {
    this.#frames.push(each);
    this.#bytes += each.length;
    if (this.#bytes > 2 * this.#limits.maxBytes) {
      this.#frames = [];
      this.#bytes = 0;
      return this.#sink.destroy();
    }
    this.#schedule();
  }

  /** A fence: behind all that was left out before it, as a topic may move there. */
  addFence(fence: Buffer): void {
    this.#tellSkipped();
    this.add(fence);
  }

  /** A payload of a topic. */
  addPayload(number: number, payload: Buffer): void {
    const { maxBytes, maxPayloads } = this.#limits;
    const hasRoom = this.#bytes + payload.length <= maxBytes && this.#payloads < maxPayloads;
    if (this.#isSkipping || !hasRoom) {
      this.#isSkipping = true;
      this.#skipped.add(number);
      this.#onSkip();
      // Larger than all that may wait: no frame that is taken would end the skipping.
      return this.#schedule();
    }
    this.#payloads++;
    this.add(payload);
  }

  /** The socket has taken all that it was given. */
  drained(): void {
    this.#isFull = false;
    this.#flush();
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isFull) return;
    this.#isScheduled = true;
    this.#clock.defer(() => {
      this.#isScheduled = false;
      if (!this.#isFull) this.#flush();
    });
  }

  #flush(): void {
    this.#tellSkipped();
    this.#isSkipping = false;
    const frames = this.#frames;
    this.#frames = [];
    this.#bytes = 0;
    this.#payloads = 0;
    if (frames.length === 0) return;
    this.#sink.cork();
    for (const each of frames) this.#isFull = !this.#sink.write(each);
    this.#sink.uncork();
  }

  #tellSkipped(): void {
    for (const number of this.#skipped) this.#frames.push(frame(FRAME.skipped, number));
    this.#skipped.clear();
  }
}
