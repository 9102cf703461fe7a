import { MAX_GENERATIONS, MAX_SLOTS, type Owner, ownerOf, ownerPrefix } from "@holdfast/protocol";
import { describe, expect, it } from "@jest/globals";
import { SessionIds } from "./session-ids.js";

describe("session ids", () => {
  it.each<Owner>([
    { slot: 0, generation: 0 },
    { slot: 3, generation: 517 },
    { slot: MAX_SLOTS - 1, generation: MAX_GENERATIONS - 1 },
  ])("name their owner, $slot of generation $generation", (owner) => {
    const id = new SessionIds(owner).next();
    expect(id.slice(0, 4)).toBe(ownerPrefix(owner));
    expect(ownerOf(id)).toEqual(owner);
  });

  it("have 96 bits in 16 more characters, and are never the same, over many draws", () => {
    const ids = new SessionIds({ slot: 1, generation: 2 });
    const seen = Array.from({ length: 5_000 }, () => ids.next());
    expect(seen.every((id) => /^[A-Za-z0-9_-]{20}$/.test(id))).toBe(true);
    expect(new Set(seen).size).toBe(5_000);
    expect(new Set(seen.map((id) => id[4])).size).toBe(64);
    expect(new Set(seen.map((id) => id[19])).size).toBe(64);
  });
});
