/**
 * The guard against workers that outlive this primary: keeps the process of `orphan-process.ts`, and tells it
 * which processes are workers (ADR 0067).
 *
 * One process for all workers, not a thread in each, which takes as much memory as a process. Invariants: it
 * runs for as long as there is a worker, and is gone with the last one; one that ends meanwhile is started
 * again; where there can be none, workers run without. `missed` is told once of each time without.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Clock, Timer } from "@holdfast/core";

const PROGRAM = fileURLToPath(new URL("./orphan-process.js", import.meta.url));

/** How long after its end it is started again, ms. */
const RETRY_MS = 5_000;
/** The end of one that ran for so long is told again, ms. */
const LASTING_MS = 60_000;

export class OrphanGuard {
  readonly #clock: Clock;
  readonly #missed: (problem: unknown) => void;
  readonly #program: string;
  readonly #workers = new Set<number>();
  #process: ChildProcess | undefined;
  #retry: Timer | undefined;
  #wasMissed = false;
  /** When it was started last, monotonic ms. */
  #startedAt = 0;

  /** `missed` is told why there is no guard. */
  constructor(clock: Clock, missed: (problem: unknown) => void, program = PROGRAM) {
    this.#clock = clock;
    this.#missed = missed;
    this.#program = program;
  }

  /** The guard's process, while there is one. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  add(pid: number): void {
    this.#workers.add(pid);
    if (this.#process === undefined && this.#retry === undefined) this.#start();
    else this.#tell(`+${pid}\n`);
  }

  /** Without a worker there is no guard. */
  remove(pid: number): void {
    if (!this.#workers.delete(pid)) return;
    this.#tell(`-${pid}\n`);
    if (this.#workers.size > 0) return;
    this.#retry?.cancel();
    this.#retry = undefined;
    // Not by the end of its pipe: one that was stopped would stay.
    this.#process?.kill("SIGKILL");
    this.#process = undefined;
  }

  #tell(text: string): void {
    this.#process?.stdin?.write(text);
  }

  #start(): void {
    this.#retry = undefined;
    this.#startedAt = this.#clock.monotonic();
    try {
      const made: ChildProcess = spawn(process.execPath, [this.#program], {
        // A session of its own: what a terminal says to its processes is not for the guard.
        detached: true,
        // Without what NODE_OPTIONS loads into this process; a folder that stays.
        env: {},
        cwd: "/",
        stdio: ["pipe", "ignore", "ignore"],
      });
      this.#process = made;
      made.once("error", (problem) => this.#ended(made, problem));
      made.once("exit", () => this.#ended(made, new Error("the guard ended")));
      // What breaks the pipe ends the process, too. Without descriptors there is none, and `error` follows.
      made.stdin?.on("error", () => {});
      made.unref();
      for (const pid of this.#workers) this.#tell(`+${pid}\n`);
    } catch (problem) {
      this.#again(problem);
    }
  }

  #ended(made: ChildProcess, problem: Error): void {
    if (made !== this.#process) return;
    this.#process = undefined;
    if (this.#clock.monotonic() - this.#startedAt >= LASTING_MS) this.#wasMissed = false;
    this.#again(problem);
  }

  #again(problem: unknown): void {
    if (!this.#wasMissed) this.#missed(problem);
    this.#wasMissed = true;
    this.#retry = this.#clock.after(RETRY_MS, () => this.#start());
  }
}
