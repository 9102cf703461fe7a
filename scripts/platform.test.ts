/**
 * What is written elsewhere agrees with packages/platform: kernel settings, the service, the formula of
 * files.
 */
import { readFileSync } from "node:fs";
import { GATEWAY, LINUX, openFilesNeeded, sysctlFor, timingsFor } from "@holdfast/platform";
import { describe, expect, it } from "@jest/globals";
import { parseDuration } from "../packages/cli/src/config/values/duration.js";
import { openFilesFor } from "../packages/cli/src/machine/capacity.js";
import { heapSizes } from "../packages/cli/src/machine/heap.js";
import { directive, readEnvironmentFile } from "./deploy-rules.js";

const read = (file: string): string => readFileSync(file, "utf8");

describe("packages/platform agrees with", () => {
  it("deploy/sysctl, line by line, for a million connections and 16 workers", () => {
    const file = read("deploy/sysctl/60-holdfast.conf");
    const lines = [...file.matchAll(/^(-?)([a-z][\w.-]+) = (.+)$/gm)].map(
      ([, dash, key, value]) => `${dash}${key} = ${value}`,
    );
    const settings = sysctlFor(1_000_000, { cpus: 16 });
    expect(lines).toEqual(
      settings.map(({ optional, key, value }) => `${optional ? "-" : ""}${key} = ${value}`),
    );
  });

  it("the unit's open files and its time to stop", () => {
    const unit = read("deploy/systemd/holdfast.service");
    const env = readEnvironmentFile(read("deploy/systemd/holdfast.env"), { comments: false });
    expect(directive(unit, "LimitNOFILE")).toBe(String(LINUX.openFilesPerProcess.value));
    const window = (parseDuration(env.get("HOLDFAST_DRAIN_WINDOW") ?? "") ?? 0) / 1000;
    const stop = (parseDuration(directive(unit, "TimeoutStopSec") ?? "") ?? 0) / 1000;
    expect(stop).toBeGreaterThanOrEqual(timingsFor("ec2", 0, window).stopSeconds);
  });

  it.each([
    [1, 1],
    [10_000, 1],
    [10_000, 2],
    [1_000_000, 16],
    [999_999, 255],
  ])("the gateway's own formula of files: %i connections, %i workers", (connections, workers) => {
    expect(openFilesNeeded(connections, workers)).toBe(openFilesFor(connections, workers));
  });

  it("the gateway's share of memory for heaps", () => {
    expect(heapSizes(16 * 1024 ** 3, 4).oldMib * 4).toBe((16 * 1024) / 2);
    expect(GATEWAY.maxWorkers.value).toBe(256);
  });
});
