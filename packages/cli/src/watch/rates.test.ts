import { describe, expect, it } from "@jest/globals";
import { overviewOf, workerOf } from "../testing/overview.js";
import { connectionsOf, ratesBetween, ratesJson } from "./rates.js";

describe("rates of two overviews", () => {
  const before = overviewOf({
    at: 1000,
    workers: [workerOf(0, { counters: { commands: 10 } }), workerOf(1)],
  });

  it("are a second's, of each worker and of all", () => {
    const after = overviewOf({
      at: 3000,
      workers: [
        workerOf(0, { counters: { commands: 30, deliveries: 400, publications_skipped: 6 }, gcSeconds: 1.5 }),
        workerOf(1, { counters: { commands: 2, gaps: 4, fanout_dropped: 2 }, gcSeconds: 1.1 }),
      ],
    });
    const rates = ratesBetween(before, after);
    expect(rates?.workers.get(100)).toMatchObject({ commands: 10, deliveries: 200, drops: 3, gcShare: 0.25 });
    expect(rates?.workers.get(101)).toMatchObject({ commands: 1, gaps: 2, drops: 1 });
    expect(rates?.total).toMatchObject({ commands: 11, deliveries: 200, drops: 4, gaps: 2, gcShare: 0.25 });
    expect(connectionsOf(after)).toBe(20);
  });

  it("leave out a worker that has just begun, or that did not answer", () => {
    const silent = { ...workerOf(1), counters: undefined as never };
    const after = overviewOf({ at: 2000, workers: [workerOf(0, { pid: 900 }), silent] });
    const rates = ratesBetween(before, after);
    expect(rates?.workers.size).toBe(0);
    expect(rates?.total).toMatchObject({ commands: 0, deliveries: 0 });
    expect(ratesJson(after, rates)).toMatchObject({
      workers: [
        { slot: 0, pid: 900 },
        { slot: 1, pid: 101 },
      ],
    });
  });

  it("are not known without time between the two", () => {
    expect(ratesBetween(before, before)).toBeUndefined();
    expect(ratesBetween(overviewOf({ at: 5000 }), overviewOf({ at: 4000 }))).toBeUndefined();
  });
});
