/**
 * Frames as a client makes them, and as it must not.
 */
export interface FrameParts {
  readonly opcode: number;
  readonly payload: Uint8Array;
  /** Default true. */
  readonly final?: boolean;
  /** The three reserved bits. */
  readonly reserved?: number;
  /** Undefined: none, which is wrong. */
  readonly mask?: readonly [number, number, number, number] | undefined;
  /** How many bits the length takes; default the fewest. */
  readonly lengthBits?: 7 | 16 | 64;
  /** What the header says; default the truth. */
  readonly claimedLength?: number | bigint;
}

export const MASK = [0x1f, 0x2e, 0x3d, 0x4c] as const;

export function clientFrame(parts: FrameParts): Buffer {
  const { opcode, payload, final = true, reserved = 0 } = parts;
  const mask = "mask" in parts ? parts.mask : MASK;
  const length = parts.claimedLength ?? payload.length;
  const bits = parts.lengthBits ?? (length <= 125 ? 7 : length <= 0xffff ? 16 : 64);
  const size = Buffer.alloc(bits === 7 ? 0 : bits / 8);
  if (bits === 16) size.writeUInt16BE(Number(length));
  if (bits === 64) size.writeBigUInt64BE(BigInt(length));
  const short = bits === 7 ? Number(length) : bits === 16 ? 126 : 127;
  const first = (final ? 0x80 : 0) | (reserved << 4) | opcode;
  const masked = mask === undefined ? payload : payload.map((byte, i) => byte ^ (mask[i % 4] as number));
  return Buffer.concat([
    Buffer.of(first, (mask === undefined ? 0 : 0x80) | short),
    size,
    Buffer.from(mask ?? []),
    masked,
  ]);
}
