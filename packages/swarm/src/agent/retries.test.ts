import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { Retries } from "./retries.js";

test("each seat is given out once, not before its time, and at the latest a tick after", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(2_000), { maxLength: 50 }), (delays) => {
      const retries = new Retries();
      const due = new Map(delays.map((delay, seat) => [seat, delay]));
      delays.forEach((delay, seat) => {
        retries.add(seat, 0, delay);
      });
      expect(retries.waiting).toBe(delays.length);
      for (let now = 0; now <= 2_200; now += 20) {
        for (const seat of retries.take(now)) {
          const at = due.get(seat) ?? Number.NaN;
          expect(at).toBeLessThanOrEqual(now);
          expect(now - at).toBeLessThanOrEqual(100);
          due.delete(seat);
        }
      }
      expect(due.size).toBe(0);
      expect(retries.waiting).toBe(0);
    }),
  );
});

test("what is added for a tick that has passed comes with the next", () => {
  const retries = new Retries();
  expect(retries.take(1_000)).toEqual([]);
  retries.add(7, 1_000, 0);
  expect(retries.take(1_001)).toEqual([]);
  expect(retries.take(1_060)).toEqual([7]);
});
