import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { FRAME, FrameReader, frame } from "./frames.js";

type Read = readonly [type: number, number: number, rest: string];

/** Reads the bytes in pieces of these sizes. Undefined: they were refused. */
function readAll(bytes: Buffer, sizes: readonly number[], maxBytes = 1024): Read[] | undefined {
  const found: Read[] = [];
  const reader = new FrameReader(maxBytes, (type, number, rest) =>
    found.push([type, number, rest.toString("latin1")]),
  );
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1;
    if (!reader.read(bytes.subarray(at, at + size))) return undefined;
    at += size;
  }
  return found;
}

const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 });

describe("FrameReader", () => {
  test("finds the frames that were written, however they come", () => {
    const one = fc.tuple(
      fc.integer({ min: 0, max: 255 }),
      fc.integer({ min: 0, max: 0xffffffff }),
      fc.uint8Array(),
    );
    fc.assert(
      fc.property(fc.array(one), sizes, (frames, pieces) => {
        const bytes = Buffer.concat(
          frames.map(([type, number, rest]) => frame(type, number, Buffer.from(rest))),
        );
        expect(readAll(bytes, pieces)).toEqual(
          frames.map(([type, number, rest]) => [type, number, Buffer.from(rest).toString("latin1")]),
        );
      }),
    );
  });

  test("any other bytes are refused or wait, and never throw", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), sizes, (bytes, pieces) => {
        for (const [, , rest] of readAll(Buffer.from(bytes), pieces) ?? [])
          expect(rest.length).toBeLessThanOrEqual(1024);
      }),
    );
  });

  test("refuses a length below that of a head, and one above the limit before it has come", () => {
    for (const length of [0, 4, 1025, 0xffffffff]) {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(length, 0);
      expect(readAll(bytes, [4])).toBeUndefined();
    }
    expect(readAll(frame(FRAME.payload, 1, Buffer.alloc(1019)), [7])).toHaveLength(1);
  });

  test("a text is its UTF-8", () => {
    expect(readAll(frame(FRAME.subscribe, 7, "channel:ä"), [3])).toEqual([
      [FRAME.subscribe, 7, Buffer.from("channel:ä").toString("latin1")],
    ]);
  });
});
