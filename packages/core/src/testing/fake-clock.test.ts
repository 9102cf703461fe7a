import { expect, test } from "@jest/globals";
import { FakeClock } from "./fake-clock.js";

test("timers run at their own time, in order of time, then of making", () => {
  const clock = new FakeClock(1000);
  const log: string[] = [];
  const note = (name: string) => () => log.push(`${name} ${clock.monotonic()}`);
  clock.after(20, note("b"));
  clock.after(10, note("a"));
  clock.after(20, note("c"));
  clock.every(15, note("e"));
  clock.advance(9);
  expect(log).toEqual([]);
  clock.advance(31);
  expect(log).toEqual(["a 10", "e 15", "b 20", "c 20", "e 30"]);
  expect(clock.now()).toBe(1040);
});

test("a cancelled timer does not run, also when it is cancelled at its own time", () => {
  const clock = new FakeClock();
  const log: string[] = [];
  const second = clock.after(10, () => log.push("second"));
  const every = clock.every(10, () => log.push("every"));
  clock.after(5, () => second.cancel());
  clock.advance(10);
  every.cancel();
  every.cancel();
  clock.advance(100);
  expect(log).toEqual(["every"]);
  expect(clock.timers).toBe(0);
});

test("deferred work runs when it is asked for, a turn at a time, or when time passes", () => {
  const clock = new FakeClock();
  const log: string[] = [];
  clock.defer(() => {
    log.push("a");
    clock.defer(() => log.push("later"));
  });
  clock.defer(() => log.push("b"));
  expect(log).toEqual([]);
  expect(clock.runDeferred()).toBe(2);
  expect(log).toEqual(["a", "b"]);
  clock.advance(0);
  expect(log).toEqual(["a", "b", "later"]);
});

test("time spent by work makes timers late but skips none", () => {
  const clock = new FakeClock();
  const at: number[] = [];
  clock.every(10, () => at.push(clock.monotonic()));
  clock.spend(25);
  expect(at).toEqual([]);
  clock.advance(5);
  expect(at).toEqual([25, 25, 30]);
});

test("settling runs promises and what they defer", async () => {
  const clock = new FakeClock();
  const log: string[] = [];
  Promise.resolve().then(() => clock.defer(() => Promise.resolve().then(() => log.push("done"))));
  await clock.settle();
  expect(log).toEqual(["done"]);
});
