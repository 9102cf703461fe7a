import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Entry } from "../broker/broker.js";
import { Tail, TailBudget } from "./recent-entries.js";

const entry = (offset: number, chars = 1): Entry => ({ offset, data: "x".repeat(chars) });
const entries = (from: number, to: number, chars = 1): Entry[] =>
  Array.from({ length: to - from + 1 }, (_, i) => entry(from + i, chars));
const offsets = (found: readonly Entry[] | undefined): number[] | undefined =>
  found?.map(({ offset }) => offset);

function tailOf(budget = new TailBudget(1000), maxEntries = 100, maxChars = 1000): Tail {
  return new Tail(budget, { maxEntries, maxChars });
}

describe("a tail", () => {
  test("has what lies between two offsets, if it reaches back so far", () => {
    const tail = tailOf();
    for (const each of entries(5, 9)) tail.push(each);
    expect(offsets(tail.between(4, 9))).toEqual([5, 6, 7, 8, 9]);
    expect(offsets(tail.between(6, 8))).toEqual([7, 8]);
    expect(tail.between(3, 9)).toBeUndefined();
  });

  test("has the nothing between an offset and itself, even when empty", () => {
    expect(tailOf().between(7, 7)).toEqual([]);
    expect(tailOf().between(6, 7)).toBeUndefined();
  });

  test("takes what lies before it", () => {
    const tail = tailOf();
    tail.push(entry(5));
    tail.extend(entries(3, 4));
    expect(tail.first).toBe(3);
    expect(offsets(tail.between(2, 5))).toEqual([3, 4, 5]);
  });

  test("keeps the newest, and knows up to where it had to let go", () => {
    const tail = tailOf(undefined, 3);
    expect(tail.beyond).toBe(0);
    for (const each of entries(1, 5)) tail.push(each);
    expect(tail.first).toBe(3);
    expect(tail.beyond).toBe(2);
  });

  test("lets go of what is too much for one recovery in characters", () => {
    const budget = new TailBudget(1000);
    const tail = tailOf(budget, 100, 10);
    for (const each of entries(1, 3, 5)) tail.push(each);
    expect(tail.first).toBe(2);
    expect(tail.beyond).toBe(1);
    tail.push(entry(4, 11));
    expect(tail.first).toBeUndefined();
    expect(tail.beyond).toBe(4);
    expect(budget.chars).toBe(0);
  });

  test("gives its own when the budget of all is used up, and does not call that too much", () => {
    const budget = new TailBudget(10);
    const [first, second] = [tailOf(budget), tailOf(budget)];
    for (const each of entries(1, 10)) first.push(each);
    second.push(entry(1));
    expect(second.size).toBe(0);
    expect(second.beyond).toBe(0);
    expect(first.size).toBe(10);
    first.push(entry(11));
    expect(first.first).toBe(2);
  });

  test("keeps what somebody waits for, and gives it away when nobody does any more", () => {
    const budget = new TailBudget(0);
    const tail = tailOf(budget);
    tail.pin();
    tail.pin();
    tail.push(entry(3));
    tail.extend(entries(1, 2));
    tail.unpin();
    expect(offsets(tail.between(0, 3))).toEqual([1, 2, 3]);
    tail.unpin();
    expect(tail.size).toBe(0);
    expect(budget.chars).toBe(0);
  });

  test("whatever is done to it, it is a window that ends at the last entry, within its limits, and pays its budget", () => {
    const sized = (offset: number): Entry => entry(offset, (offset * 7) % 6);
    const step = fc.oneof(
      fc.record({
        kind: fc.constantFrom("push" as const, "pin" as const, "unpin" as const, "clear" as const),
      }),
      fc.record({ kind: fc.constant("extend" as const), count: fc.nat(4) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.nat(40), (steps, maxBudget) => {
        const budget = new TailBudget(maxBudget);
        const limits = { maxEntries: 8, maxChars: 20 };
        const tail = new Tail(budget, limits);
        let last = 1000;
        let pins = 0;
        for (const each of steps) {
          if (each.kind === "push") tail.push(sized(++last));
          else if (each.kind === "extend") {
            const first = tail.first ?? last + 1;
            tail.extend(entries(first - each.count, first - 1).map(({ offset }) => sized(offset)));
          } else if (each.kind === "pin") {
            pins++;
            tail.pin();
          } else if (each.kind === "unpin" && pins > 0) {
            pins--;
            tail.unpin();
          } else if (each.kind === "clear") tail.clear();
          const first = tail.first ?? last + 1;
          const kept = tail.between(first - 1, last) ?? [];
          const chars = kept.reduce((sum, { data }) => sum + data.length, 0);
          expect(offsets(kept)).toEqual(offsets(entries(first, last)));
          expect(kept.length).toBe(tail.size);
          expect(tail.size).toBeLessThanOrEqual(limits.maxEntries);
          expect(chars).toBeLessThanOrEqual(limits.maxChars);
          expect(budget.chars).toBe(chars);
          if (pins === 0) expect(chars).toBeLessThanOrEqual(Math.max(0, maxBudget));
          expect(tail.beyond).toBeLessThan(first);
        }
      }),
    );
  });
});
