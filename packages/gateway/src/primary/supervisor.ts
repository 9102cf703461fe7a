/**
 * The supervisor: one worker process in each slot, for as long as the instance runs.
 *
 *     starting ──all ready──► running ──► stopping         (a stop or a failure ends either)
 *
 * A worker that ends is started again after a back-off that grows while starts keep failing. Workers that cannot start
 * end the instance with one clear problem instead of a loop, but not while others hold connections.
 * Invariant: at most one process per slot; each start draws a new generation, so that session ids never name a
 * successor as their owner.
 */
import cluster, { type Worker } from "node:cluster";
import { randomInt } from "node:crypto";
import type { Clock, Logger } from "@holdfast/core";
import { MAX_GENERATIONS, type Owner } from "@holdfast/protocol";
import type { PendingSocket } from "../admission/pending-socket.js";
import type { ToPrimary } from "../messages.js";
import type { ListenHandle, TcpHandle } from "../tcp-handle.js";
import type { TravelNote } from "../travel.js";
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
  /** It has taken a socket that was queued for it. */
  room(worker: WorkerProcess): void;
  /** It could not receive this one. */
  undeliverable(worker: WorkerProcess, socket: PendingSocket): void;
  /** A copy of the listening handle of `port` has come back. */
  copied(port: number, copy: ListenHandle): void;
  /** It listens itself, and this socket belongs to another one's session. */
  misplaced(note: TravelNote, handle: TcpHandle): void;
  /** Its process is gone, and all that it said was heard. */
  ended(worker: WorkerProcess): void;
  /** A worker was started in place of one that ended. */
  restarted(): void;
  /** No worker can start: said once. */
  failed(problem: string): void;
}

/** Starts in a row that ended before `ready`, over all slots, after which an instance without workers gives up. */
const MAX_FAILED_STARTS = 5;
const MIN_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 10_000;
/** The longest back-off while no worker is ready: nobody is served then. */
const MAX_BACKOFF_ALONE_MS = 500;
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
  #relayDirectory = "";
  #failedStarts = 0;
  #state: "starting" | "running" | "stopping" = "starting";

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

  /** `relayDirectory`: where the workers reach each other. */
  start(relayDirectory: string): void {
    this.#relayDirectory = relayDirectory;
    const { workerScript, workerExecArgv } = this.#options;
    cluster.setupPrimary({
      exec: workerScript,
      args: [],
      execArgv: [...workerExecArgv],
      // Sockets come with the bytes already read, as text (admission/hand-off.ts).
      serialization: "json",
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
    try {
      const forked = cluster.fork();
      // A broken IPC channel shows as the end that follows it.
      forked.on("error", (error) => this.#logger.debug({ worker: slot, err: error }, "worker channel error"));
      this.#supervise(slot, forked);
    } catch (error) {
      // Out of descriptors or processes: Node throws, or returns a worker without a process.
      this.#logger.error({ worker: slot, err: error }, "could not start a worker process");
      this.#shortLives[slot] = (this.#shortLives[slot] ?? 0) + 1;
      this.#startFailed();
      this.#restart(slot, "a worker process cannot be started (out of file descriptors or memory?)");
    }
  }

  #supervise(slot: number, forked: Worker): void {
    if (forked.process.pid === undefined) throw new Error("no process could be made");
    const owner: Owner = { slot, generation: randomInt(MAX_GENERATIONS) };
    const worker = new WorkerProcess(
      owner,
      forked,
      {
        message: (sender, message) => this.#message(sender, message),
        room: (roomy) => this.#events.room(roomy),
        copied: (port, copy) => this.#events.copied(port, copy),
        misplaced: (note, handle) => this.#events.misplaced(note, handle),
        undeliverable: (from, socket) => this.#events.undeliverable(from, socket),
        linkLost: (lost, problem) => {
          if (problem !== undefined)
            this.#logger.error({ worker: slot, err: problem }, "lost a worker's link");
          lost.kill();
        },
      },
      this.#clock,
    );
    this.#slots[slot] = worker;
    const startedAt = this.#clock.monotonic();
    const overdue = this.#clock.after(START_TIMEOUT_MS, () => {
      if (worker.state === "starting") worker.kill();
    });
    // Not "exit": acknowledgements may then be unread still, and a socket that the worker has answered would be sent
    // to another one.
    forked.process.once("close", (code, signal) => {
      overdue.cancel();
      const stable = this.#clock.monotonic() - startedAt > STABLE_AFTER_MS;
      this.#shortLives[slot] = stable ? 0 : (this.#shortLives[slot] ?? 0) + 1;
      this.#closed(worker, code, signal);
    });
    const { workerConfig: config } = this.#options;
    worker.send({ type: "start", ...owner, relayDirectory: this.#relayDirectory, config });
  }

  #message(worker: WorkerProcess, message: ToPrimary): void {
    if (message.type === "ready") {
      this.#failedStarts = 0;
      worker.enter("ready");
      if (this.#state === "starting" && this.#ready === this.#slots.length) this.#state = "running";
      this.#logger.debug({ worker: worker.owner.slot, pid: worker.process.process.pid }, "worker ready");
      this.#events.ready(worker);
    } else if (message.type === "refused") this.#refused(worker, message.problem);
    else this.#events.message(worker, message);
  }

  /** A worker that could start before may do so again: a broker or a file may be missing for a while only. */
  #refused(worker: WorkerProcess, problem: string): void {
    if (this.#state === "starting") return this.#giveUp(problem);
    this.#logger.error({ worker: worker.owner.slot, problem }, "a worker cannot start");
    worker.kill();
  }

  #closed(worker: WorkerProcess, code: number | null, signal: NodeJS.Signals | null): void {
    const { slot } = worker.owner;
    const { state } = worker;
    worker.enter("ended");
    this.#slots[slot] = undefined;
    this.#events.ended(worker);
    if (this.#state === "stopping") return;
    if (state === "starting") this.#startFailed();
    this.#logger.warn({ worker: slot, code, signal }, "worker ended");
    this.#restart(slot, `workers end as soon as they start (last: ${signal ?? `exit code ${code}`})`);
  }

  /** While others serve, a slot may fail for as long as it likes. */
  #startFailed(): void {
    const alone = this.#state === "starting" || this.#ready === 0;
    this.#failedStarts = alone ? this.#failedStarts + 1 : 0;
  }

  #restart(slot: number, problem: string): void {
    if (this.#failedStarts >= MAX_FAILED_STARTS) return this.#giveUp(problem);
    const longestMs = this.#ready === 0 ? MAX_BACKOFF_ALONE_MS : MAX_BACKOFF_MS;
    const delayMs = Math.min(longestMs, backoff(this.#shortLives[slot] ?? 0));
    this.#logger.info({ worker: slot, inMs: delayMs }, "starting another worker");
    this.#clock.after(delayMs, () => {
      if (this.#state === "stopping") return;
      this.#events.restarted();
      this.#fork(slot);
    });
  }

  get #ready(): number {
    return this.workers.filter(({ state }) => state === "ready").length;
  }

  #giveUp(problem: string): void {
    if (this.#state === "stopping") return;
    this.#state = "stopping";
    this.#events.failed(problem);
  }
}

/** 100 ms after a stable life or the first short one, then doubling, without a bound. */
function backoff(shortLives: number): number {
  return MIN_BACKOFF_MS * 2 ** Math.max(0, shortLives - 1);
}
