import { expect, test } from "@jest/globals";
import { resultOf } from "../testing/result.js";
import { markdownTable, tablesOf, textTable } from "./table.js";

const RESULT = resultOf({
  ws: [
    { speed: 1000, cost: 2 },
    { speed: 2000, cost: 2 },
  ],
  ours: [
    { speed: 2000, cost: 1 },
    { speed: 4000, cost: 1 },
  ],
});

test("ours comes first; a peer's cell says what ours is by it, run by run", () => {
  const [table] = tablesOf(RESULT);
  expect(table?.header).toEqual(["case", "who", "speed, /s", "cost, µs", "others, %"]);
  expect(table?.rows).toEqual([
    ["c", "Holdfast", "3,000 ±33%", "1.0", "0"],
    ["c", "ws", "1,500 ±33% (×2.00)", "2.0 (×0.50)", "0"],
  ]);
});

test("columns without a measurement are left out", () => {
  const [table] = tablesOf(resultOf({ ours: [{ cost: 1 }] }));
  expect(table?.header).toEqual(["case", "who", "cost, µs", "others, %"]);
});

test("as text, figures are aligned to the right and a case is named once", () => {
  const [table] = tablesOf(RESULT);
  expect(table && textTable(table).split("\n")).toEqual([
    "Scenario (s)",
    "case  who                speed, /s     cost, µs  others, %",
    "c     Holdfast          3,000 ±33%          1.0          0",
    "      ws        1,500 ±33% (×2.00)  2.0 (×0.50)          0",
  ]);
});

test("as Markdown", () => {
  expect(markdownTable({ title: "", header: ["a", "b", "c"], rows: [["x", "y", "1"]] })).toBe(
    "| a | b | c |\n| --- | --- | ---: |\n| x | y | 1 |",
  );
});
