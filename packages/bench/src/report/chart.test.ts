import { expect, test } from "@jest/globals";
import { COST, resultOf } from "../testing/result.js";
import { barChart } from "./chart.js";

test("a bar chart has a bar and a figure for each peer, and escapes what it is told", () => {
  const result = resultOf({ ours: [{ cost: 1 }], ws: [{ cost: 2 }] });
  const svg = barChart(result, "s", COST, "a < b") ?? "";
  expect(svg.match(/<rect /g)).toHaveLength(2);
  expect(svg).toContain(">2.0</text>");
  expect(svg).toContain("a &lt; b");
});

test("nothing measured, no chart", () => {
  expect(barChart(resultOf({}), "s", COST, "")).toBeUndefined();
});
