import { expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Target } from "../target.js";
import { type SpreadMachine, spread } from "./spread.js";

const TARGET: Target = { host: "10.0.0.1", ports: [80, 81], path: "/ws" };

function machine(held = 0, changes: Partial<SpreadMachine> = {}): SpreadMachine {
  const limits = { openFiles: 20_000, portRange: [1_025, 65_535] as const };
  return { name: "10.0.0.9:9190", limits, cores: 2, held, ...changes };
}

test("each number is given to one agent, and machines that hold fewer get more", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 1_000 }),
      fc.integer({ min: 1, max: 50_000 }),
      fc.array(fc.integer({ min: 0, max: 30_000 }), { minLength: 1, maxLength: 6 }),
      (first, connections, held) => {
        const plans = spread(
          TARGET,
          { first, connections },
          held.map((each) => machine(each)),
        );
        let next = first;
        const after = [...held];
        for (const { machine: index, plan } of plans) {
          expect(plan.first).toBe(next);
          next += plan.connections;
          after[index] = (after[index] ?? 0) + plan.connections;
        }
        expect(next).toBe(first + connections);
        // A machine that got any is not above another one by more than the rounding.
        const got = after.filter((each, index) => each > (held[index] ?? 0));
        expect(Math.max(...got) - Math.min(...after)).toBeLessThanOrEqual(1);
      },
    ),
    { numRuns: 50 },
  );
});

test("the cores of a host are used where there are connections for them", () => {
  const range = { first: 0, connections: 15_000 };
  expect(spread(TARGET, range, [machine(0, { cores: 8 })])).toHaveLength(3);
  expect(spread(TARGET, range, [machine(0, { cores: undefined })])).toHaveLength(1);
});

test("a host that is full is named", () => {
  const range = { first: 0, connections: 200_000 };
  expect(() => spread(TARGET, range, [machine(20_000)])).toThrow(
    "10.0.0.9:9190: 220000 connections from one address need 4 target ports, there are 2",
  );
  expect(() => spread(TARGET, range, [])).toThrow("no machine is left");
});
