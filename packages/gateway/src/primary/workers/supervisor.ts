/**
 * The supervisor: one worker process in each slot, for as long as the instance runs.
 *
 *     starting ──all ready──► running ──► stopping         (a stop or a failure ends either)
 *
 * A worker that ends is started again after a back-off that grows while starts keep failing
 * (`start-record.ts`). Workers that cannot start end the instance with one clear problem instead of a loop,
 * but not while others hold connections. A reload starts a successor beside the worker of a slot; it takes
 * the place when it is ready, and only then (`slots.ts`). How a process is made is `worker-launcher.ts`.
 * Invariant: until a stop, each slot has a worker, or one on its way, or a timer that starts one.
 */
import type { Clock, Logger } from "@holdfast/core";
import type { PendingSocket } from "../../admission/pending-socket.js";
import type { HandOffMessage } from "../../link/hand-off-message.js";
import type { ToPrimary } from "../../link/messages.js";
import type { ListenHandle, TcpHandle } from "../../runtime/tcp-handle.js";
import { Slots } from "./slots.js";
import { StartRecord } from "./start-record.js";
import { type Ended, type InstancePlace, WorkerLauncher, type WorkerProgram } from "./worker-launcher.js";
import type { WorkerProcess } from "./worker-process.js";

export interface SupervisorOptions extends WorkerProgram {
  readonly workers: number;
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

export class Supervisor {
  readonly #events: SupervisorEvents;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #slots: Slots<WorkerProgram>;
  readonly #starts: StartRecord;
  readonly #launcher: WorkerLauncher;
  /** What a worker that ended is replaced by: the last one that is known to start. */
  #program: WorkerProgram;
  #state: "starting" | "running" | "stopping" = "starting";

  constructor(options: SupervisorOptions, events: SupervisorEvents, clock: Clock, logger: Logger) {
    this.#program = options;
    this.#events = events;
    this.#clock = clock;
    this.#logger = logger;
    this.#slots = new Slots(options.workers);
    this.#starts = new StartRecord(options.workers);
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
    return this.#slots.workers;
  }

  /** Whether it has its slot's place. */
  isPlaced(worker: WorkerProcess): boolean {
    return this.#slots.isPlaced(worker);
  }

  start(place: InstancePlace): void {
    this.#launcher.place = place;
    for (let slot = 0; slot < this.#slots.count; slot++) this.#fork(slot);
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
      this.#slots.begin(successor, { program, taken, failed });
    });
  }

  #fork(slot: number): void {
    try {
      this.#slots.place(this.#launch(slot, this.#program));
    } catch (error) {
      // Out of descriptors or processes: Node throws, or returns a worker without a process.
      this.#logger.error({ worker: slot, err: error }, "could not start a worker process");
      this.#starts.ended(slot, 0);
      this.#startFailed();
      const reason = error instanceof Error ? error.message : String(error);
      this.#restart(slot, `a worker process cannot be started: ${reason}`);
    }
  }

  /** Throws when no process could be made. */
  #launch(slot: number, program: WorkerProgram): WorkerProcess {
    return this.#launcher.launch(slot, program, this.#slots.generations(slot));
  }

  #message(worker: WorkerProcess, message: ToPrimary): void {
    if (message.type === "ready") {
      this.#starts.ready();
      worker.enter("ready");
      if (this.#state === "starting" && this.#slots.ready === this.#slots.count) this.#state = "running";
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
    const taken = this.#slots.succeed(worker);
    if (taken === undefined) return;
    this.#starts.succeeded(worker.owner.slot);
    this.#program = taken.succession.program;
    taken.succession.taken(taken.predecessor);
  }

  /** A successor will not become ready. False when it is none. */
  #endSuccession(worker: WorkerProcess, problem: string): boolean {
    const succession = this.#slots.abandon(worker);
    if (succession === undefined) return false;
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
    if (placed) this.#starts.ended(slot, livedMs);
    worker.enter("ended");
    this.#slots.gone(worker);
    this.#events.ended(worker);
    this.#endSuccession(worker, `the worker ended before it was ready (${how})`);
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
    if (!this.#slots.isVacant(slot) || this.#state === "stopping") return;
    this.#events.restarted();
    this.#fork(slot);
  }

  /** While others serve, a slot may fail for as long as it likes. */
  #startFailed(): void {
    this.#starts.failed(this.#state === "starting" || this.#slots.ready === 0);
  }

  #restart(slot: number, problem: string): void {
    if (this.#starts.isHopeless) return this.#giveUp(problem);
    const delayMs = this.#starts.backoffMs(slot, this.#slots.ready === 0);
    this.#logger.info({ worker: slot, inMs: delayMs }, "starting another worker");
    this.#clock.after(delayMs, () => this.#fillVacancy(slot));
  }

  #giveUp(problem: string): void {
    if (this.#state === "stopping") return;
    this.#state = "stopping";
    this.#events.failed(problem);
  }
}
