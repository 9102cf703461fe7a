/**
 * Frames that say which messages the library may compress, for connections whose compression keeps context.
 *
 * What such a connection is sent depends on all that it was sent before, so nothing can be shared but the
 * plain frames. A frame's bit for compression is the mark. Invariant: a marked frame never reaches a socket;
 * `ContextSocket` takes messages out of their frames.
 */
import type { Framing } from "@holdfast/core";
import { COMPRESSED, OPCODES, WebSocketFraming } from "../websocket/framing.js";

/** A message as it was framed. */
export interface MarkedMessage {
  readonly payload: Uint8Array;
  readonly isBinary: boolean;
  readonly mayCompress: boolean;
}

const OPCODE = 0x0f;
const LENGTH = 0x7f;
const LENGTH_16 = 126;
const LENGTH_64 = 127;

const PLAIN = new WebSocketFraming();

export class MarkedFraming implements Framing {
  frame(text: string, compressFrom?: number): Uint8Array {
    return marked(PLAIN.frame(text), compressFrom);
  }

  frameBytes(bytes: Uint8Array, compressFrom?: number): Uint8Array {
    return marked(PLAIN.frameBytes(bytes), compressFrom);
  }
}

/** The messages in whole frames of a server, in order. */
export function* messagesIn(frames: Uint8Array): Generator<MarkedMessage> {
  const view = new DataView(frames.buffer, frames.byteOffset, frames.byteLength);
  for (let at = 0; at < frames.length; ) {
    const first = view.getUint8(at);
    const start = at + headBytes(view.getUint8(at + 1));
    const end = start + payloadBytes(view, at);
    yield {
      payload: frames.subarray(start, end),
      isBinary: (first & OPCODE) === OPCODES.binary,
      mayCompress: (first & COMPRESSED) !== 0,
    };
    at = end;
  }
}

/** The frame is ours alone until it is returned; the one of the ping is shared, and is never marked. */
function marked(frame: Buffer, compressFrom: number | undefined): Buffer {
  if (compressFrom === undefined) return frame;
  const length = frame.length - headBytes(frame.readUInt8(1));
  if (length >= compressFrom) frame.writeUInt8(frame.readUInt8(0) | COMPRESSED, 0);
  return frame;
}

function headBytes(second: number): number {
  const length = second & LENGTH;
  return length === LENGTH_64 ? 10 : length === LENGTH_16 ? 4 : 2;
}

function payloadBytes(view: DataView, at: number): number {
  const length = view.getUint8(at + 1) & LENGTH;
  if (length < LENGTH_16) return length;
  return length === LENGTH_16 ? view.getUint16(at + 2) : Number(view.getBigUint64(at + 2));
}
