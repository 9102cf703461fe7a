/**
 * WebSocket frames as the fleet in Node needs them: reading what a server sends, writing short masked ones.
 */

export interface Frame {
  readonly opcode: number;
  readonly payload: Buffer;
  /** Bytes of header and payload. */
  readonly total: number;
}

/**
 * The first frame of `bytes`, which a server sent and hence did not mask; undefined while it is not whole.
 */
export function readFrame(bytes: Buffer): Frame | undefined {
  if (bytes.length < 2) return undefined;
  let length = bytes.readUInt8(1) & 0x7f;
  let header = 2;
  if (length === 126) {
    if (bytes.length < 4) return undefined;
    length = bytes.readUInt16BE(2);
    header = 4;
  } else if (length === 127) {
    if (bytes.length < 10) return undefined;
    length = Number(bytes.readBigUInt64BE(2));
    header = 10;
  }
  const total = header + length;
  if (bytes.length < total) return undefined;
  return { opcode: bytes.readUInt8(0) & 0x0f, payload: bytes.subarray(header, total), total };
}

/** A frame of at most 125 bytes, masked with zeroes. */
export function maskedFrame(opcode: number, payload: string | Buffer): Buffer {
  const bytes = Buffer.from(payload as string);
  return Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | bytes.length, 0, 0, 0, 0]), bytes]);
}
