import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type AgentPlan, planAgents } from "./plan.js";
import { parseTarget } from "./target.js";

const LOOPBACK = parseTarget("ws://127.0.0.1:8080-8095/ws");
const ELSEWHERE = parseTarget("ws://10.0.0.1:8080/ws");
const MACHINE = { openFiles: 20_000, portRange: [32_768, 60_999] } as const;

function sum(plans: readonly AgentPlan[]): number {
  return plans.reduce((total, { connections }) => total + connections, 0);
}

describe("a plan", () => {
  test("a million at 20,000 open files are 55 agents below the limit", () => {
    const plans = planAgents(LOOPBACK, 1_000_000, "auto", MACHINE);
    expect(plans).toHaveLength(55);
    expect(sum(plans)).toBe(1_000_000);
    for (const { connections } of plans) expect(connections).toBeLessThanOrEqual(18_500);
  });

  test("numbers go on where the agent before ended", () => {
    const plans = planAgents(LOOPBACK, 100, 3, MACHINE);
    expect(plans.map(({ first, connections }) => [first, connections])).toEqual([
      [0, 33],
      [33, 33],
      [66, 34],
    ]);
  });

  test("no address is used twice, nor for more than the ports that are found at once", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_200_000 }),
        fc.integer({ min: 1, max: 80 }),
        (connections, extra) => {
          const needed = planAgents(LOOPBACK, connections, "auto", MACHINE).length;
          const plans = planAgents(LOOPBACK, connections, needed + extra, MACHINE);
          const sources = plans.flatMap((plan) => plan.sources);
          expect(new Set(sources).size).toBe(sources.length);
          expect(sum(plans)).toBe(connections);
          for (const plan of plans) {
            expect(plan.connections / plan.sources.length).toBeLessThanOrEqual(28_232 / 8);
            for (const source of plan.sources) {
              expect(source).toMatch(
                /^127\.0\.(\d|[1-9]\d|1\d\d|2[0-4]\d)\.([1-9]|[1-9]\d|1\d\d|2[0-4]\d|250)$/,
              );
            }
          }
        },
      ),
    );
  });

  test("elsewhere the kernel chooses the source, and the target's ports decide", () => {
    expect(planAgents(ELSEWHERE, 20_000, "auto", MACHINE).every(({ sources }) => sources.length === 0)).toBe(
      true,
    );
    expect(() => planAgents(ELSEWHERE, 100_000, "auto", MACHINE)).toThrow("need 4 target ports, there are 1");
  });

  test("too few agents are refused with the number that is needed", () => {
    expect(() => planAgents(LOOPBACK, 100_000, 2, MACHINE)).toThrow("so 6 are needed");
    expect(() => planAgents(LOOPBACK, 2_000_000, "auto", { ...MACHINE, openFiles: 1024 })).toThrow(
      "ulimit -n",
    );
  });
});
