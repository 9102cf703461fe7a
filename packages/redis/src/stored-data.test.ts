import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { dataOf, sizeOf, storedData } from "./stored-data.js";

const MARK = Buffer.from([0xff, 0x68, 0x66, 0xff]);

describe("stored data", () => {
  test("comes back as it was: text as text, bytes as the same bytes, also bytes that are good text", () => {
    const bytes = fc.oneof(
      fc.uint8Array(),
      fc.string().map((text) => new Uint8Array(Buffer.from(text))),
      fc.uint8Array().map((rest) => new Uint8Array(Buffer.concat([MARK, rest]))),
    );
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "grapheme" }), bytes), (data) => {
        const stored = Buffer.from(storedData(data) as string);
        expect(dataOf(stored)).toEqual(data);
        expect(sizeOf(stored)).toBe(Buffer.byteLength(data));
      }),
    );
  });

  test("that a backend wrote by hand is text where it is UTF-8, and otherwise bytes", () => {
    expect(dataOf(Buffer.from("hé"))).toBe("hé");
    expect(dataOf(Buffer.from([0xff, 0xd8, 0xff]))).toEqual(new Uint8Array([0xff, 0xd8, 0xff]));
    expect(dataOf(Buffer.concat([MARK, Buffer.from("text")]))).toEqual(new Uint8Array(Buffer.from("text")));
  });

  test("shares no memory with what it was read from", () => {
    const read = Buffer.from([0xff, 1]);
    const payload = dataOf(read);
    read[1] = 2;
    expect(payload).toEqual(new Uint8Array([0xff, 1]));
  });
});
