/**
 * Text → one WebSocket frame, header and payload in one piece of memory.
 *
 * ws frames a message anew for each `send`. Here it is framed once for all its receivers, because frames of a server
 * are not masked (RFC 6455 §5.1) and so are the same for everybody.
 */
import type { Framing } from "@holdfast/core";

/** FIN, and the opcode of text: RFC 6455 §5.2. */
const FINAL_TEXT = 0x81;
const SHORT = 125;
const UINT16 = 0xffff;

export class WebSocketFraming implements Framing {
  /** A Buffer: Node would wrap any other array anew for each socket that it is written to. */
  frame(text: string): Buffer {
    const length = Buffer.byteLength(text);
    const start = length <= SHORT ? 2 : length <= UINT16 ? 4 : 10;
    // Not from the shared pool: a frame that waits for a slow consumer must not hold 8 KiB of its neighbours.
    const frame = Buffer.allocUnsafeSlow(start + length);
    frame[0] = FINAL_TEXT;
    if (length <= SHORT) {
      frame[1] = length;
    } else if (length <= UINT16) {
      frame[1] = 126;
      frame.writeUInt16BE(length, 2);
    } else {
      frame[1] = 127;
      frame.writeBigUInt64BE(BigInt(length), 2);
    }
    frame.write(text, start);
    return frame;
  }
}
