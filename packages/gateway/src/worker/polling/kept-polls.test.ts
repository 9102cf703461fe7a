import { FakeClock } from "@holdfast/core/testing";
import { beforeEach, describe, expect, it } from "@jest/globals";
import { type KeptPoll, KeptPolls } from "./kept-polls.js";

const OVERHEAD = 256;

let clock: FakeClock;
let fanOut: number;
let done: number[];
let kept: KeptPolls;

beforeEach(() => {
  clock = new FakeClock();
  fanOut = 0;
  done = [];
  kept = new KeptPolls(clock, () => fanOut, 10_000);
});

const poll = (n: number, then = () => {}): KeptPoll => ({
  goOn: () => {
    done.push(n);
    then();
  },
});

describe("kept polls", () => {
  it("are worked off in their order, behind the fan-out under way", () => {
    fanOut = 1;
    for (const n of [1, 2, 3]) kept.later(poll(n));
    clock.runDeferred();
    expect(done).toEqual([]);
    fanOut = 0;
    clock.runDeferred();
    expect(done).toEqual([1, 2, 3]);
    expect(clock.deferred).toBe(0);
  });

  it("do not wait for a fan-out that begins once they have their turn; those that come then do", () => {
    const slow = (n: number): KeptPoll =>
      poll(n, () => {
        fanOut = 2;
        clock.spend(1);
      });
    for (let n = 1; n <= 40; n++) kept.later(slow(n));
    clock.runDeferred();
    expect(done).toHaveLength(16);
    kept.later(poll(41));
    clock.runDeferred();
    clock.runDeferred();
    expect(done).toHaveLength(40);
    clock.runDeferred();
    expect(done).toHaveLength(40);
    fanOut = 0;
    clock.runDeferred();
    expect(done).toHaveLength(41);
  });

  it("wait no longer than a second for a fan-out that does not end, turn after turn", () => {
    fanOut = 1;
    for (const n of [1, 2]) {
      kept.later(poll(n, () => (n === 1 ? kept.later(poll(9)) : undefined)));
      clock.spend(900);
      clock.runDeferred();
      expect(done).not.toContain(n);
      clock.spend(100);
      clock.runDeferred();
      expect(done).toContain(n);
    }
    expect(done).toEqual([1, 9, 2]);
    expect(clock.deferred).toBe(0);
  });

  it("take no more of a turn than a slice", () => {
    for (let n = 1; n <= 100; n++) kept.later(poll(n, () => clock.spend(0.5)));
    for (const most of [16, 32, 48]) {
      clock.runDeferred();
      expect(done).toHaveLength(most);
    }
  });

  it("that are kept while others are worked off have the next turn", () => {
    kept.later(poll(1, () => kept.later(poll(2))));
    clock.runDeferred();
    expect(done).toEqual([1]);
    clock.runDeferred();
    expect(done).toEqual([1, 2]);
  });

  it("have a limit of bytes in all", () => {
    const first = kept.hold(5_000);
    expect(first).toBe(5_000 + OVERHEAD);
    expect(kept.hold(5_000)).toBe(0);
    expect(kept.bytes).toBe(first);
    expect(kept.hold(4_488)).toBe(4_488 + OVERHEAD);
    expect(kept.hold(0)).toBe(0);
    kept.release(first);
    expect(kept.hold(5_000)).toBe(first);
  });
});
