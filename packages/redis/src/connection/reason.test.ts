import { expect, test } from "@jest/globals";
import { parseRedisUrl, type RedisTarget } from "../target.js";
import { reasonsOf, refusalIn } from "./reason.js";

const target = (url: string): RedisTarget => parseRedisUrl(url) as RedisTarget;

test("a server that quotes a password in its error does not get it into the reason", () => {
  const reasonOf = reasonsOf(target("redis+sentinel://:first@h/m?sentinelPassword=second"));
  const error = new Error(
    "ERR unknown command `HELLO`, with args beginning with: `3`, `first`, `second`, `first`",
  );
  expect(reasonOf(error)).toBe(
    "ERR unknown command `HELLO`, with args beginning with: `3`, `***`, `***`, `***`",
  );
});

test("a reason is one bounded line, whatever was thrown", () => {
  const reasonOf = reasonsOf(target("redis://h"));
  expect(reasonOf(new Error("x".repeat(1000)))).toHaveLength(301);
  expect(reasonOf(new Error("a\r\nb"))).toBe("a b");
  expect(reasonOf(new TypeError())).toBe("TypeError");
  expect(reasonOf("text")).toBe("text");
  expect(reasonOf(undefined)).toBe("undefined");
});

test.each([
  [
    "WRONGPASS invalid username-password pair or user is disabled.",
    /^does not take this user name and password/,
  ],
  ["ERR invalid password", /^does not take this user name and password/],
  ["NOAUTH Authentication required.", /^wants a password/],
  ["NOPERM User app has no permissions to run the 'subscribe' command", /^does not let this user do/],
  ['Unknown RESP type 72 "H". Please report this.', /^answers, but not as Redis does/],
  ["connect ECONNREFUSED 127.0.0.1:6379", undefined],
  ["LOADING Redis is loading the dataset in memory", undefined],
])("tells a Redis that refuses from one that is away: %s", (reason, refusal) => {
  expect(refusalIn(reason)).toEqual(refusal && expect.stringMatching(refusal));
});
