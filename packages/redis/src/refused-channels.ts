/**
 * Refused channels: of which Redis takes no publication from the ingest stream for now, and where in the
 * stream the next take begins.
 *
 *     sweep:  "0" ──entries that wait──► "<id>" … ──► ">…" what is new ──retry──► "0"
 *
 * What waits comes first in the stream. So a channel that is refused, as when one master of a Cluster is
 * away, would hold up all others with its entries. Its entries are passed over instead, until the stream is
 * read from its beginning again. Invariants: of a channel nothing is published before what came earlier, so a
 * refused one stays so until the next sweep; without refused channels each take begins at the beginning.
 */
import type { Topic } from "@holdfast/core";

/** Where the stream begins, and what stands before the id at which it ended. */
const BEGINNING = "0";
const NEW = ">";
const MAX_REFUSED = 10_000;

export interface RetryTimes {
  readonly now: () => number;
  /** After so many sweeps with refused channels, ms. */
  readonly delayMs: (sweeps: number) => number;
}

export class RefusedChannels {
  readonly #times: RetryTimes;
  readonly #refused = new Set<Topic>();
  #from = BEGINNING;
  #sweeps = 0;
  /** Set once this sweep has come to its end. */
  #retryAt: number | undefined;

  constructor(times: RetryTimes) {
    this.#times = times;
  }

  get size(): number {
    return this.#refused.size;
  }

  has(topic: Topic): boolean {
    return this.#refused.has(topic);
  }

  /** Whether there are so many that Redis seems to refuse whatever it is asked. */
  get isFull(): boolean {
    return this.#refused.size >= MAX_REFUSED;
  }

  add(topic: Topic): void {
    this.#refused.add(topic);
  }

  /** Where the next take begins. */
  begin(): string {
    if (this.#retryAt !== undefined && this.#times.now() >= this.#retryAt) this.#again();
    return this.#from;
  }

  /** How long the next take may wait for something new, ms. */
  patience(mostMs: number): number {
    if (this.#retryAt === undefined) return mostMs;
    return Math.max(1, Math.min(mostMs, this.#retryAt - this.#times.now()));
  }

  /** A take has come to `reached`. `isDone`: none of its entries is left but those of refused channels. */
  end(reached: string, isDone: boolean): void {
    if (this.#refused.size === 0) {
      this.reset();
      return;
    }
    this.#from = isDone ? reached : BEGINNING;
    if (isAtEnd(this.#from)) this.#retryAt ??= this.#times.now() + this.#times.delayMs(this.#sweeps++);
  }

  /** Another may have gone on with the stream. */
  reset(): void {
    this.#again();
    this.#sweeps = 0;
  }

  #again(): void {
    this.#refused.clear();
    this.#from = BEGINNING;
    this.#retryAt = undefined;
  }
}

/** After which entry `reached` is. */
export function idOf(reached: string): string {
  return reached.replace(NEW, "");
}

/** Whether the stream ended there. */
export function isAtEnd(reached: string): boolean {
  return reached.startsWith(NEW);
}
