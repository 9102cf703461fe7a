import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type RateAccount, RateLimit } from "./rate-limit.js";

const TICKS_PER_SECOND = 10;

function open(perSecond: number): { limit: RateLimit; account: RateAccount } {
  const limit = new RateLimit(perSecond);
  const account = { credit: 0, creditTick: 0 };
  limit.open(account, 1);
  return { limit, account };
}

describe("the rate limit", () => {
  test("charges what is dearer in full, and refuses what is too dear at the price of one", () => {
    const limit = new RateLimit(100);
    const account = { credit: 0, creditTick: 0 };
    limit.open(account, 1);
    for (let i = 0; i < 4; i++) expect(limit.charge(account, 1, 50)).toBe("pass");
    expect(limit.charge(account, 1, 50)).toBe("refuse");
    // Half a second later there is room for one, but for what the refused one cost.
    expect(limit.charge(account, 1 + TICKS_PER_SECOND / 2, 50)).toBe("refuse");
    expect(limit.charge(account, 1 + TICKS_PER_SECOND / 2)).toBe("pass");
    expect(limit.charge(account, 1 + TICKS_PER_SECOND, 50)).toBe("pass");
  });

  test("lets a burst of two seconds' worth pass, and refuses what follows", () => {
    const { limit, account } = open(100);
    for (let i = 0; i < 200; i++) expect(limit.charge(account, 1)).toBe("pass");
    expect(limit.charge(account, 1)).toBe("refuse");
  });

  test("lets the sustained rate pass for ever", () => {
    const { limit, account } = open(100);
    for (let tick = 1; tick < 10_000; tick++)
      for (let i = 0; i < 10; i++) expect(limit.charge(account, tick)).toBe("pass");
  });

  test("disconnects a client that goes on until a full bucket's debt", () => {
    const { limit, account } = open(10);
    const verdicts = Array.from({ length: 41 }, () => limit.charge(account, 1));
    expect(verdicts.indexOf("refuse")).toBe(20);
    expect(verdicts.indexOf("disconnect")).toBe(39);
  });

  test("a client that pauses pays the debt first", () => {
    const { limit, account } = open(10);
    for (let i = 0; i < 30; i++) limit.charge(account, 1);
    expect(limit.charge(account, 1 + TICKS_PER_SECOND / 2)).toBe("refuse");
    expect(limit.charge(account, 1 + 2 * TICKS_PER_SECOND)).toBe("pass");
  });

  test("a long silence earns no more than a full bucket", () => {
    const { limit, account } = open(5);
    for (let i = 0; i < 10; i++) expect(limit.charge(account, 1_000_000)).toBe("pass");
    expect(limit.charge(account, 1_000_000)).toBe("refuse");
  });

  test("work that is no command costs tenths of one, and ends the connection at a full bucket's debt", () => {
    const { limit, account } = open(10);
    for (let i = 0; i < 399; i++) expect(limit.work(account, 1, 1)).toBe(true);
    expect(limit.charge(account, 1)).not.toBe("pass");
    expect(limit.work(account, 1, 1)).toBe(false);
    expect(limit.work(account, 1, 1_000_000_000)).toBe(false);
    // Debt is bounded: two bucketfuls of time pay it, whatever was charged.
    expect(limit.work(account, 1 + 4 * TICKS_PER_SECOND, 1)).toBe(true);
    expect(limit.charge(account, 1 + 4 * TICKS_PER_SECOND)).toBe("pass");
  });

  test("of many it charges those that there is credit for, and no others", () => {
    const { limit, account } = open(10);
    expect(limit.afford(account, 1, 15)).toBe(15);
    expect(limit.afford(account, 1, 15)).toBe(5);
    expect(limit.afford(account, 1, 15)).toBe(0);
    expect(limit.afford(account, 1 + TICKS_PER_SECOND, 15)).toBe(10);
  });

  test("a rate of one command a second works with ticks of a tenth", () => {
    const { limit, account } = open(1);
    for (let second = 0; second < 100; second++)
      expect(limit.charge(account, 1 + second * TICKS_PER_SECOND)).toBe("pass");
  });
});

test("in no stretch of time pass more commands than the burst and what the time earns", () => {
  const gaps = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 300 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50 }), gaps, (perSecond, all) => {
      const { limit, account } = open(perSecond);
      let tick = 1;
      const passed: number[] = [];
      for (const gap of all) {
        tick += gap;
        const verdict = limit.charge(account, tick);
        if (verdict === "pass") passed.push(tick);
        if (verdict === "disconnect") break;
      }
      for (let from = 0; from < passed.length; from++) {
        const seconds = (passed[passed.length - 1]! - passed[from]!) / TICKS_PER_SECOND;
        expect(passed.length - from).toBeLessThanOrEqual(2 * perSecond + perSecond * seconds + 1e-9);
      }
    }),
  );
});
