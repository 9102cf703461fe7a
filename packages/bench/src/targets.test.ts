import { expect, test } from "@jest/globals";
import { SCENARIOS } from "./scenarios/index.js";
import { judge, TARGETS, type Target } from "./targets.js";
import { resultOf } from "./testing/result.js";

const RESULT = resultOf({ ours: [{ cost: 6 }], ws: [{ cost: 10 }] });
const target = (must: number, aim?: number): Target => ({
  what: "cost by ws's",
  scenario: "s",
  case: "c",
  metric: "cost",
  against: "ws",
  better: "lower",
  must,
  ...(aim !== undefined && { aim }),
});
const verdict = (each: Target) => judge(RESULT, [each])[0]?.verdict;

test("a target is reached, reached short of its aim, missed, or not measured", () => {
  expect(verdict(target(0.8, 0.7))).toBe("aim");
  expect(verdict(target(0.8, 0.5))).toBe("must");
  expect(verdict(target(0.5))).toBe("miss");
  expect(verdict({ ...target(0.5), against: "nchan" })).toBe("not measured");
});

test("without a peer our own figure counts", () => {
  const { against: _, ...own } = target(5);
  expect(judge(RESULT, [own])[0]).toMatchObject({ value: 6, verdict: "miss" });
});

test("a case is measured by another one of ours", () => {
  const { against: _, ...own } = target(1.2, 1);
  const result = resultOf({ ours: [{ cost: 6 }, { cost: 12 }] });
  const other = { ...result.measurements[0], case: "d", values: { cost: 5 } };
  const both = {
    ...result,
    measurements: [...result.measurements, other, { ...other, run: 2 }],
  } as typeof result;
  expect(judge(both, [{ ...own, againstCase: "d" }])[0]?.value).toBeCloseTo(1.8);
  expect(judge(both, [{ ...own, againstCase: "e" }])[0]?.verdict).toBe("not measured");
});

test("every target names a scenario, a metric and a peer that exist", () => {
  for (const each of TARGETS) {
    const scenario = SCENARIOS.find(({ name }) => name === each.scenario);
    expect(scenario?.metrics.map(({ key }) => key)).toContain(each.metric);
    if (each.against !== undefined) expect(scenario?.peers.map(({ name }) => name)).toContain(each.against);
  }
});
