/**
 * Text → elements of the `frames` of an answer: each with the comma that stands before it, so that whatever
 * is put together is a list but for its first byte. A message of several frames is several elements.
 */
import type { Framing, Message } from "@holdfast/core";
import { toBase64, type WireMessage } from "@holdfast/protocol";
import { MarkedBytes, type MessageEnd } from "./marked-bytes.js";

/** A poll's codec says text alone; bytes would be base64. */
function element(said: WireMessage): string {
  if (typeof said !== "string") return `,"${toBase64(said)}"`;
  return said.includes("\n") ? `,${said.replaceAll("\n", ",")}` : `,${said}`;
}

export class PollFraming implements Framing {
  readonly #marked = new MarkedBytes();
  /** By the memory of a batch that many may be given: bytes from which it may be compressed. */
  readonly #compressFrom = new WeakMap<ArrayBufferLike, number>();

  frame(text: string): Uint8Array {
    return Buffer.from(element(text));
  }

  frameAll(messages: readonly Message[], compressFrom?: number): Uint8Array {
    const bytes = this.#marked.make(messages, element);
    if (compressFrom !== undefined) this.#compressFrom.set(bytes.buffer, compressFrom);
    return bytes;
  }

  /** Bytes from which these elements may be compressed; undefined for those of one session alone. */
  compressFrom(elements: Uint8Array): number | undefined {
    return this.#compressFrom.get(elements.buffer);
  }

  /** The elements of a batch, if any of them takes its reader further. */
  endings(bytes: Uint8Array): readonly MessageEnd[] | undefined {
    return this.#marked.of(bytes);
  }
}
