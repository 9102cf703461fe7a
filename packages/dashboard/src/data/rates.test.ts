import { describe, expect, it } from "@jest/globals";
import { overview, worker } from "../testing/overviews.js";
import { most, ratesOf, total, workerRates } from "./rates.js";

const early = overview({
  at: 10_000,
  workers: [
    worker({ pid: 1, counters: { deliveries: 100 }, gcSeconds: 1 }),
    worker({ pid: 2, counters: { deliveries: 5 }, gcSeconds: 1 }),
  ],
});

describe("rates of two overviews", () => {
  it("are what all workers did in between, a second", () => {
    const late = overview({
      at: 12_000,
      workers: [
        worker({ pid: 1, counters: { deliveries: 110 }, gcSeconds: 1.5 }),
        worker({ pid: 2, counters: { deliveries: 15 }, gcSeconds: 1.5 }),
      ],
    });
    expect(ratesOf(early, late)).toEqual({ deliveries: 10, gc: 0.5 });
    expect(workerRates(early, late, 2)).toEqual({ deliveries: 5, gc: 0.25 });
  });

  it("leave out a worker that was replaced, which counts from zero again", () => {
    const late = overview({
      at: 11_000,
      workers: [
        worker({ pid: 1, counters: { deliveries: 103 }, gcSeconds: 1 }),
        worker({ pid: 3, counters: { deliveries: 1000 }, gcSeconds: 9 }),
      ],
    });
    expect(ratesOf(early, late)).toEqual({ deliveries: 3, gc: 0 });
  });

  it("leave out a worker that did not answer in time", () => {
    const { counters: _, ...silent } = worker({ pid: 1 });
    expect(ratesOf(early, overview({ at: 11_000, workers: [silent] }))).toEqual({});
  });

  it("are none without an earlier overview, at the same time, or in the wrong order", () => {
    expect(ratesOf(undefined, early)).toEqual({});
    expect(ratesOf(early, early)).toEqual({});
    expect(ratesOf(early, { ...early, at: 9_000 })).toEqual({});
  });
});

it("a sum and a maximum take workers without the figure as zero", () => {
  const some = overview({ workers: [worker({ topics: 3 }), worker(), worker({ topics: 4 })] });
  expect(total(some, ({ topics }) => topics)).toBe(7);
  expect(most(some, ({ topics }) => topics)).toBe(4);
});
