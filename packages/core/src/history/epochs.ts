/**
 * Epochs: the lives of one channel's log, as a stream has followed them.
 *
 * Owns the present epoch, which earlier ones share their beginning with it, and which one listeners know.
 * Leaves offsets to the stream. Invariant: an epoch that differs from the one listeners know is due until
 * they have been told.
 */
import type { Position } from "@holdfast/protocol";
import type { LogPage } from "../broker/broker.js";

export class Epochs {
  #current: string | undefined;
  #previous: string | undefined;
  #lineage: readonly Position[] = [];
  /** Whether listeners have yet to be told the present epoch, which is not the one that they know. */
  #isDue = false;
  /** An epoch that the log does not know, though it was asked after a client brought it: it never will. */
  #foreign: string | undefined;

  /** The present epoch. Undefined before the log was read for the first time. */
  get current(): string | undefined {
    return this.#current;
  }

  /** The epoch before the present one, if the stream came from there without skipping anything. */
  get previous(): string | undefined {
    return this.#previous;
  }

  /** Earlier epochs, each with the last offset up to which it is the same log. */
  get lineage(): readonly Position[] {
    return this.#lineage;
  }

  /** The present epoch, while listeners know another: the next publication has to name it. */
  get due(): string | undefined {
    return this.#isDue ? this.#current : undefined;
  }

  /** Listeners have been told the present epoch. */
  told(): void {
    this.#isDue = false;
  }

  /** The log was read for the first time. Listeners hear its epoch with the answer to their subscribe. */
  begin({ top, lineage }: LogPage): void {
    this.#current = top.epoch;
    this.#lineage = lineage;
  }

  /** The log was read again. `isWhole`: the page goes on where the stream stands, and nothing is skipped. */
  follow(page: LogPage, isWhole: boolean): void {
    if (page.top.epoch !== this.#current) {
      this.#isDue = true;
      this.#previous = isWhole ? this.#current : undefined;
    }
    this.begin(page);
  }

  /** The last offset up to which an earlier epoch is the same log, if that is known. */
  sharedWith(epoch: string): number | undefined {
    return this.#lineage.find((each) => each.epoch === epoch)?.offset;
  }

  /** The log was asked after a client brought this epoch, and may not know it. */
  refute(epoch: string): void {
    if (!this.#knows(epoch)) this.#foreign = epoch;
  }

  /** Whether a read of the log may still show what this epoch is. */
  mayComeToKnow(epoch: string): boolean {
    return !this.#knows(epoch) && epoch !== this.#foreign;
  }

  #knows(epoch: string): boolean {
    return epoch === this.#current || this.sharedWith(epoch) !== undefined;
  }
}
