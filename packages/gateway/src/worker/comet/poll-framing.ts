/**
 * Text → elements of the `frames` of an answer: each with the comma that stands before it, so that whatever
 * is put together is a list but for its first byte. A message of several frames is several elements.
 */
import type { Framing, Message } from "@holdfast/core";
import { MarkedBytes, type MessageEnd } from "./marked-bytes.js";

function element(text: string): string {
  return text.includes("\n") ? `,${text.replaceAll("\n", ",")}` : `,${text}`;
}

export class PollFraming implements Framing {
  readonly #marked = new MarkedBytes();

  frame(text: string): Uint8Array {
    return Buffer.from(element(text));
  }

  frameAll(messages: readonly Message[]): Uint8Array {
    return this.#marked.make(messages, element);
  }

  /** The elements of a batch, if any of them takes its reader further. */
  endings(bytes: Uint8Array): readonly MessageEnd[] | undefined {
    return this.#marked.of(bytes);
  }
}
