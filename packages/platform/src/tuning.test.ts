import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { openFilesNeeded } from "./files.js";
import { sysctlFor } from "./sysctl.js";
import { type TuningFile, tuningFor, tuningText } from "./tuning.js";

const [kernel, logins, service] = tuningFor({ connections: 1_000_000, workers: 16 }) as [
  TuningFile,
  TuningFile,
  TuningFile,
];

describe("the files for a million connections", () => {
  it("are those of the kernel, of logins and of the service", () => {
    expect([kernel, logins, service].map(({ path }) => path)).toEqual([
      "/etc/sysctl.d/60-holdfast.conf",
      "/etc/security/limits.d/60-holdfast.conf",
      "/etc/systemd/system/holdfast.service.d/60-holdfast.conf",
    ]);
  });

  it("have the kernel's settings, one a line", () => {
    expect(kernel.lines).toHaveLength(sysctlFor(1_000_000).length);
    expect(kernel.lines.map(({ text }) => text)).toContain("net.core.somaxconn = 65535");
    expect(kernel.lines.map(({ text }) => text)).toContain("-net.netfilter.nf_conntrack_max = 1310720");
  });

  it("give the service files, time to stop and the accept queue", () => {
    expect(service.lines.map(({ text }) => text)).toEqual([
      "LimitNOFILE=1048576",
      "TasksMax=4096",
      "OOMPolicy=continue",
      "TimeoutStopSec=290s",
      "Environment=HOLDFAST_DRAIN_DELAY=25s HOLDFAST_DRAIN_WINDOW=250s",
      "Environment=HOLDFAST_BACKLOG=65535",
    ]);
  });

  it("are texts with a reason above each line", () => {
    const text = tuningText(service, "For the test.");
    expect(text).toMatch(
      /^# For the test\.\n\n\[Service\]\n# A connection is one file .+\nLimitNOFILE=1048576\n\n#/,
    );
  });
});

describe("for any number", () => {
  it("each line has a reason, and the files that a worker needs are within the limit", () => {
    const input = fc.record({
      connections: fc.integer({ min: 1, max: 3_000_000 }),
      workers: fc.integer({ min: 4, max: 256 }),
    });
    fc.assert(
      fc.property(input, (options) => {
        for (const { lines } of tuningFor(options))
          for (const { text, reason } of lines)
            expect([text, reason].every((each) => each.length > 5)).toBe(true);
        expect(openFilesNeeded(options.connections, options.workers)).toBeLessThanOrEqual(1_048_576);
      }),
    );
  });

  it("the drain's own settings make the time to stop", () => {
    const [, , unit] = tuningFor({
      connections: 1000,
      workers: 2,
      drainDelaySeconds: 70,
      drainWindowSeconds: 60,
    });
    expect(unit?.lines.map(({ text }) => text)).toContain("TimeoutStopSec=145s");
  });

  it.each([
    [{ connections: 2_000_000, workers: 1 }, "take more workers"],
    [{ connections: 10, workers: 257 }, "at most 256 workers"],
    [{ connections: 0, workers: 1 }, "connections must be a whole number above 0"],
  ])("%j is refused", (options, message) => {
    expect(() => tuningFor(options)).toThrow(message);
  });
});
