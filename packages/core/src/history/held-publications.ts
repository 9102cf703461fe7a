/**
 * Held publications: what arrives by pub/sub while a stream's log is read.
 *
 * Owns the order of arrival and the limit. Leaves to the stream what follows and what is known already.
 * Invariant: at most `MAX_HELD` publications and `MAX_HELD_CHARS` characters; what finds no room is counted
 * on by no reader, because `overflowed` says that the log has to be read once more.
 */
import type { Data, Position } from "@holdfast/protocol";
import type { Entry } from "../broker/broker.js";

export interface HeldEntry extends Entry {
  readonly epoch: string;
}

/** Publications that one stream holds, and their characters. */
const MAX_HELD = 1024;
const MAX_HELD_CHARS = 4 * 1024 * 1024;

export class HeldPublications {
  readonly #entries: HeldEntry[] = [];
  #chars = 0;
  #overflowed = false;

  /** In the order in which they arrived. */
  get entries(): readonly HeldEntry[] {
    return this.#entries;
  }

  /** Whether any found no room. */
  get overflowed(): boolean {
    return this.#overflowed;
  }

  hold({ offset, epoch }: Position, data: Data): void {
    if (this.#entries.length < MAX_HELD && this.#chars + data.length <= MAX_HELD_CHARS) {
      this.#entries.push({ offset, epoch, data });
      this.#chars += data.length;
    } else this.#overflowed = true;
  }
}
