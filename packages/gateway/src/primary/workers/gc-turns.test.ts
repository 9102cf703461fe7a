import { FakeClock } from "@holdfast/core/testing";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { GcTurns } from "./gc-turns.js";

function setUp() {
  const clock = new FakeClock();
  const granted: string[] = [];
  const turns = new GcTurns<string>(clock, (worker) => granted.push(worker));
  return { clock, granted, turns };
}

describe("GC turns", () => {
  it("are granted in the order of the wishes, one at a time", () => {
    const { granted, turns } = setUp();
    for (const worker of ["a", "b", "a", "c", "b"]) turns.wish(worker);
    expect(granted).toEqual(["a"]);
    turns.done("a");
    turns.done("b");
    turns.done("c");
    expect(granted).toEqual(["a", "b", "c"]);
    expect(turns.isCollecting("c")).toBe(false);
  });

  it("end with the worker's death, also of one that only wished", () => {
    const { granted, turns } = setUp();
    for (const worker of ["a", "b", "c"]) turns.wish(worker);
    turns.done("b");
    turns.done("a");
    expect(granted).toEqual(["a", "c"]);
  });

  it("end after ten seconds when the worker says nothing", () => {
    const { clock, granted, turns } = setUp();
    turns.wish("stuck");
    turns.wish("next");
    clock.advance(9_999);
    expect(turns.isCollecting("stuck")).toBe(true);
    clock.advance(1);
    expect(granted).toEqual(["stuck", "next"]);
    turns.done("stuck");
    expect(turns.isCollecting("next")).toBe(true);
  });

  it("never overlap and leave no timer behind, in any order of events", () => {
    const worker = fc.constantFrom("a", "b", "c");
    const step = fc.oneof(
      fc.record({ t: fc.constantFrom("wish", "done"), worker }),
      fc.record({ t: fc.constant("time"), ms: fc.nat(12_000) }),
    );
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const { clock, turns } = setUp();
        for (const each of steps) {
          if ("ms" in each) clock.advance(each.ms);
          else if (each.t === "wish") turns.wish(each.worker);
          else turns.done(each.worker);
          const collecting = ["a", "b", "c"].filter((one) => turns.isCollecting(one));
          expect(collecting.length).toBeLessThanOrEqual(1);
          expect(clock.timers).toBe(collecting.length);
        }
      }),
    );
  });
});
