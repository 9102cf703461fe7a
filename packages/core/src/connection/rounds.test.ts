import { describe, expect, test } from "@jest/globals";
import { SlotArray } from "../runtime/slot-array.js";
import { FakeClock } from "../testing/fake-clock.js";
import { Rounds } from "./rounds.js";

interface Member {
  slot: number;
  readonly name: number;
}

function setUp(count: number, shares: number) {
  const members = new SlotArray<Member>();
  const all = Array.from({ length: count }, (_, name): Member => ({ slot: -1, name }));
  for (const member of all) members.add(member);
  const clock = new FakeClock();
  return { all, clock, members, rounds: new Rounds(members, shares, clock) };
}

describe("rounds", () => {
  test("look at each member once in a round, neighbours together, and spread them over the shares", () => {
    const { rounds } = setUp(18_000, 25);
    const seen: number[] = [];
    const sizes: number[] = [];
    for (let share = 0; share < 25; share++) {
      const before = seen.length;
      rounds.visit(share, ({ slot }) => seen.push(slot));
      sizes.push(seen.length - before);
    }
    expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 18_000 }, (_, slot) => slot));
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(32);
    expect(seen.slice(0, 32)).toEqual(Array.from({ length: 32 }, (_, slot) => slot));
  });

  test("spread also those that came in one wave", () => {
    const { rounds } = setUp(32 * 25, 25);
    for (let share = 0; share < 25; share++) {
      let looks = 0;
      rounds.visit(share, () => looks++);
      expect(looks).toBe(32);
    }
  });

  test("go on with the next share of the next round", () => {
    const { rounds } = setUp(100, 4);
    const [first, later]: [number[], number[]] = [[], []];
    rounds.visit(1, ({ slot }) => first.push(slot));
    rounds.visit(5, ({ slot }) => later.push(slot));
    expect(first).toHaveLength(32);
    expect(later).toEqual(first);
  });

  test("leave the loop free after 5 ms, and go on in its next turn, one walk after the other", () => {
    const { clock, rounds } = setUp(320, 1);
    const order: string[] = [];
    const look = (name: string) => () => {
      if (order.at(-1) !== name) order.push(name);
      clock.spend(0.2);
    };
    rounds.visit(0, look("first"), () => order.push("over"));
    expect(clock.monotonic()).toBeLessThan(5 + 32 * 0.2);
    rounds.visit(0, look("second"));
    expect(order).toEqual(["first"]);
    let turns = 0;
    while (clock.runDeferred() > 0) turns++;
    expect(order).toEqual(["first", "over", "second"]);
    expect(turns).toBeGreaterThan(10);
  });

  test("can be finished at once, and then nothing is left to do", () => {
    const { clock, rounds } = setUp(320, 1);
    let looks = 0;
    rounds.visit(0, () => {
      looks++;
      clock.spend(1);
    });
    rounds.finish();
    expect(looks).toBe(320);
    while (clock.runDeferred() > 0);
    expect(looks).toBe(320);
  });

  test("pass over those that left between two slices", () => {
    const { all, clock, members, rounds } = setUp(96, 1);
    const seen: number[] = [];
    rounds.visit(0, ({ name }) => {
      seen.push(name);
      clock.spend(1);
    });
    for (const member of all.slice(40)) members.remove(member);
    while (clock.runDeferred() > 0);
    expect(seen).toEqual(Array.from({ length: 40 }, (_, name) => name));
  });
});
