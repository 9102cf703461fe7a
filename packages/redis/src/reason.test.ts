import { expect, test } from "@jest/globals";
import { reasonsOf } from "./reason.js";
import { parseRedisUrl, type RedisTarget } from "./target.js";

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
