import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Entry } from "../broker/broker.js";
import { RecentEntries, RecentEntriesBudget } from "./recent-entries.js";

const entry = (offset: number, chars = 1): Entry => ({ offset, data: "x".repeat(chars) });
const entries = (from: number, to: number, chars = 1): Entry[] =>
  Array.from({ length: to - from + 1 }, (_, i) => entry(from + i, chars));
const offsets = (found: readonly Entry[] | undefined): number[] | undefined =>
  found?.map(({ offset }) => offset);

function recentEntriesOf(
  budget = new RecentEntriesBudget(1000),
  maxEntries = 100,
  maxChars = 1000,
): RecentEntries {
  return new RecentEntries(budget, { maxEntries, maxChars });
}

describe("a tail", () => {
  test("has what lies between two offsets, if it reaches back so far", () => {
    const recentEntries = recentEntriesOf();
    for (const each of entries(5, 9)) recentEntries.push(each);
    expect(offsets(recentEntries.between(4, 9))).toEqual([5, 6, 7, 8, 9]);
    expect(offsets(recentEntries.between(6, 8))).toEqual([7, 8]);
    expect(recentEntries.between(3, 9)).toBeUndefined();
  });

  test("has the nothing between an offset and itself, even when empty", () => {
    expect(recentEntriesOf().between(7, 7)).toEqual([]);
    expect(recentEntriesOf().between(6, 7)).toBeUndefined();
  });

  test("takes what lies before it", () => {
    const recentEntries = recentEntriesOf();
    recentEntries.push(entry(5));
    recentEntries.extend(entries(3, 4));
    expect(recentEntries.first).toBe(3);
    expect(offsets(recentEntries.between(2, 5))).toEqual([3, 4, 5]);
  });

  test("keeps the newest, and knows up to where it had to let go", () => {
    const recentEntries = recentEntriesOf(undefined, 3);
    expect(recentEntries.beyond).toBe(0);
    for (const each of entries(1, 5)) recentEntries.push(each);
    expect(recentEntries.first).toBe(3);
    expect(recentEntries.beyond).toBe(2);
  });

  test("lets go of what is too much for one recovery in characters", () => {
    const budget = new RecentEntriesBudget(1000);
    const recentEntries = recentEntriesOf(budget, 100, 10);
    for (const each of entries(1, 3, 5)) recentEntries.push(each);
    expect(recentEntries.first).toBe(2);
    expect(recentEntries.beyond).toBe(1);
    recentEntries.push(entry(4, 11));
    expect(recentEntries.first).toBeUndefined();
    expect(recentEntries.beyond).toBe(4);
    expect(budget.chars).toBe(0);
  });

  test("gives its own when the budget of all is used up, and does not call that too much", () => {
    const budget = new RecentEntriesBudget(10);
    const [first, second] = [recentEntriesOf(budget), recentEntriesOf(budget)];
    for (const each of entries(1, 10)) first.push(each);
    second.push(entry(1));
    expect(second.size).toBe(0);
    expect(second.beyond).toBe(0);
    expect(first.size).toBe(10);
    first.push(entry(11));
    expect(first.first).toBe(2);
  });

  test("keeps what a client waits for, and gives it away when none does any more", () => {
    const budget = new RecentEntriesBudget(0);
    const recentEntries = recentEntriesOf(budget);
    recentEntries.pin();
    recentEntries.pin();
    recentEntries.push(entry(3));
    recentEntries.extend(entries(1, 2));
    recentEntries.unpin();
    expect(offsets(recentEntries.between(0, 3))).toEqual([1, 2, 3]);
    recentEntries.unpin();
    expect(recentEntries.size).toBe(0);
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
        const budget = new RecentEntriesBudget(maxBudget);
        const limits = { maxEntries: 8, maxChars: 20 };
        const recentEntries = new RecentEntries(budget, limits);
        let last = 1000;
        let pins = 0;
        for (const each of steps) {
          if (each.kind === "push") recentEntries.push(sized(++last));
          else if (each.kind === "extend") {
            const first = recentEntries.first ?? last + 1;
            recentEntries.extend(entries(first - each.count, first - 1).map(({ offset }) => sized(offset)));
          } else if (each.kind === "pin") {
            pins++;
            recentEntries.pin();
          } else if (each.kind === "unpin" && pins > 0) {
            pins--;
            recentEntries.unpin();
          } else if (each.kind === "clear") recentEntries.clear();
          const first = recentEntries.first ?? last + 1;
          const kept = recentEntries.between(first - 1, last) ?? [];
          const chars = kept.reduce((sum, { data }) => sum + data.length, 0);
          expect(offsets(kept)).toEqual(offsets(entries(first, last)));
          expect(kept.length).toBe(recentEntries.size);
          expect(recentEntries.size).toBeLessThanOrEqual(limits.maxEntries);
          expect(chars).toBeLessThanOrEqual(limits.maxChars);
          expect(budget.chars).toBe(chars);
          if (pins === 0) expect(chars).toBeLessThanOrEqual(Math.max(0, maxBudget));
          expect(recentEntries.beyond).toBeLessThan(first);
        }
      }),
    );
  });
});
