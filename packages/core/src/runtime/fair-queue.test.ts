import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { FairQueue } from "./fair-queue.js";

interface Item {
  readonly from: string;
  readonly nth: number;
}

describe("a fair queue", () => {
  it("lets askers take turns, each in its own order", () => {
    const queue = new FairQueue<string, Item>();
    for (const [nth, from] of ["a", "a", "a", "b", "a", "c", "b"].entries()) queue.add(from, { from, nth });
    const order = Array.from({ length: 7 }, () => queue.shift()?.nth);
    expect(order).toEqual([0, 3, 5, 1, 6, 2, 4]);
    expect(queue.shift()).toBeUndefined();
  });

  it("passes over askers that may not go, whose turn stays, and lets others go before one", () => {
    const queue = new FairQueue<string, number>();
    for (const [nth, from] of ["a", "b", "a", "c"].entries()) queue.add(from, nth);
    expect(queue.shift((from) => from !== "a")).toBe(1);
    expect(queue.shift()).toBe(0);
    queue.add("b", 4);
    queue.toEnd("a");
    queue.toEnd("nobody of these");
    expect([queue.shift(), queue.shift(), queue.shift(() => false), queue.shift()]).toEqual([
      3,
      4,
      undefined,
      2,
    ]);
  });

  it("counts what it has, whatever is added, taken and withdrawn", () => {
    const step = fc.oneof(fc.constantFrom("a", "b", "c"), fc.constant("shift"), fc.nat(9));
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const queue = new FairQueue<string, Item>();
        const model = new Set<Item>();
        for (const [nth, each] of steps.entries()) {
          const one = typeof each === "number" ? [...model][each] : undefined;
          if (each === "shift") model.delete(queue.shift() as Item);
          else if (typeof each === "number")
            expect(one !== undefined && queue.delete(one.from, one)).toBe(
              one !== undefined && model.delete(one),
            );
          else {
            const item = { from: each, nth };
            queue.add(each, item);
            model.add(item);
          }
          expect(queue.size).toBe(model.size);
          for (const from of ["a", "b", "c"])
            expect(queue.sizeOf(from)).toBe([...model].filter((item) => item.from === from).length);
        }
        expect(new Set(queue.all())).toEqual(model);
        expect(new Set(queue.drain())).toEqual(model);
        expect([queue.size, queue.shift(), queue.all()]).toEqual([0, undefined, []]);
      }),
    );
  });
});
