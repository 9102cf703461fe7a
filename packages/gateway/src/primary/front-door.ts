/**
 * The front door: listeners, admission and router joined. Sockets go in from the kernel and out to workers.
 *
 * Owns no worker: it is told who there is. Invariant: a socket goes only to a worker that said `ready`.
 */
import type { Clock, Logger, Timer } from "@holdfast/core";
import { Admission, type AdmissionOptions, type Assignment } from "../admission/admission.js";
import { type ConnectionLimitOptions, ConnectionLimits } from "../admission/connection-limits.js";
import { Introduction, type IntroductionOptions } from "../admission/introduction.js";
import { PendingSocket } from "../admission/pending-socket.js";
import { isHealthCheck } from "../admission/request-head.js";
import type { MisplacedMessage } from "../messages.js";
import type { ListenHandle, TcpHandle } from "../tcp-handle.js";
import { TcpListener } from "../tcp-listener.js";
import type { PrimaryMetrics } from "./primary-metrics.js";
import { type Candidate, Router } from "./router.js";
import type { WorkerProcess } from "./worker-process.js";

export interface FrontDoorOptions extends AdmissionOptions, IntroductionOptions {
  readonly host: string;
  readonly ports: readonly number[];
  readonly backlog: number;
  readonly limits: ConnectionLimitOptions;
  /** Sockets that the instance may hold, those in admission included. */
  readonly maxConnections: number;
  /** How many workers share them. */
  readonly workers: number;
  /** `reuseport`: the workers listen, and only sockets that they misplaced come here. */
  readonly accept: "primary" | "reuseport";
}

/** What the front door asks about the workers. */
export interface Workers {
  /** Those that are alive. */
  list(): readonly WorkerProcess[];
  /** Whether it is about to collect garbage, or is doing so. */
  isCollecting(worker: WorkerProcess): boolean;
}

/** Whole heads that may wait in front of one worker: enough to keep it busy, few enough to be routed by fresh load. */
const QUEUE_PER_WORKER = 64;
/** Sockets that may wait in front of one worker because they name it as their owner. */
const MAX_QUEUE = 1024;
/** A worker that has let a socket wait this long takes none: what is queued for it goes to others, ms. */
const STUCK_MS = 1000;
const STUCK_CHECK_MS = 250;
/** One worker's part of the connections, as a factor on the even share: sessions come back to their owner. */
const SPREAD = 1.25;
/** A worker whose event loop was this late gets no sockets while others can take them, ms. */
const LAGGING_MS = 200;
/** Parts of `maxPending` at which accepting pauses, and resumes. Between pause and full is room for a listener that
 * cannot pause yet. */
const PAUSE_AT = 0.75;
const RESUME_AT = 0.5;
/** Being out of descriptors is said once in this time, ms. */
const EXHAUSTED_LOG_MS = 10_000;

interface WorkerCandidate extends Candidate {
  readonly worker: WorkerProcess;
}

export class FrontDoor {
  readonly #options: FrontDoorOptions;
  readonly #workers: Workers;
  readonly #metrics: PrimaryMetrics;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #router = new Router();
  readonly #admission: Admission;
  readonly #limits: ConnectionLimits<WorkerProcess>;
  readonly #stuckCheck: Timer;
  #listeners: readonly TcpListener[] = [];
  /** Which worker is to send back a copy of which listener's handle. */
  readonly #copyAskedOf = new Map<number, WorkerProcess>();
  #state: "open" | "leaving" | "refusing" | "closed" = "open";
  #exhaustedSaidAt = Number.NEGATIVE_INFINITY;

