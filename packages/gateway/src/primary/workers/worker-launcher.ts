/**
 * Starts worker processes: forks one for a slot, tells it who it is, and watches it to its end.
 *
 * When, and what takes a slot's place, is the supervisor's. Invariant: each start draws another generation
 * than the slot's other processes have, so that session ids never name a successor as their owner.
 */
import cluster, { type Worker } from "node:cluster";
import { randomInt } from "node:crypto";
import { existsSync } from "node:fs";
import type { Clock, Logger } from "@holdfast/core";
import { MAX_GENERATIONS } from "@holdfast/protocol";
import type { TravelsAs } from "../../admission/hand-off.js";
import { LINK_VERSION } from "../../link/messages.js";
import type { TlsMaterial } from "../../tls/tls-material.js";
import { OrphanGuard } from "./orphan-guard.js";
import { type WorkerEvents, WorkerProcess } from "./worker-process.js";

/** What a worker process runs, and with what. */
export interface WorkerProgram {
  readonly workerScript: string;
  readonly workerExecArgv: readonly string[];
  readonly workerConfig: unknown;
  /** What it is handed. Default: bare handles. */
  readonly travelsAs?: TravelsAs | undefined;
}

/** Where the workers of an instance reach each other, and where other instances reach them. */
export interface InstancePlace {
  readonly relayDirectory: () => string;
  /** The first public port. */
  readonly port: number;
  /** What the public ports shake hands with; undefined: they speak plain HTTP. */
  readonly tls: () => TlsMaterial | undefined;
}

/** How a process ended, and after how long. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly livedMs: number;
}

export interface LauncherEvents extends Omit<WorkerEvents, "linkLost"> {
  /** Its process is gone, and all that it said was heard. */
  closed(worker: WorkerProcess, end: Ended): void;
}

/** How long a worker may take to say `ready` before it is killed and counted as failed. */
const START_TIMEOUT_MS = 30_000;

/** How long a process may live on that has closed its link, as one does that ends, ms. */
const CLOSED_LINK_GRACE_MS = 1_000;

export class WorkerLauncher {
  /** Set before the first launch. */
  place: InstancePlace = { relayDirectory: () => "", port: 0, tls: () => undefined };
  readonly #events: LauncherEvents;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #guard: OrphanGuard;

  constructor(events: LauncherEvents, clock: Clock, logger: Logger) {
    this.#events = events;
    this.#clock = clock;
    this.#logger = logger;
    this.#guard = new OrphanGuard(clock, (problem) =>
      logger.warn({ err: problem }, "no guard: workers that hang may outlive this process; tried again"),
    );
  }

  /**
   * Starts a worker; `taken` are the generations of the slot's other processes. Throws when there can be no
   * process.
   */
  launch(slot: number, program: WorkerProgram, taken: readonly number[]): WorkerProcess {
    const { port, tls } = this.place;
    const relayDirectory = this.place.relayDirectory();
    const piped = program.travelsAs !== "socket";
    cluster.setupPrimary({
      exec: program.workerScript,
      args: [],
      execArgv: [...program.workerExecArgv],
      // The folder that the gateway was started in may have been removed since.
      cwd: existsSync(process.cwd()) ? process.cwd() : "/",
      // Sockets come with the bytes already read, as text (admission/hand-off.ts).
      serialization: "json",
      // Standard input, output, error; the IPC channel; the link; the pipe for handles.
      stdio: ["ignore", "inherit", "inherit", "ipc", "pipe", ...(piped ? (["pipe"] as const) : [])],
    });
    const forked = cluster.fork();
    // A broken IPC channel shows as the end that follows it.
    forked.on("error", (error) => this.#logger.debug({ worker: slot, err: error }, "worker channel error"));
    const worker = this.#watch(slot, forked, taken, program.travelsAs);
    worker.send({
      type: "start",
      link: LINK_VERSION,
      ...worker.owner,
      relayDirectory,
      port,
      config: program.workerConfig,
      tls: tls(),
      piped,
    });
    return worker;
  }

  #watch(
    slot: number,
    forked: Worker,
    taken: readonly number[],
    travelsAs: TravelsAs | undefined,
  ): WorkerProcess {
    const { pid } = forked.process;
    if (pid === undefined)
      throw new Error("no process could be made: out of processes, descriptors or memory");
    this.#guard.add(pid);
    const events: WorkerEvents = {
      ...this.#events,
      linkLost: (lost, problem) => {
        // Without a problem it was the worker that closed it, as a process does that ends.
        if (problem === undefined) return lost.killLater(CLOSED_LINK_GRACE_MS);
        this.#logger.error({ worker: slot, err: problem }, "lost a worker's link");
        lost.kill();
      },
    };
    const owner = { slot, generation: newGeneration(taken) };
    const worker = new WorkerProcess(owner, forked, events, this.#clock, travelsAs);
    const startedAt = this.#clock.monotonic();
    const overdue = this.#clock.after(START_TIMEOUT_MS, () => {
      if (worker.state === "starting") worker.kill();
    });
    // Not "exit": acknowledgements may then be unread still, and a socket that the worker has answered would
    // be sent to another one.
    forked.process.once("close", (code, signal) => {
      overdue.cancel();
      this.#guard.remove(pid);
      this.#events.closed(worker, { code, signal, livedMs: this.#clock.monotonic() - startedAt });
    });
    return worker;
  }
}

function newGeneration(taken: readonly number[]): number {
  let generation = randomInt(MAX_GENERATIONS);
  while (taken.includes(generation)) generation = randomInt(MAX_GENERATIONS);
  return generation;
}
