import { expect, test } from "@jest/globals";
import { lineChart } from "./line-chart.js";

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

test("no points, no chart", () => {
  expect(lineChart([], "", "")).toBeUndefined();
});

test("the scale goes in round steps, up to the peak or just above", () => {
  const labels = (peak: number): string[] => {
    const points = [
      [0, 0],
      [1, peak],
    ] as const;
    const svg = lineChart([{ name: "", points }], "", "") ?? "";
    return [...svg.matchAll(/text-anchor="end">([^<]+)</g)].map(([, label = ""]) => label);
  };
  expect(labels(1)).toEqual(["0.00", "0.25", "0.50", "0.75", "1.00"]);
  expect(labels(100_000)).toEqual(["0", "25,000", "50,000", "75,000", "100,000"]);
  expect(labels(1_031)).toEqual(["0", "500", "1,000", "1,500"]);
});

test("the axes end where the data ends, also below 1", () => {
  const points = [
    [0, 0],
    [0.012, 0.3],
  ] as const;
  const svg = lineChart([{ name: "received", points }], "", "ms") ?? "";
  const labels = [...svg.matchAll(/text-anchor="(?:end|middle|start)">([^<]+)</g)].map(([, label]) => label);
  expect(labels).toEqual(["0.0", "0.1", "0.2", "0.3", "0 ms", "5 ms", "10 ms"]);
  // The last point is at the right edge and at the top of the chart.
  expect(svg).toContain('points="60.0,260.0 700.0,40.0"');
});

test("seconds on a long axis, and an axis for values that are all 0", () => {
  const points = [
    [0, 0],
    [40, 0],
  ] as const;
  const svg = lineChart([{ name: "lost", points }], "", "") ?? "";
  expect(svg).toContain(">40 s</text>");
  expect(svg).not.toMatch(/NaN|Infinity/);
});
