import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { envelop, open } from "./envelope.js";

const MARK = "\u0001hf\u0001";

describe("the envelope", () => {
  test("what is not marked is data from the first byte on", () => {
    for (const text of ["", "\u0001", "\u0001hf", "{}", "hf\u0001 1 a x"]) {
      expect(envelop(text)).toBe(text);
      expect(open(Buffer.from(text))).toEqual({ start: 0, position: undefined });
    }
  });

  test("a marked payload has a position, and its data is whatever follows", () => {
    expect(open(Buffer.from(`${MARK}12 ab 3 c`))).toEqual({
      start: 10,
      position: { offset: 12, epoch: "ab" },
    });
    expect(open(Buffer.from(`${MARK}9007199254740991 a `))?.position?.offset).toBe(Number.MAX_SAFE_INTEGER);
  });

  test("any text comes back as it was", () => {
    const text = fc
      .tuple(fc.constantFrom("", MARK), fc.string({ unit: "grapheme" }))
      .map((all) => all.join(""));
    fc.assert(
      fc.property(text, (data) => {
        const payload = Buffer.from(envelop(data));
        const opened = open(payload);
        expect(opened?.position).toBeUndefined();
        expect(payload.toString("utf8", opened?.start)).toBe(data);
      }),
    );
  });

  test.each([
    "",
    "1",
    "1 ",
    "1 a",
    " a x",
    "x a x",
    "-1 a x",
    "1  x",
    "90071992547409920 a x",
    `1 ${"a".repeat(65)} x`,
  ])("the mark followed by %j is no publication", (rest) => {
    expect(open(Buffer.from(MARK + rest))).toBeUndefined();
  });

  test("any bytes after the mark are read or refused", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const payload = Buffer.concat([Buffer.from(MARK), bytes]);
        const opened = open(payload);
        if (opened === undefined) return;
        expect(opened.start).toBeGreaterThan(MARK.length);
        expect(opened.start).toBeLessThanOrEqual(payload.length);
      }),
    );
  });
});
