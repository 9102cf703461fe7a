import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "@jest/globals";
import {
  children,
  clusterWorkers,
  cpuMicros,
  cpuTicks,
  kilobytes,
  openSockets,
  privateBytes,
  pssBytes,
} from "./processes.js";

test("CPU ticks are found behind a name with brackets and blanks", () => {
  expect(cpuTicks("12 (a) b) S 1 12 12 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 11 0 1")).toBe(300);
});

test("a size is found by its whole name", () => {
  const text = "Pss_Dirty:        5 kB\nPss:            1234 kB\n";
  expect(kilobytes(text, "Pss")).toBe(1234 * 1024);
  expect(kilobytes(text, "Rss")).toBe(0);
});

test("a process that is gone counts as nothing", () => {
  const nobody = 2 ** 30;
  const costs = [cpuMicros(nobody), openSockets(nobody), pssBytes([nobody]), privateBytes(nobody)];
  expect(costs).toEqual([0, 0, 0, 0]);
  expect(children(nobody)).toEqual([]);
});

test("what is a process's own is a part of its share", () => {
  const own = privateBytes(process.pid);
  expect(own).toBeGreaterThan(1024 * 1024);
  expect(own).toBeLessThanOrEqual(pssBytes([process.pid]));
});

test("workers of a cluster are told from other children", async () => {
  const started = [{ NODE_UNIQUE_ID: "1" }, {}].map((env) => spawn("/bin/sleep", ["60"], { env }));
  try {
    await Promise.all(started.map((each) => once(each, "spawn")));
    const [worker, other] = started.map(({ pid }) => pid);
    expect(children(process.pid)).toEqual(expect.arrayContaining([worker, other]));
    expect(clusterWorkers(process.pid)).toContain(worker);
    expect(clusterWorkers(process.pid)).not.toContain(other);
  } finally {
    for (const each of started) each.kill("SIGKILL");
  }
});
