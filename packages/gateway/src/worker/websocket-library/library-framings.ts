/**
 * The framings of the engine `ws`, by what was agreed on with a client: plain, compressed once for all with
 * the same window, or marked for the library to compress.
 *
 * Fan-out tells framings apart by identity. Invariant: one for each agreement, so at most nine.
 */
import type { Framing, Metrics } from "@holdfast/core";
import type { DeflateTerms } from "../http/deflate-offer.js";
import { DeflatingFraming } from "../websocket/deflating-framing.js";
import { WebSocketFraming } from "../websocket/framing.js";
import { MarkedFraming } from "./marked-frames.js";

export class LibraryFramings {
  readonly #metrics: Pick<Metrics, "add">;
  readonly #plain = new WebSocketFraming();
  readonly #marked = new MarkedFraming();
  /** By the bits of the window; made when a client asks for it. */
  readonly #deflating = new Map<number, DeflatingFraming>();

  constructor(metrics: Pick<Metrics, "add">) {
    this.#metrics = metrics;
  }

  for(terms: DeflateTerms | undefined): Framing {
    if (terms === undefined) return this.#plain;
    const { windowBits, keepsContext } = terms;
    if (keepsContext) return this.#marked;
    const known = this.#deflating.get(windowBits);
    if (known !== undefined) return known;
    const made = new DeflatingFraming(windowBits, this.#metrics);
    this.#deflating.set(windowBits, made);
    return made;
  }
}
