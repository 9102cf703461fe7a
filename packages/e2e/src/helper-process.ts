/**
 * A process that works for a test and answers its questions, so that neither waits for the other's event
 * loop. `serve` is its side, `HelperProcess` the test's.
 *
 * Invariants: every question is answered or rejected, by the process's end if not before. The process ends
 * with the test.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** What a helper can be asked: by name, one value in, one value out. Values are JSON. */
export type Answers = Readonly<Record<string, (question: never) => unknown>>;

type Question<A extends Answers, K extends keyof A> = Parameters<A[K]>[0];
type Answer<A extends Answers, K extends keyof A> = Awaited<ReturnType<A[K]>>;

interface ToHelper {
  readonly id: number;
  readonly name: string;
  readonly question: unknown;
}

interface FromHelper {
  readonly id: number;
  readonly answer?: unknown;
  /** Why there is no answer. */
  readonly problem?: string;
}

interface Asked {
  resolve(answer: unknown): void;
  reject(problem: Error): void;
}

export class HelperProcess<A extends Answers> {
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #asked = new Map<number, Asked>();
  #next = 0;
  #state: "running" | "ended" = "running";

  /** `name`: of a built file of this package that calls `serve`. */
  constructor(name: string) {
    this.#name = name;
    const file = fileURLToPath(new URL(`../dist/${name}.js`, import.meta.url));
    this.#child = fork(file, [], { execArgv: [], stdio: ["ignore", "ignore", "inherit", "ipc"] });
    this.#child.on("message", (message) => this.#hear(message as FromHelper));
    // Of a message to a process that just ended; its end is what counts.
    this.#child.on("error", () => {});
    this.#child.once("exit", (code, signal) => this.#end(`${name} ended (${signal ?? code})`));
  }

  ask<K extends keyof A & string>(name: K, question: Question<A, K>): Promise<Answer<A, K>> {
    if (this.#state === "ended") return Promise.reject(new Error(`${this.#name} has ended`));
    const id = this.#next++;
    const message: ToHelper = { id, name, question };
    return new Promise<Answer<A, K>>((resolve, reject) => {
      this.#asked.set(id, { resolve: resolve as Asked["resolve"], reject });
      this.#child.send(message, () => {});
    });
  }

  /** Kills it. Idempotent. */
  async close(): Promise<void> {
    if (this.#state === "ended") return;
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await ended;
  }

  #hear({ id, answer, problem }: FromHelper): void {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    if (problem === undefined) asked?.resolve(answer);
    else asked?.reject(new Error(`${this.#name}: ${problem}`));
  }

  #end(why: string): void {
    this.#state = "ended";
    for (const { reject } of this.#asked.values()) reject(new Error(why));
    this.#asked.clear();
  }
}

/** Answers the questions of the process that forked this one, and ends with it. */
export function serve(answers: Answers): void {
  process.on("disconnect", () => process.exit());
  process.on("message", async (message) => {
    const { id, name, question } = message as ToHelper;
    let reply: FromHelper;
    try {
      reply = { id, answer: await answers[name]?.(question as never) };
    } catch (error) {
      reply = { id, problem: String(error) };
    }
    process.send?.(reply);
  });
}
