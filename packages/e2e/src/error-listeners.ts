/**
 * Looks into the processes of a gateway for event emitters without a listener for errors: such an event ends
 * a process.
 *
 * A script that Node.js loads first remembers every emitter. At SIGUSR2 it writes down those that are alive,
 * that can fail, and that have no listener for `error`, each with the place that made it. Invariant: it
 * changes nothing of what they do.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "./deadline.js";

export interface Unheard {
  readonly kind: string;
  readonly stack: string;
}

export interface Walk {
  /** Emitters that can fail, by kind. */
  readonly counts: Readonly<Record<string, number>>;
  readonly unheard: readonly Unheard[];
}

/** An IncomingMessage is none of them: Node.js emits its errors only where a listener is. */
const SCRIPT = `
const { EventEmitter } = require("node:events");
const { renameSync, writeFileSync } = require("node:fs");
const kinds = {
  Server: require("node:net").Server,
  Socket: require("node:net").Socket,
  ChildProcess: require("node:child_process").ChildProcess,
  ClusterWorker: require("node:cluster").Worker,
  ClientRequest: require("node:http").ClientRequest,
  Thread: require("node:worker_threads").Worker,
};
const made = new Set();
const stacks = new WeakMap();
const { init } = EventEmitter;
EventEmitter.init = function (...args) {
  init.apply(this, args);
  Error.stackTraceLimit = 30;
  stacks.set(this, new Error().stack);
  made.add(new WeakRef(this));
};
let walks = 0;
process.on("SIGUSR2", () => {
  const counts = {};
  const unheard = [];
  for (const ref of made) {
    const emitter = ref.deref();
    if (emitter === undefined) { made.delete(ref); continue; }
    const kind = Object.keys(kinds).find((name) => emitter instanceof kinds[name]);
    if (kind === undefined || emitter.destroyed || typeof emitter.exitCode === "number") continue;
    // What only answers connections that it is given cannot fail.
    if (kind === "Server" && !emitter.listening) continue;
    counts[kind] = (counts[kind] ?? 0) + 1;
    if (emitter.listenerCount("error") === 0) unheard.push({ kind, stack: stacks.get(emitter) });
  }
  const file = FOLDER + "/" + process.pid + "." + ++walks;
  writeFileSync(file + ".part", JSON.stringify({ counts, unheard }));
  renameSync(file + ".part", file);
});
`;

export class ErrorListeners {
  readonly #folder = mkdtempSync(join(tmpdir(), "holdfast-listeners-"));
  readonly #walks = new Map<number, number>();

  constructor() {
    writeFileSync(this.#script, SCRIPT.replaceAll("FOLDER", JSON.stringify(this.#folder)));
  }

  /** For the environment of a gateway. */
  get env(): Readonly<Record<string, string>> {
    return { NODE_OPTIONS: `--require ${this.#script}` };
  }

  /** What the process has now. */
  async walk(pid: number): Promise<Walk> {
    const number = (this.#walks.get(pid) ?? 0) + 1;
    this.#walks.set(pid, number);
    process.kill(pid, "SIGUSR2");
    const file = join(this.#folder, `${pid}.${number}`);
    return eventually(`what process ${pid} has`, () => JSON.parse(readFileSync(file, "utf8")) as Walk);
  }

  close(): void {
    rmSync(this.#folder, { recursive: true });
  }

  get #script(): string {
    return join(this.#folder, "remember.cjs");
  }
}
