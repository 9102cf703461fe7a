import { describe, expect, it } from "@jest/globals";
import { clusterKeys } from "./cluster-keys.js";

const SHARED = "r".repeat(43);
const OWN = "a secret of the gateway, 32 bytes or more";

describe("the keys of a cluster", () => {
  it("are the same for the same secrets, and another for each use", () => {
    const keys = clusterKeys(SHARED, OWN);
    expect(clusterKeys(SHARED, OWN)).toEqual(keys);
    expect(new Set(Object.values(keys)).size).toBe(3);
  });

  it("need both secrets", () => {
    const keys = Object.values(clusterKeys(SHARED, OWN));
    for (const other of [
      clusterKeys(SHARED, undefined),
      clusterKeys(SHARED, `${OWN}!`),
      clusterKeys("s".repeat(43), OWN),
    ])
      for (const key of Object.values(other)) expect(keys).not.toContain(key);
  });
});
