import { describe, expect, it } from "@jest/globals";
import { Registry } from "prom-client";
import { registerReadings } from "./reading-table.js";

describe("a table of readings", () => {
  it("reads once for all rows of a snapshot, and anew for the next one", async () => {
    const registry = new Registry();
    let reads = 0;
    registerReadings(
      registry,
      [
        { name: "a", help: "A", type: "gauge", values: (n: number) => n },
        { name: "b_total", help: "B", type: "counter", values: (n) => n * 10 },
        {
          name: "c",
          help: "C",
          type: "gauge",
          labels: ["kind"],
          values: (n) => [
            [{ kind: "x" }, n],
            [{ kind: "y" }, -n],
          ],
        },
      ],
      () => ++reads,
    );
    const lines = async (): Promise<string[]> =>
      (await registry.metrics()).split("\n").filter((line) => /^holdfast/.test(line));
    expect(await lines()).toEqual([
      "holdfast_a 1",
      "holdfast_b_total 10",
      'holdfast_c{kind="x"} 1',
      'holdfast_c{kind="y"} -1',
    ]);
    expect(await lines()).toEqual([
      "holdfast_a 2",
      "holdfast_b_total 20",
      'holdfast_c{kind="x"} 2',
      'holdfast_c{kind="y"} -2',
    ]);
    expect(reads).toBe(2);
  });
});
