import { spawnSync } from "node:child_process";
import { describe, expect, it } from "@jest/globals";
import { heapSizes, primaryFlags, workerExecArgv } from "./heap.js";
import { parseProcLimits, usableMemory } from "./machine.js";

const GIB = 1024 ** 3;

describe("the heap of a worker", () => {
  it.each([
    [24 * GIB, 2, 6144, 16],
    [16 * GIB, 4, 2048, 16],
    [4 * GIB, 8, 256, 8],
    [0.5 * GIB, 4, 96, 4],
    [1024 * GIB, 2, 16_384, 16],
  ])(
    "with %d bytes and %d workers has %d MiB of old space and semi-spaces of %d",
    (memory, workers, old, semi) => {
      expect(heapSizes(memory, workers)).toEqual({ oldMib: old, semiMib: semi });
    },
  );

  const options = { memoryBytes: 16 * GIB, workers: 4, execArgv: [], nodeOptions: "" };

  it("is said by flags", () => {
    expect(workerExecArgv(options)).toEqual(["--max-old-space-size=2048", "--max-semi-space-size=16"]);
  });

  it("is left to a setting that says something", () => {
    expect(workerExecArgv({ ...options, execArgv: ["--max_old_space_size=100", "--inspect=9229"] })).toEqual([
      "--max_old_space_size=100",
      "--max-semi-space-size=16",
    ]);
    expect(
      workerExecArgv({ ...options, nodeOptions: "--max-semi-space-size=2  --max-old-space-size=50" }),
    ).toEqual([]);
  });
});

describe("the heap of the primary", () => {
  it.each([
    ["20.20.2", ["--memory-reducer-single-gc"]],
    ["v22.23.5", ["--memory-reducer-gc-count=1"]],
    ["26.0.0", []],
    ["", []],
  ])("on Node.js %s has the flags %j", (version, flags) => {
    expect(primaryFlags(version)).toEqual(flags);
  });

  it("has flags that this Node.js knows", () => {
    const flags = primaryFlags(process.version);
    const { stderr, status } = spawnSync(process.execPath, [...flags, "-e", ""], { encoding: "utf8" });
    expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
  });
});

describe("the machine", () => {
  it.each([
    [8, undefined, 8],
    [8, 0, 8],
    [8, 2, 2],
    [8, 2 ** 64, 8],
  ])("of %d bytes constrained to %d uses %d", (total, constrained, usable) => {
    expect(usableMemory(total, constrained)).toBe(usable);
  });

  it("reads its limit of open files", () => {
    const text =
      "Limit  Soft Limit  Hard Limit  Units\nMax open files            20000                524288               files\n";
    expect(parseProcLimits(text)).toBe(20_000);
    expect(parseProcLimits(text.replace("20000", "unlimited"))).toBe(Number.POSITIVE_INFINITY);
  });
});
