/**
 * The encoding seam: frames ↔ messages. An encoding knows how a message looks, and nothing of what it says.
 *
 * A frame is a tree of JSON values whose leaves may be published data: JSON text or bytes. Text is
 * carried as it was written: no encoding parses it and writes it anew where it can be avoided. Bytes are
 * carried as bytes, or as base64 by an encoding that has text alone. An implementer owes:
 * `decode` never throws, takes any message, and is bounded by the message's size; `encode` takes every frame
 * that a dialect makes; both keep no state between calls. How frames are named is the dialect's.
 */

/** One message of a transport: text or bytes. */
export type WireMessage = string | Uint8Array;

/** Data as JSON text, to the letter as its publisher wrote it. One line. */
export class JsonText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** A frame that is to be encoded, or a part of one. Members that are undefined are left out. */
export type FrameValue =
  | string
  | number
  | boolean
  | null
  | JsonText
  | Uint8Array
  | readonly FrameValue[]
  | { readonly [name: string]: FrameValue | undefined };

/** A frame that was decoded. */
export interface ReceivedFrame {
  /** As JSON.parse would have it: numbers may have lost digits. For everything but data. */
  readonly value: unknown;
  /**
   * The JSON data at a place in it, to the letter; undefined where there is nothing, or something that JSON
   * cannot say. Bytes are in `value`.
   */
  data(...path: readonly (string | number)[]): JsonText | undefined;
}

/** What a part of a message was. After `malformed` nothing of the message is decoded. */
export type DecodedPart =
  | { readonly kind: "frame"; readonly frame: ReceivedFrame }
  | { readonly kind: "malformed"; readonly problem: string };

export interface FrameEncoding {
  /** For logs and tests. */
  readonly name: string;
  /** Whether its messages are bytes. */
  readonly isBinary: boolean;
  encode(frame: FrameValue): WireMessage;
  /** Several encoded frames as one message, of which `decode` finds them all. At least one. */
  join(frames: readonly WireMessage[]): WireMessage;
  /** The frames of a message, in order; at least one part. */
  decode(message: WireMessage): readonly DecodedPart[];
}
