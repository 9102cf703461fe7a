import type { Clock } from "@holdfast/core";
import { FakeClock } from "@holdfast/core/testing";
import { expect, test } from "@jest/globals";
import { LoopMonitor } from "./loop-monitor.js";

test("a loop that is held up is told to both readers, each since it last asked", () => {
  const clock = new FakeClock();
  const loop = new LoopMonitor(clock);
  clock.advance(1000);
  expect(loop.takeMaxDelayMs()).toBe(0);
  expect(loop.takeDelays().max).toBeLessThan(0.001);
  clock.spend(350);
  clock.advance(100);
  expect(loop.takeMaxDelayMs()).toBeGreaterThanOrEqual(250);
  expect(loop.takeMaxDelayMs()).toBe(0);
  clock.advance(1000);
  const { p50, p99, max } = loop.takeDelays();
  expect(max).toBeGreaterThanOrEqual(0.25);
  expect(p99).toBeGreaterThanOrEqual(0.25);
  expect(p50).toBeLessThan(0.001);
  expect(loop.takeDelays()).toEqual({ p50: 0, p99: 0, max: 0 });
  loop.close();
  clock.spend(500);
  clock.advance(1000);
  expect(loop.takeMaxDelayMs()).toBe(0);
});

test("in a quiet process the delay is how much later the timer came than it was to", () => {
  const clock = new FakeClock();
  const rest = { wasResting: false, wasQuiet: true, lateMs: 3 };
  const loop = new LoopMonitor(Object.assign(clock, { rest: rest as unknown as NonNullable<Clock["rest"]> }));
  clock.spend(400);
  clock.advance(100);
  expect(loop.takeMaxDelayMs()).toBe(3);
  loop.close();
});
