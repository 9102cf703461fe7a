/**
 * The supervisor: one worker process in each slot, for as long as the instance runs.
 *
 *     starting ──all ready──► running ──► stopping         (a stop or a failure ends either)
 *
 * A worker that ends is started again after a back-off that grows while starts keep failing. Workers that
 * cannot start end the instance with one clear problem instead of a loop, but not while others hold
 * connections. A reload starts a successor beside the worker of a slot; it takes the place when it is ready,
 * and only then. Invariant: at most one process has a slot's place. How a process is made is
 * `worker-launcher.ts`.
 */
import type { Clock, Logger } from "@holdfast/core";
import type { PendingSocket } from "../../admission/pending-socket.js";
import type { HandOffMessage } from "../../link/hand-off-message.js";
import type { ToPrimary } from "../../link/messages.js";
import type { ListenHandle, TcpHandle } from "../../runtime/tcp-handle.js";
import { type Ended, type InstancePlace, WorkerLauncher, type WorkerProgram } from "./worker-launcher.js";
import type { WorkerProcess } from "./worker-process.js";

export interface SupervisorOptions extends WorkerProgram {
  readonly workers: number;
}

/** A successor on its way to its slot's place. */
interface Succession {
  readonly program: WorkerProgram;
  /** With the worker that it has replaced, if there was one. */
  readonly taken: (predecessor: WorkerProcess | undefined) => void;
  readonly failed: (problem: Error) => void;
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
  misplaced(note: HandOffMessage, handle: TcpHandle): void;
  /** Its process is gone, and all that it said was heard. */
  ended(worker: WorkerProcess): void;
  /** A worker was started in place of one that ended. */
  restarted(): void;
  /** No worker can start: said once. */
  failed(problem: string): void;
}

/**
 * Starts in a row that ended before `ready`, over all slots, after which an instance without workers gives
 * up.
 */
const MAX_FAILED_STARTS = 5;
const MIN_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 10_000;
/** The longest back-off while no worker is ready: no client is served then. */
const MAX_BACKOFF_ALONE_MS = 500;
/** A worker that lived this long ended for a new reason: its slot's back-off begins anew. */
const STABLE_AFTER_MS = 30_000;

export class Supervisor {
  readonly #events: SupervisorEvents;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** The worker that has the place. */
  readonly #slots: (WorkerProcess | undefined)[];
  /** Alive without a place: successors that start, and those that they have replaced. */
  readonly #beside = new Set<WorkerProcess>();
  /** By successor; at most one at a time, as a reload asks for one after the other. */
  readonly #successions = new Map<WorkerProcess, Succession>();
  /** Ends in a row per slot, each soon after its start. */
  readonly #shortLives: number[];
  readonly #launcher: WorkerLauncher;
  /** What a worker that ended is replaced by: the last one that is known to start. */
  #program: WorkerProgram;
  #failedStarts = 0;
  #state: "starting" | "running" | "stopping" = "starting";

