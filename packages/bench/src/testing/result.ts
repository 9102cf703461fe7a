/**
 * Results made by hand, for tests.
 */
import type { BenchResult, Measurement, Metric } from "../result.js";

export const SPEED: Metric = { key: "speed", label: "speed", unit: "/s", better: "higher", digits: 0 };
export const COST: Metric = { key: "cost", label: "cost", unit: "µs", better: "lower", digits: 1 };

/** One scenario "s" with the case "c"; each row is a peer's value by run. */
export function resultOf(
  rows: Readonly<Record<string, readonly Readonly<Record<string, number>>[]>>,
): BenchResult {
  const measurements: Measurement[] = Object.entries(rows).flatMap(([peer, runs]) =>
    runs.map((values, i) => ({
      scenario: "s",
      case: "c",
      peer,
      run: i + 1,
      values,
      commands: [`/tmp/a/${peer} --flag`],
      others: 0,
    })),
  );
  return {
    format: 1,
    command: "npm run bench -- s",
    startedAt: "2026-01-02T03:04:05.000Z",
    seconds: 120,
    quick: false,
    runs: 2,
    loadClients: ["storm.c"],
    machine: {
      cpu: "a processor",
      cores: 2,
      memoryGiB: 24,
      kernel: "6.1",
      openFiles: 20_000,
      settings: { "net.core.somaxconn": "4096" },
      versions: { node: "v20" },
      commit: "abc",
      load: 0.5,
    },
    scenarios: [{ name: "s", title: "Scenario", metrics: [SPEED, COST] }],
    peers: { ours: "Holdfast", ws: "ws" },
    measurements,
    missing: [],
  };
}
