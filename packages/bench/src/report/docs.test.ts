import { expect, test } from "@jest/globals";
import type { BenchResult } from "../result.js";
import { resultOf } from "../testing/result.js";
import { withFigures } from "./docs.js";

const PAGE = [
  "# Performance",
  "<!-- figures: written by `npm run bench -- --write-docs <json>`; do not edit -->",
  "stale figures",
  "<!-- /figures -->",
  "the end",
].join("\n");
const ORDER = ["r", "s", "t"];

const written = (result: BenchResult, page = PAGE, charts: readonly string[] = []): string =>
  withFigures(page, result, charts, ORDER);

/** A result of the scenario of that name alone. */
function resultNamed(name: string, cost: number): BenchResult {
  const made = resultOf({ ours: [{ cost }] });
  return {
    ...made,
    command: `npm run bench -- ${name}`,
    scenarios: made.scenarios.map((scenario) => ({ ...scenario, name })),
    measurements: made.measurements.map((each) => ({ ...each, scenario: name })),
  };
}

test("only what stands between the markers is replaced, by figures, machine, charts and commands", () => {
  const page = written(resultOf({ ours: [{ cost: 1 }] }), PAGE, [
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
  expect(page).toContain("Measured 2026-01-02 by `npm run bench -- s`, 1 run, commit abc.");
});

test("commands are shown without the paths of the machine they ran on", () => {
  const page = written(resultOf({ ours: [{ cost: 1 }] }));
  expect(page).toContain("\nours --flag\n");
  expect(page).not.toContain("/tmp/");
});

test("a scenario that was run again is replaced, whole; those that were not stay, in the bench's order", () => {
  const first = written(resultNamed("s", 2), written(resultNamed("t", 1)));
  const second = written(resultNamed("t", 4), written(resultNamed("r", 3), first));
  expect(second.match(/^### .*|^\| c \|.*/gm)).toEqual([
    "### Scenario (r)",
    "| c | Holdfast | 3.0 | 0 |",
    "### Scenario (s)",
    "| c | Holdfast | 2.0 | 0 |",
    "### Scenario (t)",
    "| c | Holdfast | 4.0 | 0 |",
  ]);
  expect(second.match(/by `npm run bench -- \w`/g)).toHaveLength(3);
});

test("a scenario that the bench does not have any more leaves the page", () => {
  const page = written(resultNamed("s", 2), written(resultNamed("t", 1)));
  expect(withFigures(page, resultNamed("s", 2), [], ["s"])).not.toContain("(t)");
});

test("what was missing or failed stands with its scenario", () => {
  const made = resultOf({ ours: [{ cost: 1 }] });
  const failed = made.measurements.map((each) => ({ ...each, failed: { reset: 1200 } }));
  const missing = [{ scenario: "s", peer: "ws", reason: "not installed\nat all" }];
  const page = written({ ...made, measurements: failed, missing });
  expect(page).toContain("Failures by reason:\n\n- s, c, Holdfast: reset 1,200\n");
  expect(page).toContain("Missing:\n\n- ws: not installed\n");
});

test("writing it twice changes nothing", () => {
  const result = resultOf({ ours: [{ cost: 1 }] });
  const once = written(result);
  expect(written(result, once)).toBe(once);
});

test("a quick result is refused", () => {
  expect(() => written({ ...resultOf({ ours: [{ cost: 1 }] }), quick: true })).toThrow("a quick result");
});

test("a page without markers is not touched", () => {
  expect(() => written(resultOf({}), "# Performance")).toThrow("markers");
});

test("its sentences keep to the width of prose", () => {
  const result = { ...resultOf({ ours: [{ cost: 1 }] }), command: `npm run bench -- ${"idle ".repeat(60)}` };
  const page = written(result);
  const lines = page.slice(page.indexOf("Measured "), page.indexOf("| case")).split("\n");
  expect(lines.length).toBeGreaterThan(3);
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(110);
});
