import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  type DrainTimings,
  drainProblems,
  drainTimings,
  longestHookSeconds,
  timingsFor,
} from "./drain-timings.js";

describe("the timings of a drain", () => {
  it("of 200,000 clients that the others take at 2,000 a second", () => {
    expect(drainTimings({ place: "ec2", connections: 200_000, returnsPerSecond: 2000 })).toEqual({
      place: "ec2",
      drainDelaySeconds: 25,
      drainWindowSeconds: 100,
      deregistrationSeconds: 20,
      hookSeconds: 180,
      heartbeatSeconds: 60,
      stopSeconds: 140,
      scaleInSeconds: 180,
    });
  });

  it.each([
    ["fargate", 100, 120],
    ["spot", 90, 105],
  ] as const)("on %s are cut to what the platform leaves", (place, window, stop) => {
    const timings = drainTimings({ place, connections: 1_000_000, returnsPerSecond: 100 });
    expect([timings.drainDelaySeconds, timings.drainWindowSeconds, timings.stopSeconds]).toEqual([
      0,
      window,
      stop,
    ]);
  });

  it("never contradict each other", () => {
    const options = fc.record({
      place: fc.constantFrom("ec2" as const, "spot" as const, "fargate" as const),
      connections: fc.integer({ min: 1, max: 2_000_000 }),
      returnsPerSecond: fc.integer({ min: 1, max: 20_000 }),
      healthIntervalSeconds: fc.integer({ min: 5, max: 60 }),
      unhealthyThreshold: fc.integer({ min: 2, max: 10 }),
    });
    fc.assert(
      fc.property(options, (each) => {
        const timings = drainTimings(each);
        expect(drainProblems(timings)).toEqual([]);
        expect(timings.heartbeatSeconds * 2).toBeLessThanOrEqual(timings.hookSeconds);
        expect(longestHookSeconds(timings.hookSeconds)).toBeGreaterThanOrEqual(timings.hookSeconds);
      }),
    );
  });

  it.each<[string, Partial<DrainTimings>, RegExp]>([
    ["a hook that ends before the drain", { hookSeconds: 100 }, /lifecycle hook of 100 s ends before/],
    ["a deregistration delay of 300 s", { deregistrationSeconds: 300 }, /deregistration delay of 300 s/],
    ["a deregistration delay of 0 s", { deregistrationSeconds: 0 }, /load balancers need seconds/],
    ["a stop timeout within the drain", { stopSeconds: 30 }, /stop timeout of 30 s kills the gateway/],
    ["a scale-in period within the drain", { scaleInSeconds: 10 }, /scale-in period of 10 s/],
    ["a hook of three hours", { hookSeconds: 10_800 }, /at most 7200 s/],
  ])("name %s", (_, change, problem) => {
    const problems = drainProblems({ ...timingsFor("ec2", 25, 100), ...change });
    expect(problems).toEqual([expect.stringMatching(problem)]);
  });

  it.each([
    ["fargate", /Fargate kills a task 120 s/],
    ["spot", /Spot instance ends 120 s/],
  ] as const)("name a window that %s does not give", (place, problem) => {
    expect(drainProblems(timingsFor(place, 0, 300))).toEqual([expect.stringMatching(problem)]);
  });
});
