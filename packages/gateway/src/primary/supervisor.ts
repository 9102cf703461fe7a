/**
 * The supervisor: one worker process in each slot, for as long as the instance runs.
 *
 * A worker that ends is started again after a back-off that grows while starts keep failing. Workers that cannot start
 * at all end the instance with one clear problem instead of a loop. Invariant: at most one process per slot; each
 * start draws a new generation, so that session ids never name a successor as their owner.
 */
import cluster from "node:cluster";
import { randomInt } from "node:crypto";
import type { Clock, Logger } from "@holdfast/core";
import { MAX_GENERATIONS, type Owner } from "@holdfast/protocol";
import type { ToPrimary } from "../messages.js";
import { WorkerProcess } from "./worker-process.js";

export interface SupervisorOptions {
  readonly workers: number;
  readonly workerScript: string;
  readonly workerExecArgv: readonly string[];
  readonly workerConfig: unknown;
}

export interface SupervisorEvents {
  ready(worker: WorkerProcess): void;
  message(worker: WorkerProcess, message: ToPrimary): void;
  /** A socket that was queued for it is on its way. */
  room(worker: WorkerProcess): void;
  ended(worker: WorkerProcess): void;
  /** A worker was started in place of one that ended. */
  restarted(): void;
  /** No worker can start: said once. */
  failed(problem: string): void;
}

/** Starts in a row that ended before `ready`, over all slots, after which the instance gives up. */
const MAX_FAILED_STARTS = 5;
const MIN_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 10_000;
/** A worker that lived this long ended for a new reason: its slot's back-off begins anew. */
const STABLE_AFTER_MS = 30_000;
/** How long a worker may take to say `ready` before it is killed and counted as failed. */
const START_TIMEOUT_MS = 30_000;

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #events: SupervisorEvents;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #slots: (WorkerProcess | undefined)[];
  /** Ends in a row per slot, each soon after its start. */
  readonly #shortLives: number[];
  #failedStarts = 0;
  #state: "running" | "stopping" = "running";

  constructor(options: SupervisorOptions, events: SupervisorEvents, clock: Clock, logger: Logger) {
    this.#options = options;
    this.#events = events;
    this.#clock = clock;
    this.#logger = logger;
    this.#slots = Array.from({ length: options.workers });
    this.#shortLives = Array.from({ length: options.workers }, () => 0);
  }

  /** Workers that are alive, by slot. */
  get workers(): readonly WorkerProcess[] {
    return this.#slots.filter((worker) => worker !== undefined);
  }

  start(): void {
    const { workerScript, workerExecArgv } = this.#options;
    cluster.setupPrimary({
      exec: workerScript,
      args: [],
      execArgv: [...workerExecArgv],
      // Sockets come with the bytes already read, as a Buffer.
      serialization: "advanced",
      // Standard input, output, error; the IPC channel; the link.
      stdio: ["ignore", "inherit", "inherit", "ipc", "pipe"],
    });
    for (let slot = 0; slot < this.#slots.length; slot++) this.#fork(slot);
  }

  /** No more restarts: workers that end from now on stay away. */
  stop(): void {
    this.#state = "stopping";
  }

  #fork(slot: number): void {
    const owner: Owner = { slot, generation: randomInt(MAX_GENERATIONS) };
    const forked = cluster.fork();
    const worker = new WorkerProcess(owner, forked, {
      message: (sender, message) => this.#message(sender, message),
      room: (roomy) => this.#events.room(roomy),
      linkLost: (lost, problem) => {
        if (problem !== undefined) this.#logger.error({ worker: slot, err: problem }, "lost a worker's link");
        lost.kill();
      },
    });
    this.#slots[slot] = worker;
    const startedAt = this.#clock.monotonic();
    const overdue = this.#clock.after(START_TIMEOUT_MS, () => {
      if (worker.state === "starting") worker.kill();
    });
    // A broken IPC channel shows as the exit that follows it.
    forked.on("error", (error) => this.#logger.debug({ worker: slot, err: error }, "worker channel error"));
    forked.once("exit", (code, signal) => {
      overdue.cancel();
      const stable = this.#clock.monotonic() - startedAt > STABLE_AFTER_MS;
      this.#shortLives[slot] = stable ? 0 : (this.#shortLives[slot] ?? 0) + 1;
      this.#exited(worker, code, signal);
    });
    worker.send({ type: "start", ...owner, config: this.#options.workerConfig });
  }

  #message(worker: WorkerProcess, message: ToPrimary): void {
    if (message.type === "ready") {
      this.#failedStarts = 0;
      worker.enter("ready");
      this.#logger.debug({ worker: worker.owner.slot, pid: worker.process.process.pid }, "worker ready");
      this.#events.ready(worker);
    } else if (message.type === "refused") this.#giveUp(message.problem);
    else this.#events.message(worker, message);
  }

  #exited(worker: WorkerProcess, code: number | null, signal: string | null): void {
    const { slot } = worker.owner;
    const { state } = worker;
    worker.enter("ended");
    this.#slots[slot] = undefined;
    this.#events.ended(worker);
    if (this.#state === "stopping") return;
    if (state === "starting") this.#failedStarts++;
    if (this.#failedStarts >= MAX_FAILED_STARTS) {
      return this.#giveUp(`workers end as soon as they start (last: ${signal ?? `exit code ${code}`})`);
    }
    const delayMs = backoff(this.#shortLives[slot] ?? 0);
    this.#logger.warn({ worker: slot, code, signal, restartInMs: delayMs }, "worker ended; starting another");
    this.#clock.after(delayMs, () => {
      if (this.#state === "stopping") return;
      this.#events.restarted();
      this.#fork(slot);
    });
  }

  #giveUp(problem: string): void {
    if (this.#state === "stopping") return;
    this.#state = "stopping";
    this.#events.failed(problem);
  }
}

/** 100 ms after a stable life or the first short one, then doubling. */
function backoff(shortLives: number): number {
  return Math.min(MAX_BACKOFF_MS, MIN_BACKOFF_MS * 2 ** Math.max(0, shortLives - 1));
}
