/**
 * A transport that remembers what it was told, and whose other side is the test.
 */
import { type DecodedFrame, decodeFrames, type WireMessage } from "@holdfast/protocol";
import type { Framing, Transport } from "../delivery/transport.js";

/** Ends a message; JSON text never contains it. */
const END = "\0";

/** Messages as text that ends with U+0000, so that several in one array of bytes can be told apart. */
export class TextFraming implements Framing {
  /** Messages framed so far. */
  framed = 0;

  frame(text: string): Uint8Array {
    this.framed++;
    return Buffer.from(text + END);
  }

  /** The messages in bytes that `frame` made. */
  messages(bytes: Uint8Array): string[] {
    return Buffer.from(bytes).toString().split(END).slice(0, -1);
  }
}

/** Text and binary messages: a binary one is its base64 behind U+0001, which no JSON begins with. */
export class MessageFraming extends TextFraming {
  frameBytes(bytes: Uint8Array): Uint8Array {
    return this.frame(`\u0001${Buffer.from(bytes).toString("base64")}`);
  }

  /** The messages as they were before they were framed. */
  said(bytes: Uint8Array): WireMessage[] {
    return this.messages(bytes).map((message) =>
      message.startsWith("\u0001") ? new Uint8Array(Buffer.from(message.slice(1), "base64")) : message,
    );
  }
}

/** How a transport was ended. */
export type FakeEnd =
  | { readonly by: "close"; readonly code: number; readonly reason: string }
  | { readonly by: "terminate" };

/** The framing of all fake transports, unless they are given another. */
export const textFraming = new TextFraming();

export class FakeTransport implements Transport {
  readonly framing: TextFraming;
  /** Set by the test: what the other side has not taken yet. */
  bufferedBytes = 0;
  /** Every write. */
  readonly writes: Uint8Array[] = [];
  /** Pings below the protocol. */
  pings = 0;
  /** The first close or terminate. */
  end: FakeEnd | undefined;
  /** Thrown by each write, which a transport must not do. */
  failure: Error | undefined;
  /** Called at each write. */
  onWrite: () => void = () => {};
  #read = 0;

  constructor(framing: TextFraming = textFraming) {
    this.framing = framing;
  }

  write(frames: Uint8Array): void {
    if (this.end !== undefined) return;
    if (this.failure !== undefined) throw this.failure;
    this.writes.push(frames);
    this.onWrite();
  }

  ping(): void {
    if (this.end === undefined) this.pings++;
  }

  close(code: number, reason: string): void {
    this.end ??= { by: "close", code, reason };
  }

  terminate(): void {
    this.end ??= { by: "terminate" };
  }

  /** Every message, as text. */
  get messages(): string[] {
    return this.writes.flatMap((bytes) => this.framing.messages(bytes));
  }

  /** Messages since the last call of this or of `takeFrames`. */
  takeMessages(): string[] {
    const messages = this.messages;
    const taken = messages.slice(this.#read);
    this.#read = messages.length;
    return taken;
  }

  /** Frames since the last call of this or of `takeMessages`. */
  takeFrames(): DecodedFrame[] {
    return this.takeMessages().flatMap((message) => decodeFrames(message));
  }
}
