/**
 * What a connection of polls has sent and what is not worked off: bytes in, the bodies of whole requests out.
 *
 * Remembers the head of the request before, which most clients send again. Any bytes are safe. Invariant:
 * what is kept counts with others' (`KeptPolls`) until it is released.
 */
import type { RequestHead } from "../../http/incoming-head.js";
import { readPlainPost } from "../../http/plain-head.js";
import type { KeptPolls } from "./kept-polls.js";
import { type PollHead, type PollHeadRules, readPollHead } from "./poll-head.js";

const NOTHING = Buffer.alloc(0);
const NO_HEADERS: RequestHead = Object.freeze({ headers: Object.freeze({}) });

export class PollInput {
  /** Reads of the next request, which is not whole. */
  pieces = 0;
  #head: PollHead | undefined;
  #bytes: Buffer = NOTHING;
  #kept = 0;

  get length(): number {
    return this.#bytes.length;
  }

  get isKept(): boolean {
    return this.#kept > 0;
  }

  /** The head of the last whole request. */
  get head(): PollHead | undefined {
    return this.#head;
  }

  /** The same in full: it is not kept. */
  get request(): RequestHead {
    return readPlainPost(this.#head?.text ?? "") ?? NO_HEADERS;
  }

  add(bytes: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? bytes : Buffer.concat([this.#bytes, bytes]);
  }

  /**
   * The body of the next request, which is taken out. `partial`: it has not come whole; `other`: it is not
   * for us.
   */
  next(rules: PollHeadRules): Buffer | "partial" | "other" {
    const bytes = this.#bytes;
    const head = readPollHead(bytes, this.#head, rules);
    if (typeof head === "string") return head;
    this.#head = head;
    const start = head.text.length;
    const end = start + head.bodyBytes;
    if (bytes.length < end) return "partial";
    // Copied: what is kept must not hold what was worked off.
    this.#bytes = bytes.length === end ? NOTHING : Buffer.from(bytes.subarray(end));
    return bytes.subarray(start, end);
  }

  /** All of it, which is no more here. */
  takeAll(): Buffer {
    const bytes = this.#bytes;
    this.#bytes = NOTHING;
    return bytes;
  }

  /** So many bytes of it are kept from now on; false: there is no room. */
  keep(bytes: number, kept: Pick<KeptPolls, "hold">): boolean {
    const held = kept.hold(bytes);
    this.#kept += held;
    return held > 0;
  }

  /** None of it is kept any more. */
  release(kept: Pick<KeptPolls, "release">): void {
    kept.release(this.#kept);
    this.#kept = 0;
  }
}
