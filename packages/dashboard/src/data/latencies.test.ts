import { expect, it } from "@jest/globals";
import { overview } from "../testing/overviews.js";
import { LastLatencies } from "./last-latencies.js";
import { boundText, histogramOf, quantile } from "./latencies.js";

const counts = (delivery: number[]) => ({
  bounds: [0.001, 0.01, 1],
  delivery,
  loop: [0, 0, 0, 0],
  gc: [0, 0, 0, 0],
});

it("a histogram is the difference of two, and never negative where a worker has ended", () => {
  const of = histogramOf("delivery", counts([5, 5, 9, 0]), counts([95, 12, 3, 1]));
  expect(of).toMatchObject({ counts: [90, 7, 0, 1], total: 98 });
  expect(histogramOf("delivery", undefined, counts([1, 0, 0, 0])).total).toBe(1);
});

it("quantiles are bounds, and say so", () => {
  const of = histogramOf("delivery", undefined, counts([90, 8, 1, 1]));
  expect([0.5, 0.95, 1].map((share) => boundText(quantile(of, share), 1))).toEqual([
    "≤ 1 ms",
    "≤ 10 ms",
    "> 1 s",
  ]);
  expect(boundText(quantile(histogramOf("gc", undefined, counts([1, 0, 0, 0])), 0.5), 1)).toBe("–");
});

it("the counts of five minutes are kept, one for each ten seconds", () => {
  const kept = new LastLatencies();
  kept.add(overview({ at: 0, latencies: counts([1, 0, 0, 0]) }));
  expect(kept.oldest).toBeUndefined();
  for (let at = 1_000; at <= 600_000; at += 1_000)
    kept.add(overview({ at, latencies: counts([at, 0, 0, 0]) }));
  expect(kept.oldest?.delivery[0]).toBe(300_000);
});
