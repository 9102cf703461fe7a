/**
 * Asks the probe inside Node servers (servers/probe.ts): to collect garbage, and how their event loops fared.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { serverScript } from "../packages.js";
import type { LoopFigures } from "../servers/probe.js";

const POLL_MS = 5;
const ANSWER_MS = 20_000;

export class Probe {
  readonly #directory = mkdtempSync(join(tmpdir(), "holdfast-bench-"));

  /** The environment that puts the probe into a Node process and all Node processes that it starts. */
  get environment(): Readonly<Record<string, string>> {
    const script = pathToFileURL(serverScript("probe")).href;
    return {
      BENCH_PROBE: this.#directory,
      NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ""} --import ${script}`.trim(),
    };
  }

  /** One forced full collection in each process, one after the other. Resolves with the pauses, ms. */
  async collect(pids: readonly number[]): Promise<number[]> {
    const pauses: number[] = [];
    for (const pid of pids) pauses.push(Number((await this.#ask(pid, "collect")).gcMs));
    return pauses;
  }

  async watch(pids: readonly number[]): Promise<void> {
    for (const pid of pids) await this.#ask(pid, "watch");
  }

  /** Since `watch`, of each process. */
  async figures(pids: readonly number[]): Promise<LoopFigures[]> {
    const all: LoopFigures[] = [];
    for (const pid of pids) all.push((await this.#ask(pid, "figures")) as unknown as LoopFigures);
    return all;
  }

  /** Idempotent. */
  close(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #ask(pid: number, command: string): Promise<Readonly<Record<string, unknown>>> {
    const answer = join(this.#directory, `${pid}.json`);
    rmSync(answer, { force: true });
    writeFileSync(join(this.#directory, `${pid}.ask`), command);
    process.kill(pid, "SIGUSR2");
    const deadline = performance.now() + ANSWER_MS;
    while (!existsSync(answer)) {
      if (performance.now() > deadline) throw new Error(`process ${pid} did not answer "${command}"`);
      await sleep(POLL_MS);
    }
    return JSON.parse(readFileSync(answer, "utf8")) as Readonly<Record<string, unknown>>;
  }
}
