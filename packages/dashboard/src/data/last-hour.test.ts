import { expect, it } from "@jest/globals";
import { overview, worker } from "../testing/overviews.js";
import { LastHour, MAX_POINTS, pointOf } from "./last-hour.js";

it("a point has what the charts show", () => {
  const two = overview({ workers: [worker({ loopDelayMs: 4 }), worker({ pid: 2, loopDelayMs: 9 })] });
  const point = pointOf(two, { gc: 0.1, fanout_dropped: 1, publications_skipped: 2, gaps: 3, deliveries: 7 });
  expect(point).toMatchObject({
    at: 1000,
    connections: 4,
    deliveries: 7,
    loopDelayMs: 9,
    dropped: 3,
    gaps: 3,
    gcPercent: 5,
    rssMiB: 2,
  });
});

it("the hour keeps its newest points, in the order of time", () => {
  const hour = new LastHour();
  for (let second = 0; second < MAX_POINTS + 5; second++)
    hour.add(pointOf(overview({ at: second * 1000 }), {}));
  hour.add(pointOf(overview({ at: 7000 }), {}));
  expect(hour.size).toBe(MAX_POINTS);
  const [times, values] = hour.series("connections");
  expect([times[0], times.at(-1), values.length]).toEqual([5, MAX_POINTS + 4, MAX_POINTS]);
});
