import { expect, test } from "@jest/globals";
import { resultOf } from "../testing/result.js";
import { withFigures } from "./docs.js";

const PAGE = [
  "# Performance",
  "<!-- figures: written by `npm run bench -- --write-docs <json>`; do not edit -->",
  "stale figures",
  "<!-- /figures -->",
  "the end",
].join("\n");

test("only what stands between the markers is replaced, by figures, machine, charts and commands", () => {
  const page = withFigures(PAGE, resultOf({ ours: [{ cost: 1 }] }), [
    "img/bench-s-cost.svg",
    "img/bench-t-cost.svg",
  ]);
  expect(page.startsWith("# Performance\n<!-- figures")).toBe(true);
  expect(page.endsWith("<!-- /figures -->\nthe end")).toBe(true);
  expect(page).not.toContain("stale figures");
  expect(page).toContain("| c | Holdfast | 1.0 | 0 |");
  expect(page).toContain("![s](img/bench-s-cost.svg)");
  expect(page).not.toContain("bench-t-cost");
  expect(page).toContain("a processor, 2 cores, 24 GiB");
});

test("commands are shown without the paths of the machine they ran on", () => {
  const page = withFigures(PAGE, resultOf({ ours: [{ cost: 1 }] }), []);
  expect(page).toContain("\nours --flag\n");
  expect(page).not.toContain("/tmp/");
});

test("writing it twice changes nothing", () => {
  const result = resultOf({ ours: [{ cost: 1 }] });
  const once = withFigures(PAGE, result, []);
  expect(withFigures(once, result, [])).toBe(once);
});

test("a page without markers is not touched", () => {
  expect(() => withFigures("# Performance", resultOf({}), [])).toThrow("markers");
});

test("its sentences keep to the width of prose", () => {
  const result = { ...resultOf({ ours: [{ cost: 1 }] }), command: `npm run bench -- ${"idle ".repeat(60)}` };
  const page = withFigures(PAGE, result, []);
  const lines = page.slice(page.indexOf("Measured "), page.indexOf("### Targets")).split("\n");
  expect(lines.length).toBeGreaterThan(3);
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(110);
});
