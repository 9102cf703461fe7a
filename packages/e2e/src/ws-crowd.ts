/**
 * Thousands of clients of the package `ws`, in a process of their own, so that the test's own loop is free.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { within } from "./deadline.js";
import { REPOSITORY } from "./program.js";

const PROGRAM = join(REPOSITORY, "packages/e2e/src/ws-crowd-program.mjs");
/** For all of them to be open, ms. */
const OPEN_MS = 60_000;

export class WsCrowd {
  /** Clients that are open, as last told. */
  open = 0;
  readonly #process: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#process = child;
  }

  /** Resolves when all are open, each on one of the URLs, in turn. */
  static async gather(count: number, urls: readonly string[]): Promise<WsCrowd> {
    const child = spawn(process.execPath, [PROGRAM, String(count), ...urls], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const crowd = new WsCrowd(child);
    const { stdout } = child;
    if (stdout === null) throw new Error("the crowd has no output");
    const gathered = new Promise<void>((resolve, reject) => {
      createInterface(stdout).on("line", (line) => {
        crowd.open = Number(line);
        if (crowd.open === count) resolve();
      });
      child.once("exit", () => reject(new Error("the crowd ended")));
    });
    gathered.catch(() => {});
    try {
      await within(gathered, () => `${count} clients are open, ${crowd.open} are`, OPEN_MS);
    } catch (error) {
      await crowd.close();
      throw error;
    }
    return crowd;
  }

  /** Ends it with all its clients. Idempotent. */
  async close(): Promise<void> {
    const child = this.#process;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }
}
