/**
 * The outbox: what was written to a connection and not yet taken by the kernel. Its bytes wait in the
 * transport, so that a connection which keeps up has no queue of its own; this file owns the limits: bytes,
 * frames, and age.
 *
 * How full an outbox is, is one number: the largest share of any limit that is used up, 1 at the limit. What
 * happens beyond it is `slow-consumers.ts`. One batch larger than a limit passes: only what was already
 * waiting counts.
 *
 * The transport tells bytes alone. When frames were written, and how many, a `Backlog` knows, which exists
 * only while bytes wait. It keeps stretches of writes instead of writes, an eighth of a limit each, so it is
 * small whatever is written. Invariant: age is under-estimated by at most an eighth of its limit, and frames
 * are over-estimated by at most an eighth, or one batch.
 */

import { TICK_MS, type Ticker, ticks } from "../runtime/ticker.js";
import type { Transport } from "./transport.js";

export interface OutboxOptions {
  /** Bytes that may wait for one connection. */
  readonly maxOutboxBytes: number;
  /** Frames that may wait for one connection. */
  readonly maxOutboxMessages: number;
  /** How long the oldest of them may wait, ms. */
  readonly maxOutboxAgeMs: number;
}

/** What waits for one connection. */
export interface OutboxFill {
  readonly bytes: number;
  readonly messages: number;
  readonly ageMs: number;
  /** How full that makes the outbox. */
  readonly fill: number;
}

/** Writes that came close together. */
interface Stretch {
  readonly firstTick: number;
  lastTick: number;
  /** Frames in it. */
  messages: number;
  /** Bytes written up to its end, since the backlog began. */
  end: number;
}

/** Of a limit: how exactly age and frames are known. */
const STRETCHES = 8;

/** The writes of a connection for which bytes wait. Read and changed by `Outbox` alone. */
export class OutboxBacklog {
  readonly stretches: Stretch[] = [];
  /** Bytes written since it began; those included that waited then. */
  written = 0;
  /** Frames written since, of which those known to have left are taken off. */
  messages = 0;
  /** How many bytes had left when it was last asked for a sign of life. */
  leftBefore = 0;
}

export class Outbox {
  readonly #maxBytes: number;
  readonly #maxMessages: number;
  readonly #maxAgeTicks: number;
  readonly #ticker: Ticker;

  constructor(options: OutboxOptions, ticker: Ticker) {
    this.#maxBytes = options.maxOutboxBytes;
    this.#maxMessages = options.maxOutboxMessages;
    this.#maxAgeTicks = ticks(options.maxOutboxAgeMs);
    this.#ticker = ticker;
  }

  /** How full: 0 when nothing waits, more than 1 when nothing more should be written. */
  fill(transport: Transport, backlog: OutboxBacklog | undefined): number {
    const bytes = transport.bufferedBytes;
    if (bytes === 0) return 0;
    const share = bytes / this.#maxBytes;
    if (backlog === undefined) return share;
    letGo(backlog, bytes);
    return Math.max(share, backlog.messages / this.#maxMessages, this.#age(backlog) / this.#maxAgeTicks);
  }

  /** To be told of each write, right after it. Returns the connection's backlog from now on. */
  wrote(
    transport: Transport,
    backlog: OutboxBacklog | undefined,
    bytes: number,
    messages: number,
  ): OutboxBacklog | undefined {
    const waiting = transport.bufferedBytes;
    if (waiting === 0) return undefined;
    if (backlog === undefined) {
      const begun = new OutboxBacklog();
      begun.written = waiting;
      this.#note(begun, messages);
      return begun;
    }
    backlog.written += bytes;
    this.#note(backlog, messages);
    return backlog;
  }

  waiting(transport: Transport, backlog: OutboxBacklog | undefined): OutboxFill {
    const bytes = transport.bufferedBytes;
    const fill = this.fill(transport, backlog);
    if (bytes === 0 || backlog === undefined) return { bytes, messages: 0, ageMs: 0, fill };
    return { bytes, messages: backlog.messages, ageMs: this.#age(backlog) * TICK_MS, fill };
  }

  /**
   * Whether the other side has taken anything since the last call: a sign of life, while there is a backlog.
   */
  moved(transport: Transport, backlog: OutboxBacklog | undefined): boolean {
    if (backlog === undefined) return false;
    const left = backlog.written - transport.bufferedBytes;
    const moved = left > backlog.leftBefore;
    backlog.leftBefore = left;
    return moved;
  }

  #note(backlog: OutboxBacklog, messages: number): void {
    const { tick } = this.#ticker;
    const last = backlog.stretches.at(-1);
    backlog.messages += messages;
    if (
      last !== undefined &&
      tick - last.firstTick <= this.#maxAgeTicks / STRETCHES &&
      last.messages + messages <= this.#maxMessages / STRETCHES
    ) {
      last.lastTick = tick;
      last.messages += messages;
      last.end = backlog.written;
    } else backlog.stretches.push({ firstTick: tick, lastTick: tick, messages, end: backlog.written });
  }

  /** Ticks that the oldest stretch has waited at least. */
  #age({ stretches: [oldest] }: OutboxBacklog): number {
    return oldest === undefined ? 0 : this.#ticker.tick - oldest.lastTick;
  }
}

/** Forgets what has left; `waiting` bytes have not. */
function letGo(backlog: OutboxBacklog, waiting: number): void {
  const left = backlog.written - waiting;
  const { stretches } = backlog;
  while (stretches[0] !== undefined && stretches[0].end <= left) {
    backlog.messages -= stretches[0].messages;
    stretches.shift();
  }
}
