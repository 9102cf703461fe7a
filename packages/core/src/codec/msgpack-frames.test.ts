import { MAX_COMMANDS_PER_MESSAGE, MAX_DEPTH } from "@holdfast/protocol";
import { describe, expect, test } from "@jest/globals";
import { decode, encode } from "@msgpack/msgpack";
import fc from "fast-check";
import { msgpackEncoding } from "./msgpack-encoding.js";
import { framesOf } from "./msgpack-frames.js";

const bytes = (...values: number[]): Uint8Array => new Uint8Array(values);
const problemOf = (message: Uint8Array): string | undefined => framesOf(message).problem;

/** A list in a list, `depth` times. */
function nested(depth: number, head: readonly number[]): Uint8Array {
  return bytes(...Array.from({ length: depth - 1 }, () => head).flat(), 0x90);
}

describe("the frames of a MessagePack message", () => {
  const plain = fc.jsonValue({ maxDepth: 4 }).filter((value) => !JSON.stringify(value).includes("__proto__"));

  test("are found where the library finds them", () => {
    fc.assert(
      fc.property(fc.array(plain, { minLength: 1, maxLength: 9 }), (values) => {
        const parts = values.map((value) => encode(value));
        const message = Buffer.concat(parts);
        const { frames, problem } = framesOf(message);
        expect(problem).toBeUndefined();
        expect(frames.map(({ start, end }) => decode(message.subarray(start, end)))).toEqual(
          JSON.parse(JSON.stringify(values)),
        );
      }),
    );
  });

  test("of any bytes are whole values that the library takes, and bounded", () => {
    const message = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.tuple(plain, fc.nat(), fc.integer({ min: 0, max: 255 })).map(([value, at, byte]) => {
        const broken = encode(value).slice();
        broken[at % broken.length] = byte;
        return broken;
      }),
    );
    fc.assert(
      fc.property(message, (message) => {
        const { frames, problem } = framesOf(message);
        let at = 0;
        for (const { start, end } of frames) {
          expect(start).toBe(at);
          at = end;
          try {
            decode(message.subarray(start, end), { useBigInt64: true });
          } catch (error) {
            expect(String(error)).toContain("__proto__");
          }
        }
        if (problem === undefined) expect(at).toBe(message.length);
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ["an empty message", bytes(), "an empty message"],
    ["a text that is cut off", bytes(0xa3, 0x61), "ends inside"],
    ["a list that announces 2^32 − 1 values", bytes(0xdd, 255, 255, 255, 255, 0xc0), "ends inside"],
    ["a map that announces 2^32 − 1 values", bytes(0xdf, 255, 255, 255, 255, 0xa0, 0xc0), "ends inside"],
    ["a length without its bytes", bytes(0xda, 1), "ends inside"],
    ["a number that is cut off", bytes(0xcf, 1, 2), "ends inside"],
    ["bytes that are cut off", bytes(0xc6, 0, 0, 1, 0, 7), "ends inside"],
    ["an extension", bytes(0xd4, 1, 2), "extension type"],
    ["a timestamp", encode(new Date(0)), "extension type"],
    ["a byte without a meaning", bytes(0xc1), "never uses"],
    ["a key that is a number", bytes(0x81, 1, 2), "key that is no text"],
    ["a key that is bytes", bytes(0x81, 0xc4, 0, 2), "key that is no text"],
    ["text that is not UTF-8", bytes(0xa2, 0xc3, 0x28), "not UTF-8"],
    ["half of a surrogate pair", bytes(0xa3, 0xed, 0xa0, 0x80), "not UTF-8"],
  ])("refuse %s", (_what, message, problem) => {
    expect(problemOf(message)).toContain(problem);
    expect(msgpackEncoding.decode(message)).toMatchObject([{ kind: "malformed" }]);
  });

  test("nest as deep as JSON may, and no deeper, whatever the head", () => {
    for (const head of [[0x91], [0xdc, 0, 1], [0xdd, 0, 0, 0, 1], [0x81, 0xa0], [0xde, 0, 1, 0xa0]]) {
      expect(problemOf(nested(MAX_DEPTH, head))).toBeUndefined();
      expect(problemOf(nested(MAX_DEPTH + 1, head))).toContain(`deeper than ${MAX_DEPTH}`);
    }
  });

  test("are as many as in JSON; those before one too many count", () => {
    const most = new Uint8Array(MAX_COMMANDS_PER_MESSAGE).fill(0x80);
    expect(framesOf(most)).toMatchObject({ problem: undefined });
    const parts = msgpackEncoding.decode(Buffer.concat([most, bytes(0x80)]));
    expect(parts.length).toBe(MAX_COMMANDS_PER_MESSAGE + 1);
    expect(parts.at(-1)).toEqual({
      kind: "malformed",
      problem: `more than ${MAX_COMMANDS_PER_MESSAGE} frames in one message`,
    });
  });

  test("with a key `__proto__` are refused", () => {
    const message = Buffer.concat([bytes(0x81, 0xa9), Buffer.from("__proto__"), bytes(1)]);
    expect(msgpackEncoding.decode(message)).toEqual([
      { kind: "malformed", problem: "a map with the key __proto__" },
    ]);
  });
});
