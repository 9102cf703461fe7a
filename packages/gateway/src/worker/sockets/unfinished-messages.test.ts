import { FakeClock } from "@holdfast/core/testing";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { type Unfinished, UnfinishedMessages } from "./unfinished-messages.js";

const LIMITS = { timeoutMs: 6_000, maxBytes: 900 };

describe("unfinished messages", () => {
  it("gives up one that takes too long, however much more of it comes", () => {
    const clock = new FakeClock();
    let ended = 0;
    const held = new UnfinishedMessages(LIMITS, clock, () => ended++);
    const why: string[] = [];
    const one: Unfinished = { abandon: (sentence) => why.push(sentence) };
    held.hold(one, 100, true);
    clock.advance(5_000);
    held.hold(one, 200, false);
    expect(why).toEqual([]);
    clock.advance(2_000);
    expect(why).toEqual(["The rest of a message did not come in time."]);
    expect([held.bytes, held.size, ended]).toEqual([0, 0, 1]);
    held.close();
    expect(clock.timers).toBe(0);
  });

  it("counts the time of the next message from its own beginning", () => {
    const clock = new FakeClock();
    const held = new UnfinishedMessages(LIMITS, clock);
    let abandoned = 0;
    const one: Unfinished = { abandon: () => abandoned++ };
    for (let i = 0; i < 5; i++) {
      held.hold(one, 50, true);
      clock.advance(4_000);
    }
    expect(abandoned).toBe(0);
    held.close();
    expect(abandoned).toBe(1);
  });

  it("never holds more than its budget, and gives up the oldest first", () => {
    const steps = fc.array(
      fc.record({
        who: fc.integer({ min: 0, max: 6 }),
        bytes: fc.integer({ min: 1, max: 1_200 }),
        isNew: fc.boolean(),
        done: fc.boolean(),
      }),
    );
    fc.assert(
      fc.property(steps, (all) => {
        const clock = new FakeClock();
        const held = new UnfinishedMessages(LIMITS, clock);
        const model = new Map<number, number>();
        const people = Array.from({ length: 7 }, (_, who) => ({
          abandon(): void {
            expect(who).toBe(model.keys().next().value);
            model.delete(who);
          },
        }));
        for (const { who, bytes, isNew, done } of all) {
          const one = people[who]!;
          if (done) {
            model.delete(who);
            held.release(one);
          } else {
            if (isNew) model.delete(who);
            model.set(who, bytes);
            held.hold(one, bytes, isNew);
          }
          expect(held.bytes).toBe([...model.values()].reduce((sum, each) => sum + each, 0));
          expect(held.bytes).toBeLessThanOrEqual(LIMITS.maxBytes);
        }
        held.close();
      }),
    );
  });
});
