/**
 * The program of an instance's guard: ends the workers that outlive their primary (ADR 0067).
 *
 * It reads from the primary which processes are its workers, and does nothing else until that pipe ends,
 * which it does with the primary. A worker that has not ended by itself some seconds later hangs: it is
 * killed. Invariants: a process is killed only if it is the one that the primary named, and not another one
 * that got its number since; the guard ends as soon as no worker is left. Neither a signal nor a terminal
 * ends it.
 */
import { readFileSync, readSync } from "node:fs";

/** How long workers may take to end after their primary is gone, ms: more than their last words need. */
const GRACE_MS = 4_000;
/** How often it is looked whether they have ended, ms. */
const LOOK_MS = 250;
/** Longer than any line. */
const MAX_LINE = 32;

class Orphans {
  /** When each began, as the system counts it, by process id. */
  readonly #workers = new Map<number, string | undefined>();

  /** `+<process id>`: a worker began; `-<process id>`: it ended. */
  hear(line: string): void {
    const pid = Number(line.slice(1));
    if (!Number.isInteger(pid) || pid <= 1) return;
    if (line.startsWith("+")) this.#workers.set(pid, beginningOf(pid));
    else this.#workers.delete(pid);
  }

  /** Looks whether one of them runs still. */
  look(): boolean {
    for (const [pid, beginning] of this.#workers) {
      if (!isAlive(pid) || beginningOf(pid) !== beginning) this.#workers.delete(pid);
    }
    return this.#workers.size > 0;
  }

  kill(): void {
    if (!this.look()) return;
    for (const pid of this.#workers.keys()) kill(pid);
  }
}

/**
 * What is sent to all processes of a service reaches the guard, too. SIGUSR1 is Node's: it would start a
 * debugger, and interrupt the read.
 */
const DEAF_TO = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGALRM"] as const;
for (const signal of DEAF_TO) process.on(signal, () => {});
guard(new Orphans());

function guard(orphans: Orphans): void {
  readLines(0, (line) => orphans.hear(line));
  const looks = setInterval(() => {
    if (!orphans.look()) process.exit(0);
  }, LOOK_MS);
  setTimeout(() => {
    clearInterval(looks);
    orphans.kill();
  }, GRACE_MS);
  if (!orphans.look()) process.exit(0);
}

/** Blocks until the end of the file: nothing else is to be done, and nothing of Node's streams is loaded. */
function readLines(file: number, hear: (line: string) => void): void {
  const bytes = Buffer.alloc(4096);
  let rest = "";
  for (let length = read(file, bytes); length > 0; length = read(file, bytes)) {
    const lines = (rest + bytes.toString("latin1", 0, length)).split("\n");
    rest = lines.pop()?.slice(0, MAX_LINE) ?? "";
    lines.forEach(hear);
  }
}

/**
 * 0 at the end. One that was interrupted is done again; where it cannot be read, the guard ends without
 * killing any: the primary starts another one.
 */
function read(file: number, bytes: Buffer): number {
  for (;;) {
    try {
      return readSync(file, bytes);
    } catch (problem) {
      if ((problem as NodeJS.ErrnoException).code !== "EINTR") process.exit(1);
    }
  }
}

/** It may have ended since it was looked at. */
function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // Gone.
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Undefined where the system does not tell, or the process is gone. */
function beginningOf(pid: number): string | undefined {
  try {
    // Its name may contain anything; the fields behind it are numbers. The 22nd of all is the beginning.
    return readFileSync(`/proc/${pid}/stat`, "latin1").split(")").pop()?.split(" ")[20];
  } catch {
    return undefined;
  }
}
