/**
 * What every client of a durability test is, whatever it is connected by: it checks that numbers count up in
 * its channel, each once, in order, or after a gap that it was told of.
 *
 * Numbers from before a gap may come again after it: a replica that took over may still have entries of the
 * ingest stream which the lost master had published. The entries between those and the first new number may
 * have died with the master, before a gateway read them: the gap stands for them, too.
 */

/** Something that was not promised. */
export interface Violation {
  readonly kind: "lost" | "duplicated" | "reordered";
  readonly channel: string;
  readonly expected: number;
  readonly received: number;
  /** What had been heard before, the newest last. */
  readonly heard: readonly string[];
}

const MAX_HEARD = 12;

export interface Watcher {
  readonly channel: string;
  readonly check: SequenceCheck;
  /** How often it was without a connection. */
  readonly losses: number;
  /** For a failure's message. */
  readonly state: string;
  /** Resolves when it is subscribed. */
  start(): Promise<unknown>;
  close(): void;
}

/** The numbers of one channel, as they come. */
export class SequenceCheck {
  readonly channel: string;
  readonly violations: Violation[] = [];
  /** Reasons of the gaps that it was told of. */
  readonly gaps: string[] = [];
  received = 0;
  /** The last number; -1 before the first. */
  last = -1;
  /** After a gap any number may come next. */
  #next: number | undefined;
  #highest = -1;
  /** What a gap covers ends with the first number that is new. */
  #isInGap = false;
  readonly #heard: string[] = [];

  constructor(channel: string) {
    this.channel = channel;
  }

  /** Whether it was told of a gap, and of nothing since. */
  get isAfterGap(): boolean {
    return this.gaps.length > 0 && this.#next === undefined;
  }

  /** What was read or said, the newest last. */
  get heard(): readonly string[] {
    return this.#heard;
  }

  /** Notes what was read or said, to be shown with a violation. */
  hear(text: string): void {
    this.#heard.push(text.slice(0, 600));
    if (this.#heard.length > MAX_HEARD) this.#heard.shift();
  }

  gap(reason: string): void {
    this.gaps.push(reason);
    this.#next = undefined;
    this.#isInGap = true;
  }

  number(number: number): void {
    this.received++;
    const expected = this.#next;
    this.#next = number + 1;
    this.last = number;
    const isNew = number > this.#highest;
    const isCovered = this.#isInGap && isNew;
    if (isNew) {
      this.#highest = number;
      this.#isInGap = false;
    }
    if (expected === undefined || number === expected || isCovered) return;
    const kind = number > expected ? "lost" : number === expected - 1 ? "duplicated" : "reordered";
    this.violations.push({
      kind,
      channel: this.channel,
      expected,
      received: number,
      heard: [...this.#heard],
    });
  }
}
