import { createHmac } from "node:crypto";
import { MAX_RESUME_TOKEN_LENGTH } from "@holdfast/protocol";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ANONYMOUS, type Identity } from "./identity.js";
import { ResumeTokens } from "./resume-tokens.js";

const SID = "AAAB0123456789abcdef";
const ELSEWHERE = "ZZZZ0123456789abcdef";
const OTHER = "AAAB0123456789abcdeg";
const ADA: Identity = {
  user: "ada",
  expiresAt: 50_000_000,
  issuedAt: 500_000,
  tokenId: "t1",
  info: '{"name":"Ada"}',
  permissions: [{ match: "room:*", verbs: ["subscribe", "history"] }],
  subs: ["news"],
};

function tokens(key: string | undefined = "one key", now: () => number = () => 1_000_000): ResumeTokens {
  const tokens = new ResumeTokens(now);
  if (key !== undefined) tokens.use(key);
  return tokens;
}

describe("a resume token", () => {
  test("proves its session to any holder of the key, under another worker's address too", () => {
    const token = tokens().issue(SID, ADA) ?? "";
    const resumed = { key: "0123456789abcdef", user: "ada", identity: ADA, count: 1 };
    expect(tokens().check(SID, token)).toEqual(resumed);
    expect(tokens().check(ELSEWHERE, token)).toEqual(resumed);
  });

  test("counts the resumes of its session", () => {
    const counts: (number | undefined)[] = [];
    for (let count = 0; count < 3; ) {
      const token = tokens().issue(SID, ADA, count) ?? "";
      count = tokens().check(ELSEWHERE, token)?.count ?? 99;
      counts.push(count);
    }
    expect(counts).toEqual([1, 2, 3]);
  });

  test("of a version without the count goes on above every count before it", () => {
    const claims = { s: "0123456789abcdef", x: 2_000 };
    const text = Buffer.from(JSON.stringify(claims)).toString("base64url");
    const signature = createHmac("sha256", "one key").update(text).digest("base64url");
    expect(tokens().check(SID, `${text}.${signature}`)).toEqual({
      key: "0123456789abcdef",
      user: undefined,
      identity: ANONYMOUS,
      count: 1_000_000,
    });
  });

  test("proves no other session, and nothing to a holder of another key or none", () => {
    const token = tokens().issue(SID, ANONYMOUS) ?? "";
    expect(tokens().check(OTHER, token)).toBeUndefined();
    expect(tokens("another key").check(SID, token)).toBeUndefined();
    expect(new ResumeTokens(() => 0).check(SID, token)).toBeUndefined();
  });

  test("that ends later than any that is issued is none, although it is signed", () => {
    const now = 1_000_000;
    const longer = new ResumeTokens(() => now, 30 * 24 * 3_600);
    longer.use("one key");
    expect(tokens().check(SID, longer.issue(SID, ANONYMOUS) ?? "")).toBeUndefined();
    // Another instance's clock may be ahead.
    const ahead = tokens("one key", () => now + 60_000).issue(SID, ANONYMOUS) ?? "";
    expect(tokens().check(SID, ahead)).toBeDefined();
    const farAhead = tokens("one key", () => now + 61_000).issue(SID, ANONYMOUS) ?? "";
    expect(tokens().check(SID, farAhead)).toBeUndefined();
  });

  test("expires", () => {
    let now = 0;
    const aging = tokens("one key", () => now);
    const token = aging.issue(SID, ANONYMOUS) ?? "";
    now = 23 * 3_600_000;
    expect(aging.check(SID, token)).toBeDefined();
    now = 25 * 3_600_000;
    expect(aging.check(SID, token)).toBeUndefined();
  });

  test("is good no longer than the identity in it", () => {
    let now = 0;
    const aging = tokens("one key", () => now);
    const token = aging.issue(SID, ADA) ?? "";
    now = 49_999_000;
    expect(aging.check(SID, token)).toBeDefined();
    now = 50_000_000;
    expect(aging.check(SID, token)).toBeUndefined();
  });

  test("of an anonymous session is the shared identity", () => {
    const token = tokens().issue(SID, ANONYMOUS) ?? "";
    expect(tokens().check(SID, token)?.identity).toBe(ANONYMOUS);
  });

  test("leaves out what would make it longer than one may be, and says whose it is all the same", () => {
    const match = (at: number) => `room:${at}${"x".repeat(200)}`;
    const permissions = Array.from({ length: 64 }, (_, at) => ({
      match: match(at),
      verbs: ["publish"] as const,
    }));
    const token = tokens().issue(SID, { ...ADA, permissions }) ?? "";
    expect(token.length).toBeLessThanOrEqual(MAX_RESUME_TOKEN_LENGTH);
    expect(tokens().check(SID, token)).toEqual({
      key: "0123456789abcdef",
      user: "ada",
      identity: undefined,
      count: 1,
    });
  });

  test("is not issued before there is a key", () => {
    expect(new ResumeTokens(() => 0).issue(SID, ANONYMOUS)).toBeUndefined();
  });

  test("with one character changed proves nothing", () => {
    const token = tokens().issue(SID, ADA) ?? "";
    fc.assert(
      fc.property(fc.nat(token.length - 1), fc.constantFrom(..."Az09-_.="), (at, character) => {
        const forged = token.slice(0, at) + character + token.slice(at + 1);
        // Also in the last one, which has bits that mean nothing in base64: the text has to be the same.
        if (forged === token) return;
        expect(tokens().check(SID, forged)).toBeUndefined();
      }),
    );
  });

  test("of any text is checked without harm", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(tokens().check(SID, text)).toBeUndefined();
      }),
    );
  });
});
