import { describe, expect, it } from "@jest/globals";
import { SignatureChecks } from "./signature-checks.js";

const LIMITS = { running: 3, runningOfOne: 2, waiting: 6 };

async function turn(): Promise<void> {
  await new Promise(setImmediate);
}

describe("signature checks", () => {
  it("of one owner run few at a time, and those of others do not wait for them", async () => {
    const checks = new SignatureChecks(LIMITS);
    const [greedy, honest] = [{}, {}];
    const begun: string[] = [];
    for (let i = 0; i < 5; i++) void checks.enter(greedy).then(() => begun.push(`greedy ${i}`));
    void checks.enter(honest).then(() => begun.push("honest"));
    await turn();
    expect(begun).toEqual(["greedy 0", "greedy 1", "honest"]);
    checks.leave(greedy);
    await turn();
    expect(begun.at(-1)).toBe("greedy 2");
  });

  it("go by turns when owners wait", async () => {
    const checks = new SignatureChecks({ running: 1, runningOfOne: 1, waiting: 20 });
    const owners = [{}, {}, {}];
    const order: number[] = [];
    for (const [index, owner] of owners.entries())
      for (let i = 0; i < 2; i++) void checks.enter(owner).then(() => order.push(index));
    for (let i = 0; i < 6; i++) {
      await turn();
      checks.leave(owners[order.at(-1)!]!);
    }
    expect(new Set(order.slice(0, 3)).size).toBe(3);
    expect(order).toHaveLength(6);
  });

  it("are turned away when too many wait", async () => {
    const checks = new SignatureChecks({ running: 1, runningOfOne: 1, waiting: 2 });
    const owner = {};
    const answers = [checks.enter(owner), checks.enter(owner), checks.enter(owner), checks.enter(owner)];
    expect(await answers[3]).toBe(false);
    expect(await answers[0]).toBe(true);
    checks.leave(owner);
    expect(await answers[1]).toBe(true);
    checks.leave(owner);
    expect(await answers[2]).toBe(true);
    checks.leave(owner);
  });
});
