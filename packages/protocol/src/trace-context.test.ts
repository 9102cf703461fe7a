import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { encodePublication, historyText, normalizeData } from "./encode.js";
import {
  dataOfTraced,
  isMarked,
  isSampled,
  isTraceparent,
  TRACE_CONTEXT_LENGTH,
  traceparentOf,
  withTraceparent,
} from "./trace-context.js";

const VALID = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const MARK = "\u0001tp\u0001";

const hex = (length: number) =>
  fc
    .array(fc.constantFrom(..."0123456789abcdef"), { minLength: length, maxLength: length })
    .map((digits) => digits.join(""));
const id = (length: number) => hex(length).filter((digits) => /[^0]/.test(digits));
const traceparents = fc
  .tuple(id(32), id(16), hex(2))
  .map(([trace, parent, flags]) => `00-${trace}-${parent}-${flags}`);

describe("a traceparent", () => {
  it("of version 00 is taken, whatever its ids and flags", () => {
    fc.assert(fc.property(traceparents, (text) => isTraceparent(text)));
  });

  it.each([
    ["another version", VALID.replace(/^00/, "01")],
    ["the version that is none", VALID.replace(/^00/, "ff")],
    ["a trace id of zeros", `00-${"0".repeat(32)}-b7ad6b7169203331-01`],
    ["a parent id of zeros", `00-0af7651916cd43dd8448eb211c80319c-${"0".repeat(16)}-01`],
    ["capitals", VALID.toUpperCase()],
    ["a fifth part", `${VALID}-00`],
    ["a space behind it", `${VALID} `],
    ["a line break behind it", `${VALID}\n`],
    ["two of them, as Node joins a repeated header", `${VALID}, ${VALID}`],
    ["nothing", ""],
    ["no text", 7],
  ])("with %s is none", (_, value) => {
    expect(isTraceparent(value)).toBe(false);
  });

  it("of any text is one only in the W3C's form", () => {
    const near = fc.tuple(fc.nat(VALID.length - 1), fc.string({ maxLength: 2 })).map(([at, put]) => {
      return VALID.slice(0, at) + put + VALID.slice(at + 1);
    });
    const form = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
    fc.assert(
      fc.property(
        fc.oneof(near, fc.string()),
        (text) => isTraceparent(text) === (form.test(text) && !text.endsWith("\n")),
      ),
    );
  });

  it("says by its last bit whether the trace is recorded", () => {
    expect(["00", "01", "02", "03", "ff"].map((flags) => isSampled(VALID.slice(0, -2) + flags))).toEqual([
      false,
      true,
      false,
      true,
      true,
    ]);
  });
});

describe("data with a trace context", () => {
  it("is the same data, with the same trace context, after any number of passages", () => {
    fc.assert(
      fc.property(fc.string(), fc.option(traceparents, { nil: undefined }), (data, traceparent) => {
        fc.pre(!isMarked(data));
        const once = normalizeData(withTraceparent(data, traceparent));
        expect(traceparentOf(once)).toBe(traceparent);
        expect(dataOfTraced(once)).toBe(normalizeData(data));
        expect(normalizeData(once)).toBe(once);
        expect(once.length - normalizeData(data).length).toBe(
          traceparent === undefined ? 0 : TRACE_CONTEXT_LENGTH,
        );
      }),
    );
  });

  it("is JSON without a trace context where that is none, and never throws", () => {
    const texts = fc
      .tuple(fc.string({ maxLength: 200 }), fc.string())
      .map(([head, data]) => `${MARK}${head} ${data}`);
    fc.assert(
      fc.property(texts, (text) => {
        const normal = normalizeData(text);
        if (traceparentOf(text) === undefined) expect(isMarked(normal)).toBe(false);
        JSON.parse(dataOfTraced(normal));
      }),
    );
  });

  it.each([
    ["a trace context that is none is left out", `${MARK}nonsense {"a":1}`, '{"a":1}'],
    ["without its end it is text", `${MARK}nonsense`, JSON.stringify(`${MARK}nonsense`)],
    ["one too long is text", `${MARK}${"x".repeat(200)} 1`, JSON.stringify(`${MARK}${"x".repeat(200)} 1`)],
    ["a second one is data", `${MARK}${VALID} ${MARK}${VALID} 1`, undefined],
  ])("%s", (_, text, normal) => {
    expect(normalizeData(text)).toBe(normal ?? withTraceparent(JSON.stringify(`${MARK}${VALID} 1`), VALID));
  });
});

describe("frames", () => {
  it("tell it before the data, and have no byte more without it", () => {
    expect(encodePublication("a", "1", 2, "e", VALID)).toBe(
      `{"publication":{"channel":"a","offset":2,"epoch":"e","traceparent":"${VALID}","data":1}}`,
    );
    expect(encodePublication("a", "1", undefined, undefined, VALID)).toBe(
      `{"publication":{"channel":"a","traceparent":"${VALID}","data":1}}`,
    );
    expect(encodePublication("a", "1")).toBe('{"publication":{"channel":"a","data":1}}');
  });

  it("of a history tell that of each publication", () => {
    const publications = [
      { offset: 1, data: "1" },
      { offset: 2, data: withTraceparent('{"b":2}', VALID) },
    ];
    expect(JSON.parse(historyText({ offset: 2, epoch: "e", publications }))).toEqual({
      offset: 2,
      epoch: "e",
      publications: [
        { offset: 1, data: 1 },
        { offset: 2, traceparent: VALID, data: { b: 2 } },
      ],
    });
  });
});
