import { expect, test } from "@jest/globals";
import { joinedResult } from "./joined-result.js";
import type { BenchResult } from "./result.js";
import { resultOf } from "./testing/result.js";

/** A result of one scenario, begun at that hour. */
function part(name: string, hour: string, cost: number, peer = "ours"): BenchResult {
  const made = resultOf({ [peer]: [{ cost }] });
  return {
    ...made,
    command: `npm run bench -- ${name}`,
    startedAt: `2026-01-02T${hour}:00:00.000Z`,
    scenarios: made.scenarios.map((scenario) => ({ ...scenario, name })),
    measurements: made.measurements.map((each) => ({ ...each, scenario: name })),
    missing: [{ scenario: name, peer: "bun", reason: `not there at ${hour}` }],
  };
}

test("parts stand side by side, with what each was run by", () => {
  const joined = joinedResult([part("idle", "04", 2), part("storm", "03", 1)]);
  expect(joined.scenarios.map(({ name }) => name)).toEqual(["storm", "idle"]);
  expect(joined.measurements.map(({ scenario, values }) => [scenario, values.cost])).toEqual([
    ["storm", 1],
    ["idle", 2],
  ]);
  expect(joined.command).toBe("npm run bench -- storm` and `npm run bench -- idle");
  expect([joined.startedAt, joined.seconds]).toEqual(["2026-01-02T03:00:00.000Z", 240]);
  expect(joined.machine.commit).toBe("abc");
});

test("a scenario that was run again is the later one, whole", () => {
  const joined = joinedResult([part("storm", "03", 1, "ws"), part("storm", "05", 3)]);
  expect(joined.measurements.map(({ peer, values }) => [peer, values.cost])).toEqual([["ours", 3]]);
  expect(joined.missing.map(({ reason }) => reason)).toEqual(["not there at 05"]);
});

test("what cannot stand in one table is said", () => {
  const quick = { ...part("idle", "04", 2), quick: true };
  expect(() => joinedResult([part("storm", "03", 1), quick])).toThrow("a quick result");
  const elsewhere = part("idle", "04", 2);
  const other = { ...elsewhere, machine: { ...elsewhere.machine, cpu: "another processor" } };
  expect(() => joinedResult([part("storm", "03", 1), other])).toThrow("two machines");
  expect(() => joinedResult([])).toThrow("no result");
});
