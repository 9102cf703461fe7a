import { describe, expect, it } from "@jest/globals";
import { RandomIds } from "./random-ids.js";

describe("random ids", () => {
  it("are 96 bits in 16 characters, and never the same, over many draws", () => {
    const ids = new RandomIds();
    const seen = Array.from({ length: 5_000 }, () => ids.next());
    expect(seen.every((id) => /^[A-Za-z0-9_-]{16}$/.test(id))).toBe(true);
    expect(new Set(seen).size).toBe(5_000);
    expect(new Set(seen.map((id) => id[0])).size).toBe(64);
  });
});
