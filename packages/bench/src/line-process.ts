/**
 * A process that is asked with a line on stdin and answers with a line of JSON on stdout.
 *
 * Servers and load clients are driven through it. Owns the whole process group: processes that it started end
 * with it. Invariants: one request is under way at a time, answers come in order; what it writes to stderr is
 * kept (the last lines only) and ends up in the error when it dies.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export type Json = Readonly<Record<string, unknown>>;

export interface LineProcessOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Whether a line is the sign that it is ready. Default: one that has `"ready":true`. */
  readonly isReady?: (line: Json) => boolean;
  /** Default 30 s. */
  readonly startMs?: number;
}

const START_MS = 30_000;
const ANSWER_MS = 180_000;
const STOP_MS = 3_000;
const MAX_STDERR_LINES = 20;

const alive = new Set<LineProcess>();

/** Ends every process that is still there, at once: for the end of the program. */
export function killAll(): void {
  for (const each of alive) each.kill();
}

export class LineProcess {
  readonly command: string;
  readonly #child: ChildProcess;
  readonly #stderr: string[] = [];
  readonly #waiting: { resolve(line: Json): void; reject(error: Error): void }[] = [];
  #seen: ((line: Json) => boolean) | undefined;

  private constructor(program: string, args: readonly string[], options: LineProcessOptions) {
    this.command = [program, ...args].map(shellWord).join(" ");
    const { env, cwd } = options;
    this.#child = spawn(program, args, {
      stdio: ["pipe", "pipe", "pipe"],
      detached: true,
      env: { ...process.env, ...env },
      ...(cwd !== undefined && { cwd }),
    });
    alive.add(this);
    const { stdin, stdout, stderr } = this.#child;
    if (stdin === null || stdout === null || stderr === null) throw new Error("no pipes");
    stdin.on("error", () => {});
    createInterface({ input: stdout }).on("line", (line) => this.#line(line));
    createInterface({ input: stderr }).on("line", (line) => this.#note(line));
    this.#child.on("error", (error) => this.#ended(`cannot be run: ${error.message}`));
    this.#child.on("exit", (code, signal) => this.#ended(`ended with ${signal ?? code}`));
  }

  /** Resolves with the process and the line that said it is ready. */
  static async start(
    program: string,
    args: readonly string[],
    options: LineProcessOptions = {},
  ): Promise<{ process: LineProcess; ready: Json }> {
    const started = new LineProcess(program, args, options);
    const isReady = options.isReady ?? ((line) => line.ready === true);
    let found: Json | undefined;
    started.#seen = (line) => {
      if (!isReady(line)) return false;
      found = line;
      return true;
    };
    try {
      await started.#answer(options.startMs ?? START_MS);
    } catch (error) {
      started.kill();
      throw error;
    }
    return { process: started, ready: found ?? {} };
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Writes a line and resolves with the next one that comes back. */
  ask(line: string, ms: number = ANSWER_MS): Promise<Json> {
    const answer = this.#answer(ms);
    this.tell(line);
    return answer;
  }

  /** Writes a line that has no answer. */
  tell(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /**
   * Closes stdin, which the bench's own programs take as the end; processes that stay are killed. Idempotent.
   */
  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null && alive.has(this)) {
      const exit = once(this.#child, "exit");
      this.#child.stdin?.end();
      const timer = setTimeout(() => this.kill(), STOP_MS);
      await exit;
      clearTimeout(timer);
    }
    this.kill();
  }

  /** Ends it and its children at once. Idempotent. */
  kill(): void {
    alive.delete(this);
    if (this.#child.pid === undefined) return;
    try {
      process.kill(-this.#child.pid, "SIGKILL");
    } catch {
      // The group is gone.
    }
  }

  #answer(ms: number): Promise<Json> {
    return new Promise((resolve, reject) => {
      if (!alive.has(this)) return reject(new Error(`${this.command} has ended`));
      const timer = setTimeout(() => this.#ended(`gave no answer for ${ms} ms`), ms);
      const settle = { resolve, reject };
      this.#waiting.push({
        resolve: (line) => {
          clearTimeout(timer);
          settle.resolve(line);
        },
        reject: (error) => {
          clearTimeout(timer);
          settle.reject(error);
        },
      });
    });
  }

  #line(text: string): void {
    const line = parse(text);
    if (line === undefined) return this.#note(text);
    if (this.#seen !== undefined) {
      if (!this.#seen(line)) return this.#note(text);
      this.#seen = undefined;
    }
    this.#waiting.shift()?.resolve(line);
  }

  #note(text: string): void {
    this.#stderr.push(text);
    if (this.#stderr.length > MAX_STDERR_LINES) this.#stderr.shift();
  }

  #ended(how: string): void {
    alive.delete(this);
    const error = new Error([`${this.command} ${how}`, ...this.#stderr].join("\n"));
    for (const each of this.#waiting.splice(0)) each.reject(error);
  }
}

function parse(text: string): Json | undefined {
  if (!text.startsWith("{")) return undefined;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