  constructor(
    options: FrontDoorOptions,
    workers: Workers,
    metrics: PrimaryMetrics,
    clock: Clock,
    logger: Logger,
  ) {
    this.#options = options;
    this.#workers = workers;
    this.#metrics = metrics;
    this.#clock = clock;
    this.#logger = logger;
    this.#limits = new ConnectionLimits(options.limits, clock);
    this.#admission = new Admission(
      options,
      {
        closedFor: () => (this.#isOpen ? undefined : "draining"),
        assign: (socket) => this.#assign(socket),
        room: () => this.#room(),
        accepted: () => metrics.accepted(),
        refused: (why) => metrics.refused(why),
      },
      new Introduction(options, this.#limits.byAddress),
      clock,
    );
    this.#stuckCheck = clock.every(STUCK_CHECK_MS, () => {
      this.#passOn();
      this.#limits.sweep();
    });
  }

  /** Sockets that are read or wait for a worker. */
  get pending(): number {
    return this.#admission.pending;
  }

  /**
   * Listens on every port; all or none. Resolves with the ports. Await it before `close`. Where the workers listen, this
   * only makes sure that nobody else does: a port that is in use is found here, not by workers that share it.
   */
  async listen(): Promise<readonly number[]> {
    const { host, ports, backlog } = this.#options;
    const accept = (handle: TcpHandle | undefined): void => this.#accept(handle);
    const opened: TcpListener[] = [];
    try {
      for (const port of ports) opened.push(await TcpListener.open({ host, port, backlog }, accept));
    } catch (error) {
      for (const listener of opened) listener.close();
      throw error;
    }
    if (this.#options.accept === "primary") this.#listeners = opened;
    else for (const listener of opened) listener.close();
    return opened.map(({ port }) => port);
  }

  /** A worker has become ready, or has taken a socket. */
  proceed(): void {
    this.#admission.proceed();
    if (this.pending <= this.#options.maxPending * RESUME_AT) {
      for (const listener of this.#listeners) if (listener.paused) listener.resume();
    }
    this.#askForCopies();
  }

  /** A copy of the listening handle of `port` has come: that listener can pause. */
  copied(port: number, copy: ListenHandle): void {
    this.#copyAskedOf.delete(port);
    const listener = this.#listeners.find((each) => each.port === port);
    if (listener === undefined) copy.close();
    else listener.copied(copy);
  }

  /** A worker that listens itself has got a socket of another one's session. */
  misplaced({ head, address = "" }: MisplacedMessage, handle: TcpHandle): void {
    const bytes = Buffer.from(head, "latin1");
    this.#admission.acceptRead(PendingSocket.read(handle, bytes, address, this.#clock.monotonic()));
  }

  /** A worker is gone: the sockets that it did not take go to others. */
  lost(worker: WorkerProcess): void {
    this.#takeBack(worker);
    this.#limits.gone(worker);
    for (const [port, asked] of this.#copyAskedOf) if (asked === worker) this.#copyAskedOf.delete(port);
    this.#askForCopies();
  }

  /** Connections of these addresses have ended at a worker. */
  departed(worker: WorkerProcess, addresses: readonly string[]): void {
    for (const address of addresses) this.#limits.release(worker, address);
  }

  /** This worker could not receive this one, and no other will have it. */
  undeliverable(worker: WorkerProcess, socket: PendingSocket): void {
    this.#limits.release(worker, socket.address);
    this.#admission.refuse(socket, "no_worker");
  }

  /** From now on a health check at the cap is not told that all is well. */
  unready(): void {
    if (this.#state === "open") this.#state = "leaving";
  }

  /** From now on every socket is told that the server is going away. */
  refuse(): void {
    if (!this.#isOpen) return;
    this.#state = "refusing";
    this.#admission.turnAway("draining");
    for (const listener of this.#listeners) listener.resume();
  }

  /** Idempotent. */
  close(): void {
    if (this.#state === "closed") return;
    this.refuse();
    this.#state = "closed";
    this.#stuckCheck.cancel();
    for (const listener of this.#listeners) listener.close();
    this.#admission.close();
  }

  get #isOpen(): boolean {
    return this.#state === "open" || this.#state === "leaving";
  }

  /** Nearly full, the rest is left to the kernel's backlog; full, it is refused. */
  #accept(handle: TcpHandle | undefined): void {
    if (handle === undefined) return this.#exhausted();
    this.#admission.accept(handle);
    if (!this.#isOpen || this.pending < this.#options.maxPending * PAUSE_AT) return;
    for (const listener of this.#listeners) if (listener.pause()) this.#metrics.paused();
  }

  #askForCopies(): void {
    for (const { port, uncopied } of this.#listeners) {
      const [worker] = this.#workers.list().filter(({ state }) => state === "ready");
      if (uncopied === undefined || worker === undefined || this.#copyAskedOf.has(port)) continue;
      this.#copyAskedOf.set(port, worker);
      worker.copy(uncopied, port);
    }
  }

  #assign(socket: PendingSocket): Assignment {
    const refusal = socket.counted ? undefined : this.#refusal(socket);
    if (refusal !== undefined) return refusal;
    const chosen = this.#router.route(this.#candidates(), socket.sid);
    if (chosen === undefined) return "later";
    if (!socket.counted) this.#limits.opened(socket.address);
    socket.counted = true;
    this.#limits.hold(chosen.worker, socket.address);
    chosen.worker.handOver(socket);
    this.#metrics.handedOver();
    return "assigned";
  }

  /** A health check is told the truth at the cap too: a load balancer cuts the connections of what it holds for ill. */
  #refusal(socket: PendingSocket): Assignment | undefined {
    let sockets = this.pending - 1;
    for (const worker of this.#workers.list()) sockets += worker.sockets;
    const refusal =
      sockets >= this.#options.maxConnections ? "limit_connections" : this.#limits.check(socket.address);
    const isWell = this.#state === "open" && isHealthCheck(socket.target);
    return refusal !== undefined && isWell ? "healthy" : refusal;
  }

  #room(): number {
    let room = 0;
    for (const { queue, state } of this.#workers.list()) {
      if (state === "ready" && !isStuck(queue)) room += Math.max(0, QUEUE_PER_WORKER - queue.waiting);
    }
    return room;
  }

  #candidates(): WorkerCandidate[] {
    const { maxConnections, workers } = this.#options;
    const maxSockets = Math.ceil((maxConnections * SPREAD) / workers);
    return this.#workers.list().map((worker) => ({
      worker,
      owner: worker.owner,
      state: worker.state,
      sockets: worker.sockets,
      maxSockets,
      busy:
        worker.load.loopDelayMs > LAGGING_MS ||
        worker.queue.waiting >= QUEUE_PER_WORKER ||
        this.#workers.isCollecting(worker),
      stuck: isStuck(worker.queue),
    }));
  }

  /** What waits for a worker that takes nothing goes to others. The one under way may arrive yet: it stays. */
  #passOn(): void {
    for (const worker of this.#workers.list()) {
      if (worker.queue.waitingMs > STUCK_MS) this.#takeBack(worker);
    }
  }

  #takeBack(worker: WorkerProcess): void {
    const sockets = worker.takeBack();
    for (const { address } of sockets) this.#limits.release(worker, address);
    this.#admission.takeBack(sockets);
    if (!this.#isOpen) this.#admission.turnAway("draining");
  }

  #exhausted(): void {
    this.#metrics.refused("limit_pending");
    const now = this.#clock.monotonic();
    if (now - this.#exhaustedSaidAt < EXHAUSTED_LOG_MS) return;
    this.#exhaustedSaidAt = now;
    this.#logger.error(
      {},
      "out of file descriptors: connections cannot be accepted (raise the open-files limit)",
    );
  }
}

function isStuck({ waiting, waitingMs }: WorkerProcess["queue"]): boolean {
  return waitingMs > STUCK_MS || waiting >= MAX_QUEUE;
}
