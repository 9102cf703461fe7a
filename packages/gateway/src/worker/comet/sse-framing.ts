/**
 * Messages → server-sent events: WHATWG HTML §9.2. A message is one event, and its text the event's data.
 *
 * Clients that come back by Last-Event-ID need an `id:` with each event that takes them further. Where all
 * that a stream can be told of is one channel, and it has no secret of its own, its id is the same for all
 * streams and is part of the shared bytes; otherwise the transport puts one in front of each event.
 */
import type { Framing, Message } from "@holdfast/core";
import { toBase64, type WireMessage } from "@holdfast/protocol";
import { cursorHead, encodeCursor } from "./cursor.js";
import { MarkedBytes, type MessageEnd } from "./marked-bytes.js";

const NO_HEAD = cursorHead();

/** One event without an id. Bytes are an event of the type `bytes`, as base64. */
function event(said: WireMessage): string {
  return typeof said === "string" ? textEvent(said) : `event: bytes\ndata: ${toBase64(said)}\n\n`;
}

function textEvent(text: string): string {
  return text.includes("\n") ? `data: ${text.replaceAll("\n", "\ndata: ")}\n\n` : `data: ${text}\n\n`;
}

/** The line that tells an EventSource what to come back with. */
export function idLine(cursor: string): string {
  return `id: ${cursor}\n`;
}

/** Events whose ids, if there are any, are the transport's to add. */
export class EventFraming implements Framing {
  readonly #marked = new MarkedBytes();

  frame(text: string): Uint8Array {
    return Buffer.from(event(text));
  }

  frameBytes(bytes: Uint8Array): Uint8Array {
    return Buffer.from(event(bytes));
  }

  frameAll(messages: readonly Message[]): Uint8Array {
    return this.#marked.make(messages, event);
  }

  /** The events of a batch, if any of them takes its reader further. */
  endings(bytes: Uint8Array): readonly MessageEnd[] | undefined {
    return this.#marked.of(bytes);
  }
}

/** Events that say themselves where one channel stands. */
export class NumberedFraming implements Framing {
  frame(text: string): Uint8Array {
    return Buffer.from(event(text));
  }

  frameBytes(bytes: Uint8Array): Uint8Array {
    return Buffer.from(event(bytes));
  }

  frameAll(messages: readonly Message[]): Uint8Array {
    let text = "";
    for (const { said, at } of messages) {
      if (at !== undefined) text += idLine(encodeCursor(NO_HEAD, [[at.channel, at.position]]));
      text += event(said);
    }
    return Buffer.from(text);
  }
}
