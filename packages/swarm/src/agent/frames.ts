/**
 * WebSocket frames as the swarm meets them: short, whole, unmasked ones from a server, and its own short
 * masked ones.
 *
 * Bytes come as the network cut them. What is left of an unfinished frame is the caller's to keep until more
 * arrives, so a connection at rest has nothing. Invariant: the same bytes give the same frames in whatever
 * pieces they come.
 */

export interface FrameSink {
  /** Called once a frame; `bytes` from `start` to `end` are its payload, valid during the call. */
  frame(opcode: number, bytes: Uint8Array, start: number, end: number): void;
}

export const TEXT = 1;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

/** A server's frame may be this long: more than the gateway's largest publication. */
export const MAX_FRAME_BYTES = 16 * 1024 * 1024;

/**
 * Gives every whole frame to `sink`, and returns where the first unfinished one begins; -1 when the bytes are
 * not frames of a server, or are parts of a message (which a gateway never sends).
 */
export function readFrames(bytes: Uint8Array, from: number, sink: FrameSink): number {
  let at = from;
  for (;;) {
    const left = bytes.length - at;
    if (left < 2) return at;
    const [first = 0, second = 0] = [bytes[at], bytes[at + 1]];
    // Final, no extension, not masked, and no continuation.
    if ((first & 0xf0) !== 0x80 || (second & 0x80) !== 0 || (first & 0x0f) === 0) return -1;
    let length = second;
    let header = 2;
    if (second >= 126) {
      header = second === 126 ? 4 : 10;
      if (left < header) return at;
      length = 0;
      for (let index = 2; index < header; index++) length = length * 256 + (bytes[at + index] ?? 0);
      if (length > MAX_FRAME_BYTES) return -1;
    }
    if (left < header + length) return at;
    sink.frame(first & 0x0f, bytes, at + header, at + header + length);
    at += header + length;
  }
}

/** A frame of at most 65,535 bytes as a Latin-1 string, masked with zeroes. */
export function maskedFrame(opcode: number, payload = ""): string {
  const { length } = payload;
  const size = length < 126 ? [0x80 | length] : [0x80 | 126, length >> 8, length & 0xff];
  return `${String.fromCharCode(0x80 | opcode, ...size)}\0\0\0\0${payload}`;
}
