import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { MAX_GENERATIONS, MAX_SLOTS, ownerOf, ownerPrefix, SESSION_ID_LENGTH } from "./session-id.js";

const REST = "AbC0-_xyz9012345";
const random = fc.stringMatching(/^[A-Za-z0-9_-]{16}$/);

describe("a session id", () => {
  it("names its owner, for every slot and every generation", () => {
    const extremes = [0, 1, 63, 64, 4095, 4096, MAX_GENERATIONS - 1];
    const prefixes = new Set<string>();
    const check = (slot: number, generation: number) => {
      const prefix = ownerPrefix({ slot, generation });
      prefixes.add(prefix);
      const owner = ownerOf(prefix + REST);
      if (owner?.slot !== slot || owner.generation !== generation)
        expect(owner).toEqual({ slot, generation });
    };
    for (let slot = 0; slot < MAX_SLOTS; slot++) for (const generation of extremes) check(slot, generation);
    for (let generation = 0; generation < MAX_GENERATIONS; generation++) check(255, generation);
    expect(prefixes.size).toBe((MAX_SLOTS - 1) * extremes.length + MAX_GENERATIONS);
  });

  it("has 20 characters that need no escaping in a URL, and begins with its owner's prefix", () => {
    fc.assert(
      fc.property(fc.nat(MAX_SLOTS - 1), fc.nat(MAX_GENERATIONS - 1), random, (slot, generation, random) => {
        const sid = ownerPrefix({ slot, generation }) + random;
        expect(sid).toHaveLength(SESSION_ID_LENGTH);
        expect(encodeURIComponent(sid)).toBe(sid);
        expect(ownerOf(sid)).toEqual({ slot, generation });
        // The prefix is the base64url of the slot and the generation, big-endian: what the document says.
        expect(Buffer.from(sid.slice(0, 4), "base64url")).toEqual(
          Buffer.from([slot, generation >> 8, generation & 0xff]),
        );
      }),
    );
  });

  it("has exactly one owner: any 20 characters are read, and written back", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z0-9_-]{20}$/), (sid) => {
        const owner = ownerOf(sid);
        expect(owner).toBeDefined();
        expect(sid.startsWith(owner === undefined ? "no owner" : ownerPrefix(owner))).toBe(true);
      }),
    );
  });

  it.each([
    "",
    "A".repeat(19),
    "A".repeat(21),
    `${"A".repeat(19)}=`,
    `${"A".repeat(19)}+`,
    `${"A".repeat(20)}\n`,
    `${"A".repeat(19)}é`,
    `%41${"A".repeat(17)}`,
  ])("is not %j", (sid) => {
    expect(ownerOf(sid)).toBeUndefined();
  });

  it("is nothing that any other text could be taken for", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 30 }), (text) => {
        expect(ownerOf(text) !== undefined).toBe(/^[A-Za-z0-9_-]{20}$/.test(text));
      }),
    );
  });
});
