/**
 * A program under test: a process with everything it starts, its output by lines, its end.
 *
 * Invariant: after `close()` nothing of it runs, and what had to be killed for that is known.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { eventually, within } from "./deadline.js";
import { MARK, processesMarked } from "./process-table.js";

export interface ProgramOptions {
  /** Default: the repository. */
  readonly cwd?: string;
  /** Added to this process's own, of which the settings of holdfast are left out. */
  readonly env?: Readonly<Record<string, string>>;
  /** In a process group of its own, which `interrupt()` reaches as Ctrl-C in a terminal would. */
  readonly group?: boolean;
}

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

interface Waiter {
  matches(line: string): boolean;
  resolve(line: string): void;
  reject(problem: Error): void;
}

export const REPOSITORY = fileURLToPath(new URL("../../../", import.meta.url));
export const HOLDFAST = fileURLToPath(new URL("../../cli/bin/holdfast.js", import.meta.url));

const MAX_LINES = 50_000;

export class Program {
  /** Lines of standard output and of standard error, as they came. */
  readonly lines: string[] = [];
  readonly stderr: string[] = [];
  readonly ended: Promise<Ending>;
  readonly #child: ChildProcess;
  readonly #mark = randomUUID();
  readonly #waiters = new Set<Waiter>();
  #ending: Ending | undefined;

  private constructor(file: string, args: readonly string[], options: ProgramOptions) {
    const { cwd = REPOSITORY, env = {}, group = false } = options;
    const child = spawn(file, args, {
      cwd,
      env: { ...ownEnvironment(), ...env, [MARK]: this.#mark },
      stdio: ["pipe", "pipe", "pipe"],
      detached: group,
    });
    this.#child = child;
    child.stdin.on("error", () => {});
    createInterface(child.stdout).on("line", (line) => this.#read(line));
    createInterface(child.stderr).on("line", (line) => {
      this.stderr.push(line);
      this.#read(line);
    });
    this.ended = new Promise((resolve) => {
      child.once("error", (error) => {
        this.stderr.push(String(error));
        this.#end({ code: null, signal: null }, resolve);
      });
      child.once("close", (code, signal) => this.#end({ code, signal }, resolve));
    });
  }

  static start(file: string, args: readonly string[], options: ProgramOptions = {}): Program {
    return new Program(file, args, options);
  }

  /** The program `holdfast` of this repository. */
  static holdfast(args: readonly string[], options: ProgramOptions = {}): Program {
    return new Program(process.execPath, [HOLDFAST, ...args], options);
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  get output(): string {
    return this.lines.join("\n");
  }

  get ending(): Ending | undefined {
    return this.#ending;
  }

  /** The first line that matches, past or future. Rejects when the program ends without it. */
  line(expected: string | RegExp | ((line: string) => boolean), ms?: number): Promise<string> {
    const matches =
      typeof expected === "function"
        ? expected
        : (line: string) => (typeof expected === "string" ? line.includes(expected) : expected.test(line));
    const past = this.lines.find(matches);
    if (past !== undefined) return Promise.resolve(past);
    const future = new Promise<string>((resolve, reject) => {
      if (this.#ending !== undefined) reject(this.#endedWithout(expected));
      else this.#waiters.add({ matches, resolve, reject: () => reject(this.#endedWithout(expected)) });
    });
    return within(future, () => `a line with ${expected} in\n${this.#tail()}`, ms);
  }

  write(text: string): void {
    this.#child.stdin?.write(text);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** SIGINT for the whole group. */
  interrupt(): void {
    process.kill(-this.pid, "SIGINT");
  }

  /** The end, by itself. */
  exit(ms?: number): Promise<Ending> {
    return within(this.ended, () => `the end of the program in\n${this.#tail()}`, ms);
  }

  /** All that runs: the program and whatever it started. */
  processes(): readonly number[] {
    return processesMarked(this.#mark);
  }

  /** Resolves when nothing of it runs any more. */
  async gone(): Promise<void> {
    await this.exit();
    await eventually(
      `no orphan of ${this.#child.spawnargs.join(" ")}`,
      () => this.processes().length === 0,
      5_000,
    );
  }

  /** Kills what is left. Idempotent. */
  async close(): Promise<void> {
    await eventually("nothing runs", () => {
      const left = this.processes();
      for (const pid of left) {
        try {
          process.kill(pid, "SIGKILL");
        } catch {
          // It ended by itself.
        }
      }
      return left.length === 0;
    });
    await this.exit();
  }

  #read(line: string): void {
    this.lines.push(line);
    if (this.lines.length > MAX_LINES) this.lines.shift();
    for (const waiter of this.#waiters) {
      if (!waiter.matches(line)) continue;
      this.#waiters.delete(waiter);
      waiter.resolve(line);
    }
  }

  #end(ending: Ending, resolve: (ending: Ending) => void): void {
    this.#ending = ending;
    for (const waiter of this.#waiters) waiter.reject(new Error());
    this.#waiters.clear();
    resolve(ending);
  }

  #endedWithout(expected: unknown): Error {
    const { code, signal } = this.#ending ?? {};
    return new Error(`ended (${signal ?? code}) without ${expected} in\n${this.#tail()}`);
  }

  #tail(): string {
    return this.lines.slice(-40).join("\n");
  }
}

/** Settings of a developer's shell must not change what is tested, nor may jest's own. */
function ownEnvironment(): Record<string, string> {
  const kept = Object.entries(process.env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && !/^(HOLDFAST_|JEST_|NODE_OPTIONS$|NODE_ENV$|npm_)/.test(entry[0]),
  );
  return Object.fromEntries(kept);
}
