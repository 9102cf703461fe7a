import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { systemClock } from "@holdfast/core";
import { FakeClock } from "@holdfast/core/testing";
import { afterEach, describe, expect, it } from "@jest/globals";
import { OrphanGuard } from "./orphan-guard.js";

const PROGRAM = fileURLToPath(new URL("../../../dist/primary/workers/orphan-process.js", import.meta.url));

const GUARD = fileURLToPath(new URL("../../../dist/primary/workers/orphan-guard.js", import.meta.url));

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
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR2", "SIGALRM"] as const)
      guard.kill(signal);
    const end = once(worker, "exit");
    guard.stdin?.end();
    expect(await end).toEqual([null, "SIGKILL"]);
  });

  it("does not take a signal for the end of its primary, nor for a wish to be debugged", async () => {
    const worker = hanging();
    const guard = guardTold(`+${worker.pid}\n`);
    const { pid = 0 } = guard;
    await until(() => waitsForInput(pid));
    for (let times = 0; times < 5; times++) {
      guard.kill("SIGUSR1");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    // Only one that goes on to read hears that there is no worker any more.
    guard.stdin?.end(`-${worker.pid}\n`);
    expect(await once(guard, "exit")).toEqual([0, null]);
    expect(worker.exitCode ?? worker.signalCode).toBeNull();
  });

  it("kills none where it cannot read what the primary says", async () => {
    const worker = hanging();
    const program = `exec "$0" "$1" < /`;
    const guard = spawn("sh", ["-c", program, process.execPath, PROGRAM], { stdio: "ignore" });
    started.push(guard);
    expect(await once(guard, "exit")).toEqual([1, null]);
    expect(worker.exitCode ?? worker.signalCode).toBeNull();
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

  it("leaves none behind that was stopped", async () => {
    const guard = new OrphanGuard(systemClock, () => {}, PROGRAM);
    const { pid = 0 } = hanging();
    guard.add(pid);
    const { pid: stopped = 0 } = guard;
    process.kill(stopped, "SIGSTOP");
    guard.remove(pid);
    await until(() => !existsSync(`/proc/${stopped}`));
  });

  it("says it again when one that ran for a while was killed", async () => {
    const clock = new FakeClock();
    const problems: unknown[] = [];
    const guard = new OrphanGuard(clock, (problem) => problems.push(problem), PROGRAM);
    const { pid = 0 } = hanging();
    guard.add(pid);
    for (let times = 0; times < 2; times++) {
      clock.advance(60_000);
      process.kill(guard.pid ?? 0, "SIGKILL");
      await until(() => guard.pid === undefined);
      clock.advance(5_000);
    }
    expect(problems).toHaveLength(2);
    guard.remove(pid);
  });

  it("starts one where there was no descriptor for it, not two", async () => {
    const program = `
      const { OrphanGuard } = await import(${JSON.stringify(GUARD)});
      const { openSync, closeSync, readFileSync } = await import("node:fs");
      const due = [];
      const clock = { monotonic: () => 0, after: (_, run) => { due.push(run); return { cancel() {} }; } };
      const guard = new OrphanGuard(clock, () => {});
      const files = [];
      try { for (;;) files.push(openSync("/dev/null")); } catch {}
      guard.add(process.pid);
      await new Promise((resolve) => setTimeout(resolve, 100));
      for (const file of files) closeSync(file);
      process.stdout.write(String(due.length));
      process.exit();`;
    const limited = 'ulimit -n 64; exec "$0" --input-type=module -e "$1"';
    const child = spawn("sh", ["-c", limited, process.execPath, program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    started.push(child);
    expect(String(await once(child.stdout, "data"))).toBe("1");
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
