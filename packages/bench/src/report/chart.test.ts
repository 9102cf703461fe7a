import { expect, test } from "@jest/globals";
import { COST, resultOf } from "../testing/result.js";
import { barChart, lineChart } from "./chart.js";

test("a bar chart has a bar and a figure for each peer, and escapes what it is told", () => {
  const result = resultOf({ ours: [{ cost: 1 }], ws: [{ cost: 2 }] });
  const svg = barChart(result, "s", COST, "a < b") ?? "";
  expect(svg.match(/<rect /g)).toHaveLength(2);
  expect(svg).toContain(">2.0</text>");
  expect(svg).toContain("a &lt; b");
});

test("nothing measured, no chart", () => {
  expect(barChart(resultOf({}), "s", COST, "")).toBeUndefined();
  expect(lineChart([], "", "")).toBeUndefined();
});

test("a line chart has a line and a name for each", () => {
  const points = [
    [0, 1],
    [1, 2],
  ] as const;
  const svg =
    lineChart(
      [
        { name: "on", points },
        { name: "off", points },
      ],
      "",
      "MB",
    ) ?? "";
  expect(svg.match(/<polyline /g)).toHaveLength(2);
  expect(svg).toContain(">off</text>");
});
