import { describe, expect, it } from "@jest/globals";
import { Slots } from "./slots.js";
import type { WorkerProcess } from "./worker-process.js";

const worker = (slot: number, generation: number, state = "ready"): WorkerProcess =>
  ({ owner: { slot, generation }, state }) as WorkerProcess;
const SUCCESSION = { program: "new", taken: () => {}, failed: () => {} };

describe("the slots of an instance", () => {
  it("give a successor its place only when it is ready, and keep the predecessor beside", () => {
    const slots = new Slots<string>(2);
    const [a, b, next] = [worker(0, 1), worker(1, 2), worker(0, 3, "starting")];
    slots.place(a);
    slots.place(b);
    slots.begin(next, SUCCESSION);
    expect([slots.isPlaced(a), slots.isPlaced(next), slots.ready]).toEqual([true, false, 2]);
    expect(slots.generations(0)).toEqual([1, 3]);
    expect(slots.succeed(next)).toEqual({ succession: SUCCESSION, predecessor: a });
    expect([slots.isPlaced(a), slots.isPlaced(next)]).toEqual([false, true]);
    expect(slots.workers).toEqual([next, b, a]);
    slots.gone(a);
    expect(slots.workers).toEqual([next, b]);
    expect(slots.succeed(next)).toBeUndefined();
  });

  it("have no vacancy while a successor is on the way", () => {
    const slots = new Slots<string>(1);
    const [a, next] = [worker(0, 1), worker(0, 2, "starting")];
    expect(slots.isVacant(0)).toBe(true);
    slots.place(a);
    expect(slots.isVacant(0)).toBe(false);
    slots.begin(next, SUCCESSION);
    slots.gone(a);
    expect(slots.isVacant(0)).toBe(false);
    slots.gone(next);
    expect(slots.abandon(next)).toBe(SUCCESSION);
    expect(slots.abandon(next)).toBeUndefined();
    expect([slots.isVacant(0), slots.workers]).toEqual([true, []]);
  });

  it("free no place when a worker ends that has none", () => {
    const slots = new Slots<string>(1);
    const [a, next] = [worker(0, 1), worker(0, 2, "starting")];
    slots.place(a);
    slots.begin(next, SUCCESSION);
    slots.gone(next);
    expect([slots.isPlaced(a), slots.workers]).toEqual([true, [a]]);
  });
});
