import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { TurnQueue } from "./turn-queue.js";

test("property: what is put leaves once and in its order, and a turn has what waited at its beginning", () => {
  const step = fc.constantFrom("put", "take");
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const queue = new TurnQueue<number>();
      let put = 0;
      let taken = 0;
      let turnEnd = 0;
      for (const each of steps) {
        if (each === "put") queue.put(put++);
        else {
          if (taken === turnEnd) turnEnd = put;
          const next = queue.take();
          if (next === undefined) expect(taken).toBe(put);
          else expect(next).toBe(taken++);
          expect(queue.isTurnOver).toBe(taken === turnEnd);
        }
      }
    }),
  );
});
