import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { jsonOf, needsCare, readJson } from "./json-values.js";

const careful = (json: string): unknown => readJson(json, true);

describe("JSON text as values", () => {
  test("read carefully is what JSON.parse gives, but for wide integers and `__proto__`", () => {
    const json = fc.json({ maxDepth: 4 }).filter((text) => !text.includes("__proto__"));
    fc.assert(
      fc.property(json, fc.constantFrom(undefined, 1, "\t"), (text, space) => {
        const spaced = JSON.stringify(JSON.parse(text), null, space);
        expect(JSON.parse(jsonOf(careful(spaced)) ?? "")).toEqual(JSON.parse(spaced));
      }),
    );
  });

  test("keeps the digits of every integer of 64 bits, and takes the nearest double beyond", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }), (integer) => {
        const text = `{"id":${integer},"at":1.5e300}`;
        const isLost = !Number.isSafeInteger(Number(integer));
        if (isLost) expect(needsCare(text)).toBe(true);
        expect(jsonOf(careful(text))).toBe(`{"id":${integer},"at":1.5e+300}`);
      }),
    );
    expect(careful("[18446744073709551616,-9223372036854775809]")).toEqual([2 ** 64, -(2 ** 63)]);
    expect(careful("12345678901234567.5")).toBe(Number("12345678901234567.5"));
  });

  test("leaves out `__proto__`, however it is written, and of a repeated key all but the last", () => {
    for (const name of ["__proto__", "__pr\\u006fto__", "\\u005f_proto__"]) {
      const text = `{"a":1,"${name}":{"b":2},"c":[{"${name}":3}],"a":4}`;
      expect(needsCare(text)).toBe(true);
      expect(jsonOf(careful(text))).toBe('{"a":4,"c":[{}]}');
    }
  });

  test("are no JSON where they have bytes, NaN or an infinity in them", () => {
    for (const value of [new Uint8Array(1), Number.NaN, Number.POSITIVE_INFINITY])
      for (const tree of [value, [1, value], { a: { b: value } }]) expect(jsonOf(tree)).toBeUndefined();
  });
});