  constructor(options: SupervisorOptions, events: SupervisorEvents, clock: Clock, logger: Logger) {
    this.#program = options;
    this.#events = events;
    this.#clock = clock;
    this.#logger = logger;
    this.#slots = Array.from({ length: options.workers });
    this.#shortLives = Array.from({ length: options.workers }, () => 0);
    this.#launcher = new WorkerLauncher(
      {
        message: (worker, message) => this.#message(worker, message),
        room: (worker) => events.room(worker),
        copied: (port, copy) => events.copied(port, copy),
        misplaced: (note, handle) => events.misplaced(note, handle),
        undeliverable: (worker, socket) => events.undeliverable(worker, socket),
        closed: (worker, end) => this.#closed(worker, end),
      },
      clock,
      logger,
    );
  }

  /** Workers that are alive, those beside the slots last. */
  get workers(): readonly WorkerProcess[] {
    const placed = this.#slots.filter((worker) => worker !== undefined);
    return this.#beside.size === 0 ? placed : [...placed, ...this.#beside];
  }

  /** Whether it has its slot's place. */
  isPlaced(worker: WorkerProcess): boolean {
    return this.#slots[worker.owner.slot] === worker;
  }

  start(place: InstancePlace): void {
    this.#launcher.place = place;
    for (let slot = 0; slot < this.#slots.length; slot++) this.#fork(slot);
  }

  /** No more restarts: workers that end from now on stay away. */
  stop(): void {
    this.#state = "stopping";
  }

  /**
   * Starts a worker of `program` beside the one in `slot` and gives it the place once it is ready. Resolves
   * with the one that it has replaced, which is the caller's to end; rejects with why it has not, and then
   * nothing has changed.
   */
  succeed(slot: number, program: WorkerProgram): Promise<WorkerProcess | undefined> {
    return new Promise((taken, failed) => {
      const successor = this.#launch(slot, program);
      this.#beside.add(successor);
      this.#successions.set(successor, { program, taken, failed });
    });
  }

  #fork(slot: number): void {
    try {
      this.#slots[slot] = this.#launch(slot, this.#program);
    } catch (error) {
      // Out of descriptors or processes: Node throws, or returns a worker without a process.
      this.#logger.error({ worker: slot, err: error }, "could not start a worker process");
      this.#shortLives[slot] = (this.#shortLives[slot] ?? 0) + 1;
      this.#startFailed();
      const reason = error instanceof Error ? error.message : String(error);
      this.#restart(slot, `a worker process cannot be started: ${reason}`);
    }
  }

  /** Throws when no process could be made. */
  #launch(slot: number, program: WorkerProgram): WorkerProcess {
    const taken = this.workers
      .filter(({ owner }) => owner.slot === slot)
      .map(({ owner }) => owner.generation);
    return this.#launcher.launch(slot, program, taken);
  }

  #message(worker: WorkerProcess, message: ToPrimary): void {
    if (message.type === "ready") {
      this.#failedStarts = 0;
      worker.enter("ready");
      if (this.#state === "starting" && this.#ready === this.#slots.length) this.#state = "running";
      this.#logger.debug(
        { worker: worker.owner.slot, workerPid: worker.process.process.pid },
        "worker ready",
      );
      this.#takePlace(worker);
      this.#events.ready(worker);
    } else if (message.type === "refused") {
      if (!this.#endSuccession(worker, message.problem)) this.#refused(worker, message.problem);
    } else this.#events.message(worker, message);
  }

  /** A successor is ready. */
  #takePlace(worker: WorkerProcess): void {
    const succession = this.#successions.get(worker);
    if (succession === undefined) return;
    const { slot } = worker.owner;
    const predecessor = this.#slots[slot];
    this.#successions.delete(worker);
    this.#beside.delete(worker);
    this.#slots[slot] = worker;
    this.#shortLives[slot] = 0;
    if (predecessor !== undefined) this.#beside.add(predecessor);
    this.#program = succession.program;
    succession.taken(predecessor);
  }

  /** A successor will not become ready. False when it is none. */
  #endSuccession(worker: WorkerProcess, problem: string): boolean {
    const succession = this.#successions.get(worker);
    if (succession === undefined) return false;
    this.#successions.delete(worker);
    worker.kill();
    succession.failed(new Error(problem));
    return true;
  }

  /** A worker that could start before may do so again: a broker or a file may be missing for a while only. */
  #refused(worker: WorkerProcess, problem: string): void {
    if (this.#state === "starting") return this.#giveUp(problem);
    this.#logger.error({ worker: worker.owner.slot, problem }, "a worker cannot start");
    worker.kill();
  }

  #closed(worker: WorkerProcess, { code, signal, livedMs }: Ended): void {
    const { slot } = worker.owner;
    const { state } = worker;
    const how = signal ?? `exit code ${code}`;
    const placed = this.isPlaced(worker);
    if (placed) this.#shortLives[slot] = livedMs > STABLE_AFTER_MS ? 0 : (this.#shortLives[slot] ?? 0) + 1;
    worker.enter("ended");
    if (placed) this.#slots[slot] = undefined;
    this.#beside.delete(worker);
    this.#events.ended(worker);
    this.#endSuccession(worker, `it ended before it was ready (${how})`);
    if (this.#state === "stopping") return;
    // One that has drained was let go before; a successor's end is reported by its caller.
    if (placed || state === "draining") this.#logger.warn({ worker: slot, code, signal }, "worker ended");
    if (!placed) return this.#fillVacancy(slot);
    if (state === "starting") this.#startFailed();
    this.#restart(slot, `workers end as soon as they start (last: ${how})`);
  }

  /**
   * The worker of the slot may have ended while a successor, which is gone now too, was to take its place.
   */
  #fillVacancy(slot: number): void {
    if (!this.#isVacant(slot) || this.#state === "stopping") return;
    this.#events.restarted();
    this.#fork(slot);
  }

  /** No worker has the slot, and none is on the way to it. */
  #isVacant(slot: number): boolean {
    if (this.#slots[slot] !== undefined) return false;
    return ![...this.#successions.keys()].some(({ owner }) => owner.slot === slot);
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
    this.#clock.after(delayMs, () => this.#fillVacancy(slot));
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
