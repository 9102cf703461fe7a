/**
 * What systemd says of the service: limits, its time to stop, its process.
 *
 * Owns the reading of `systemctl show`. Invariant: where there is no systemd or no such unit, that is the
 * fact.
 */
import { type Fact, known, type UnitFacts, unknown } from "@holdfast/doctor";
import type { SystemSource } from "./system-source.js";

export interface ServiceFacts {
  readonly unit: Fact<UnitFacts>;
  /** Of the primary, where it runs. */
  readonly pid: number | undefined;
}

const PROPERTIES = ["LoadState", "MainPID", "LimitNOFILE", "TasksMax", "TimeoutStopUSec", "OOMPolicy"];

export async function readService(source: SystemSource, unit: string): Promise<ServiceFacts> {
  const output = await source.run("systemctl", ["show", unit, `--property=${PROPERTIES.join(",")}`]);
  if (output === undefined) return { unit: unknown("systemd cannot be asked here"), pid: undefined };
  const said = new Map(output.split("\n").map((line) => line.split(/=(.*)/s, 2) as [string, string]));
  if (said.get("LoadState") !== "loaded")
    return { unit: unknown(`systemd has no unit ${unit}: name it with --unit`), pid: undefined };
  const pid = Number(said.get("MainPID"));
  return {
    unit: known({
      limitNofile: numberOf(said.get("LimitNOFILE")),
      tasksMax: numberOf(said.get("TasksMax")),
      timeoutStopMs: spanOf(said.get("TimeoutStopUSec") ?? ""),
      oomPolicy: said.get("OOMPolicy") ?? "stop",
    }),
    pid: pid > 0 ? pid : undefined,
  };
}

function numberOf(text = "infinity"): number {
  return /^\d+$/.test(text) ? Number(text) : Number.POSITIVE_INFINITY;
}

const UNITS: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: 1000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** `1min 30s` as ms; systemd.time(7). */
export function spanOf(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)\s*([a-z]+)/g)];
  if (parts.length === 0) return text === "0" ? 0 : Number.POSITIVE_INFINITY;
  return parts.reduce((sum, [, count, unit = ""]) => sum + Number(count) * (UNITS[unit] ?? 0), 0);
}
