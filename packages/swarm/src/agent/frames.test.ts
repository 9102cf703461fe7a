import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { MAX_FRAME_BYTES, maskedFrame, readFrames } from "./frames.js";

interface Seen {
  readonly opcode: number;
  readonly payload: string;
}

function serverFrame({ opcode, payload }: Seen): Buffer {
  const bytes = Buffer.from(payload, "latin1");
  const head = [0x80 | opcode];
  if (bytes.length < 126) head.push(bytes.length);
  else if (bytes.length < 65_536) head.push(126, bytes.length >> 8, bytes.length & 255);
  else head.push(127, 0, 0, 0, 0, 0, bytes.length >> 16, (bytes.length >> 8) & 255, bytes.length & 255);
  return Buffer.concat([Buffer.from(head), bytes]);
}

/** Reads chunks as a connection would, keeping what is unfinished. */
function readAll(chunks: readonly Uint8Array[]): { seen: Seen[]; rest: number; ok: boolean } {
  const seen: Seen[] = [];
  const sink = {
    frame(opcode: number, bytes: Uint8Array, start: number, end: number): void {
      seen.push({ opcode, payload: Buffer.from(bytes.subarray(start, end)).toString("latin1") });
    },
  };
  let kept: Uint8Array = new Uint8Array(0);
  for (const chunk of chunks) {
    const all = Buffer.concat([kept, chunk]);
    const at = readFrames(all, 0, sink);
    if (at < 0) return { seen, rest: kept.length, ok: false };
    kept = all.subarray(at);
  }
  return { seen, rest: kept.length, ok: true };
}

const FRAME = fc.record({
  opcode: fc.constantFrom(1, 2, 8, 9, 10),
  payload: fc
    .oneof(
      { weight: 9, arbitrary: fc.string({ maxLength: 300 }) },
      { weight: 1, arbitrary: fc.integer({ min: 65_530, max: 66_000 }).map((length) => "x".repeat(length)) },
    )
    .map((text) => Buffer.from(text).toString("latin1")),
});

describe("reading frames", () => {
  test("the same frames in whatever pieces the bytes come", () => {
    const cuts = fc.array(fc.nat(10_000), { maxLength: 30 });
    fc.assert(
      fc.property(fc.array(FRAME, { maxLength: 8 }), cuts, (frames, lengths) => {
        const bytes = Buffer.concat(frames.map(serverFrame));
        const chunks: Buffer[] = [];
        let at = 0;
        for (const length of lengths) {
          chunks.push(bytes.subarray(at, at + length));
          at += length;
        }
        chunks.push(bytes.subarray(at));
        expect(readAll(chunks)).toEqual({ seen: frames, rest: 0, ok: true });
      }),
    );
  });

  test("arbitrary bytes neither throw nor give more than there was", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 6 }), (chunks) => {
        const { seen } = readAll(chunks);
        const total = chunks.reduce((sum, { length }) => sum + length, 0);
        expect(seen.reduce((sum, { payload }) => sum + payload.length + 2, 0)).toBeLessThanOrEqual(total);
      }),
    );
  });

  test.each([
    ["a masked frame", [0x81, 0x80, 0, 0, 0, 0]],
    ["a part of a message", [0x01, 0x01, 65]],
    ["a continuation", [0x80, 0x01, 65]],
    ["an extension's bit", [0xc1, 0x01, 65]],
    ["a frame beyond the limit", [0x82, 127, 0, 0, 0, 1, 0, 0, 0, 0]],
  ])("%s is refused", (_, bytes) => {
    expect(readAll([Uint8Array.from(bytes)]).ok).toBe(false);
  });

  test("a frame of the limit is waited for", () => {
    const head = Buffer.alloc(10);
    head[0] = 0x82;
    head[1] = 127;
    head.writeUInt32BE(MAX_FRAME_BYTES, 6);
    expect(readAll([head])).toEqual({ seen: [], rest: 10, ok: true });
  });
});

test("an own frame is masked with zeroes", () => {
  expect(Buffer.from(maskedFrame(10, "abc"), "latin1")).toEqual(
    Buffer.from([0x8a, 0x83, 0, 0, 0, 0, 97, 98, 99]),
  );
});
