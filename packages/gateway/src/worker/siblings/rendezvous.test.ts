import { describe, expect, test } from "@jest/globals";
import { homeOf, topicHash } from "./rendezvous.js";

const slots = (count: number): { slot: number }[] => Array.from({ length: count }, (_, slot) => ({ slot }));
const hashes = Array.from({ length: 20_000 }, (_, i) => topicHash(`channel:room:${i}`));

describe("homeOf", () => {
  test("spreads topics over the members, and moves the share of one that goes alone", () => {
    const eight = slots(8);
    const seven = eight.slice(0, 7);
    const counts = eight.map(() => 0);
    for (const hash of hashes) {
      const home = homeOf(hash, eight);
      const slot = home?.slot ?? 0;
      counts[slot] = (counts[slot] ?? 0) + 1;
      if (home?.slot !== 7) expect(homeOf(hash, seven)).toBe(home);
    }
    for (const count of counts) expect(Math.abs(count - 2_500)).toBeLessThan(250);
  });

  test("does not depend on the order; of two in a slot the later one wins; without members there is none", () => {
    const five = slots(5);
    for (const hash of hashes.slice(0, 100))
      expect(homeOf(hash, [...five].reverse())).toBe(homeOf(hash, five));
    const successor = { slot: 2 };
    const hash = hashes.find((each) => homeOf(each, five)?.slot === 2) ?? 0;
    expect(homeOf(hash, [...five, successor])).toBe(successor);
    expect(homeOf(0, [])).toBeUndefined();
  });
});
