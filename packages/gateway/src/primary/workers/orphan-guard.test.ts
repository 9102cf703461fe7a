import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { systemClock } from "@holdfast/core";
import { FakeClock } from "@holdfast/core/testing";
import { afterEach, describe, expect, it } from "@jest/globals";
import { OrphanGuard } from "./orphan-guard.js";

const PROGRAM = fileURLToPath(new URL("../../../dist/primary/workers/orphan-process.js", import.meta.url));

const started: ChildProcess[] = [];

afterEach(() => {
  for (const each of started.splice(0)) each.kill("SIGKILL");
});

/** A process that hears no request to end, as one that hangs. */
function hanging(): ChildProcess {
  const child = spawn("sh", ["-c", "trap '' TERM INT HUP; sleep 60"], { stdio: "ignore" });
  started.push(child);
  return child;
}

/** The program, as a primary starts it that says this and then ends. */
function guardTold(text: string): ChildProcess {
  const guard = spawn(process.execPath, [PROGRAM], { stdio: ["pipe", "ignore", "inherit"] });
  started.push(guard);
  guard.stdin?.write(text);
  return guard;
}

/** Whether the process has set up its ears and blocks in a read. */
function waitsForInput(pid: number): boolean {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const caught = BigInt(`0x${/SigCgt:\s*(\w+)/.exec(status)?.[1] ?? "0"}`);
  return (caught & (1n << 14n)) !== 0n && (caught & 1n) !== 0n;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

describe("the guard's process", () => {
  it("kills what does not end by itself when its primary is gone, and ends", async () => {
    const [one, two] = [hanging(), hanging()];
    const ends = Promise.all([once(one, "exit"), once(two, "exit")]);
    const guard = guardTold(`+${one.pid}\n+${two.pid}\n`);
    guard.stdin?.end();
    expect(await ends).toEqual([
      [null, "SIGKILL"],
      [null, "SIGKILL"],
    ]);
    if (guard.exitCode === null) expect(await once(guard, "exit")).toEqual([0, null]);
  });

  it("leaves what is no worker any more alone, and ends at once", async () => {
    const worker = hanging();
    const guard = guardTold(`+${worker.pid}\n-${worker.pid}\n+0\n+-1\n+x\n`);
    guard.stdin?.end();
    expect(await once(guard, "exit")).toEqual([0, null]);
    expect(worker.exitCode ?? worker.signalCode).toBeNull();
  });

  it("does not end by a signal that is meant for its primary", async () => {
    const worker = hanging();
    const guard = guardTold(`+${worker.pid}\n`);
    const { pid = 0 } = guard;
    // It hears signals from its first look at the pipe on.
    await until(() => waitsForInput(pid));
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) guard.kill(signal);
    const end = once(worker, "exit");
    guard.stdin?.end();
    expect(await end).toEqual([null, "SIGKILL"]);
  });
});

describe("the guard", () => {
  it("has a process for as long as there is a worker", async () => {
    const guard = new OrphanGuard(systemClock, () => {}, PROGRAM);
    const { pid: one = 0 } = hanging();
    const { pid: two = 0 } = hanging();
    expect(guard.pid).toBeUndefined();
    guard.add(one);
    const first = guard.pid;
    guard.add(two);
    guard.remove(one);
    expect(guard.pid).toBe(first);
    guard.remove(two);
    expect(guard.pid).toBeUndefined();
    await until(() => !existsSync(`/proc/${first}`));
  });

  it("starts it again when it was killed, and says once that there was none", async () => {
    const clock = new FakeClock();
    const problems: unknown[] = [];
    const guard = new OrphanGuard(clock, (problem) => problems.push(problem), PROGRAM);
    const { pid = 0 } = hanging();
    guard.add(pid);
    for (let times = 0; times < 2; times++) {
      process.kill(guard.pid ?? 0, "SIGKILL");
      await until(() => guard.pid === undefined);
      clock.advance(5_000);
      expect(guard.pid).toBeDefined();
    }
    expect(problems).toHaveLength(1);
    guard.remove(pid);
  });

  it("tries again where it cannot be started", async () => {
    const clock = new FakeClock();
    const problems: unknown[] = [];
    const guard = new OrphanGuard(clock, (problem) => problems.push(problem), "/no/such/program");
    const { pid = 0 } = hanging();
    guard.add(pid);
    await until(() => guard.pid === undefined);
    expect(problems).toHaveLength(1);
    guard.remove(pid);
    clock.advance(5_000);
    expect(guard.pid).toBeUndefined();
  });
});
