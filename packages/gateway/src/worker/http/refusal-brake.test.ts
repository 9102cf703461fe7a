import { FakeClock } from "@holdfast/core/testing";
import { beforeEach, describe, expect, it } from "@jest/globals";
import { RefusalBrake } from "./refusal-brake.js";

const LIMITS = { perSecond: 2, delayMs: 2_000, maxHeld: 3 };

describe("the refusal brake", () => {
  let clock: FakeClock;
  let delayed: number;
  let said: number[];
  let brake: RefusalBrake;
  let owners: object[];
  beforeEach(() => {
    clock = new FakeClock();
    delayed = 0;
    said = [];
    owners = [];
    brake = new RefusalBrake(clock, () => delayed++, LIMITS);
  });

  const refuse = (count: number): void => {
    for (let i = 0; i < count; i++) {
      const n = owners.length;
      owners.push({});
      brake.refuse(owners[n] as object, () => said.push(n));
    }
  };

  it("says the first at once, and those beyond the rate after the delay", () => {
    refuse(6);
    expect(said).toEqual([0, 1, 2, 3]);
    expect(brake.size).toBe(2);
    clock.advance(1_999);
    expect(said).toHaveLength(4);
    clock.advance(501);
    expect(said).toEqual([0, 1, 2, 3, 4, 5]);
    expect([brake.size, delayed]).toEqual([0, 2]);
  });

  it("slows a client that comes back at once, and lets one that takes its time pass", () => {
    refuse(4);
    for (let i = 0; i < 10; i++) {
      clock.advance(500);
      refuse(1);
    }
    expect(delayed).toBe(0);
    refuse(1);
    expect(delayed).toBe(1);
  });

  it("holds few: beyond, the one that has waited longest is said", () => {
    refuse(4 + 3);
    refuse(2);
    expect(said).toEqual([0, 1, 2, 3, 4, 5]);
    expect(brake.size).toBe(3);
  });

  it("says nothing for an owner that is gone, and at once what is hurried", () => {
    refuse(6);
    brake.release(owners[4] as object);
    brake.hurry(owners[5] as object);
    brake.hurry(owners[5] as object);
    clock.advance(10_000);
    expect(said).toEqual([0, 1, 2, 3, 5]);
  });

  it("says all when it is closed", () => {
    refuse(6);
    brake.close();
    expect(said).toHaveLength(6);
  });
});
