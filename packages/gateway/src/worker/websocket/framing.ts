/**
 * A message → one WebSocket frame, header and payload in one piece of memory; and control frames.
 *
 * A message is framed once for all its receivers, because frames of a server are not masked (RFC 6455 §5.1)
 * and so are the same for every client.
 */
import type { Framing } from "@holdfast/core";
import { PING } from "@holdfast/protocol";

/** RFC 6455 §5.2. */
export const OPCODES = Object.freeze({ continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 });
/** In the first byte: the last frame of its message. */
const FINAL = 0x80;
/** In the first byte of a message: its payload is compressed (RFC 7692 §6). */
export const COMPRESSED = 0x40;
const SHORT = 125;
const UINT16 = 0xffff;

/** The ping of the protocol, which is all that an idle session is ever sent. */
const PROTOCOL_PING = textFrame(PING);

export class WebSocketFraming implements Framing {
  frame(text: string): Buffer {
    return text === PING ? PROTOCOL_PING : textFrame(text);
  }

  frameBytes(bytes: Uint8Array): Buffer {
    const frame = frameOf(OPCODES.binary, bytes.length);
    frame.set(bytes, frame.length - bytes.length);
    return frame;
  }
}

function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const frame = frameOf(OPCODES.text, length);
  frame.write(text, frame.length - length);
  return frame;
}

/** A message's frame with its header, and room for so many bytes of payload. */
export function frameOf(first: number, length: number): Buffer {
  const start = length <= SHORT ? 2 : length <= UINT16 ? 4 : 10;
  // Not from the shared pool: a frame that waits for a slow consumer must not hold 8 KiB of its neighbours.
  const frame = Buffer.allocUnsafeSlow(start + length);
  frame[0] = FINAL | first;
  if (length <= SHORT) {
    frame[1] = length;
  } else if (length <= UINT16) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  return frame;
}

/** A control frame; its payload has at most 125 bytes (§5.5). */
export function controlFrame(opcode: number, payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafeSlow(2 + payload.length);
  frame[0] = FINAL | opcode;
  frame[1] = payload.length;
  frame.set(payload, 2);
  return frame;
}

/** A close frame with a code and a short reason. */
export function closeFrame(code: number, reason: string): Buffer {
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code);
  payload.write(reason, 2);
  return controlFrame(OPCODES.close, payload);
}
