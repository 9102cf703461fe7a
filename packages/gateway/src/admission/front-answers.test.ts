import { describe, expect, it } from "@jest/globals";
import { frontAnswer, type Refused } from "./front-answers.js";

const DATE = "Sun, 29 Nov 2026 00:00:00 GMT";

describe("the front door's answers", () => {
  it.each<[Refused, number]>([
    ["limit_connections", 503],
    ["limit_pending", 503],
    ["no_worker", 503],
    ["draining", 503],
    ["slow_head", 408],
    ["big_head", 431],
    ["not_http", 400],
    ["bad_version", 505],
  ])("%s is a whole %i response with a sentence", (why, status) => {
    const [head = "", body = ""] = frontAnswer(why, 0.5, DATE).split("\r\n\r\n");
    expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [A-Z]`));
    expect(head).toContain("\r\nConnection: close\r\n");
    expect(head).toContain(`\r\nDate: ${DATE}\r\n`);
    expect(head).toContain(`\r\nContent-Length: ${Buffer.byteLength(body)}`);
    expect(head.includes("\r\nRetry-After: ")).toBe(status === 503);
    const { error } = JSON.parse(body);
    expect(error).toMatchObject({ code: status, name: why });
    expect(error.message).toMatch(/^[A-Z].+\.$/);
  });

  it("spreads those that may come back over ten seconds", () => {
    const seconds = [0, 0.5, 0.999_999].map(
      (random) => /Retry-After: (\d+)/.exec(frontAnswer("limit_pending", random, DATE))?.[1],
    );
    expect(seconds).toEqual(["1", "6", "10"]);
  });
});
