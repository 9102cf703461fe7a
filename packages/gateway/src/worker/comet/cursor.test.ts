import { isChannelName } from "@holdfast/protocol";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { cursorHead, decodeCursor, encodeCursor, resumeOf } from "./cursor.js";

const channel = fc.string({ minLength: 1, maxLength: 20, unit: "grapheme" }).filter(isChannelName);
const position = fc.record({
  offset: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
  epoch: fc.string({ minLength: 1, maxLength: 20, unit: "grapheme" }),
});
const positions = fc.uniqueArray(fc.tuple(channel, fc.option(position, { nil: undefined })), {
  selector: ([name]) => name,
  maxLength: 8,
});

describe("a cursor", () => {
  it("comes back as it was given, and fits in a header", () => {
    fc.assert(
      fc.property(
        fc.option(fc.constant("AAAA0123456789abcdef"), { nil: undefined }),
        fc.nat(),
        fc.option(fc.constant("eyJzIjoi.c2ln-bmVk_"), { nil: undefined }),
        positions,
        (sid, number, token, known) => {
          const text = encodeCursor(cursorHead(sid, number, token), known);
          expect(text).toMatch(/^[\x21-\x7e]*$/);
          expect(decodeCursor(text, 8)).toEqual({ sid, number, token, positions: new Map(known) });
        },
      ),
    );
  });

  it("may be any text", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => `;;;${text}`),
        ),
        (text) => {
          const cursor = decodeCursor(text, 4);
          for (const name of cursor?.positions.keys() ?? []) expect(isChannelName(name)).toBe(true);
        },
      ),
    );
  });

  it.each([
    ["too few fields", ";;"],
    ["too many", ";;;a;b"],
    ["a sid that is none", "nobody;1;t;a"],
    ["a number that is none", ";-1;;a"],
    ["a number beyond all batches", `;${"9".repeat(20)};;a`],
    ["an offset that is none", ";;;a=x:e"],
    ["an offset beyond 2^53", ";;;a=9007199254740993:e"],
    ["no epoch", ";;;a=1"],
    ["an empty epoch", ";;;a=1:"],
    ["broken percent-encoding", ";;;%E0%A4%A"],
    ["no channel name", ";;;a%20b"],
    ["two positions", ";;;a=1:e=2:f"],
    ["more channels than allowed", ";;;a,b,c,d,e"],
    ["more than fits anywhere", `;;;${"a".repeat(200_000)}`],
  ])("is none with %s", (_what, text) => {
    expect(decodeCursor(text, 4)).toBeUndefined();
  });

  it("proves a session only with a token, not with what stands for one", () => {
    const sid = "AAAA0123456789abcdef";
    const of = (token: string) => resumeOf(decodeCursor(cursorHead(sid, 1, token), 4));
    expect(of("a-token.that-is-as-long-as-tokens-are")).toMatchObject({ sid });
    expect(of("a".repeat(24))).toBeUndefined();
    expect(of("")).toBeUndefined();
  });
});
