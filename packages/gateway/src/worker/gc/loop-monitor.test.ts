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
