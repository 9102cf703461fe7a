import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { Fifo } from "./fifo.js";

describe("a queue", () => {
  it("gives what it got in order, at any length", () => {
    const step = fc.oneof(fc.nat(3_000), fc.constant("drain" as const));
    fc.assert(
      fc.property(fc.array(fc.tuple(step, fc.nat(3_000)), { maxLength: 20 }), (steps) => {
        const fifo = new Fifo<number>();
        let pushed = 0;
        let left = 0;
        for (const [push, shift] of steps) {
          if (push === "drain") {
            const all = fifo.drain();
            expect([all.at(0), all.length]).toEqual([pushed === left ? undefined : left, pushed - left]);
            left = pushed;
          } else for (let i = 0; i < push; i++) fifo.push(pushed++);
          for (let i = 0; i < shift && left < pushed; i++) {
            if (fifo.first !== left || fifo.shift() !== left) throw new Error(`not ${left}`);
            left++;
          }
          expect(fifo.length).toBe(pushed - left);
        }
        if (pushed === left) expect([fifo.first, fifo.shift()]).toEqual([undefined, undefined]);
      }),
    );
  });
});
