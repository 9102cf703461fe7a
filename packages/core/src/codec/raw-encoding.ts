/**
 * The raw encoding: data without anything around it. JSON is a text message to the letter, and bytes are a
 * binary message as they were published.
 *
 * It has one kind of frame, a leaf of data: what the raw dialect makes. Nothing that its clients say is read.
 */
import {
  type DecodedPart,
  type FrameEncoding,
  type FrameValue,
  jsonEncoding,
  type WireMessage,
} from "@holdfast/protocol";

export const rawEncoding: FrameEncoding = Object.freeze({
  name: "raw",
  isBinary: false,
  encode: (frame: FrameValue): WireMessage =>
    frame instanceof Uint8Array ? frame : jsonEncoding.encode(frame),
  join: jsonEncoding.join,
  decode: (message: WireMessage): readonly DecodedPart[] => jsonEncoding.decode(message),
});
