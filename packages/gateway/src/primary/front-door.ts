/**
 * The front door: listeners, admission and router joined. Sockets go in from the kernel and out to workers.
 *
 * Owns no worker: it is told who there is. Invariant: a socket goes only to a worker that said `ready`.
 */
import type { Clock, Logger } from "@holdfast/core";
import { listenTcp, type TcpListener } from "../tcp-handle.js";
import { Admission } from "./admission.js";
import type { Refused } from "./front-answers.js";
import type { PrimaryMetrics } from "./primary-metrics.js";
import { type Candidate, Router } from "./router.js";
import type { WorkerProcess } from "./worker-process.js";

export interface FrontDoorOptions {
  readonly host: string;
  readonly ports: readonly number[];
  readonly backlog: number;
  readonly maxPending: number;
  readonly headTimeoutMs: number;
  readonly maxHeadBytes: number;
  /** Sockets that all workers together may hold. */
  readonly maxConnections: number;
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
/** A worker whose event loop was this late gets no sockets while others can take them, ms. */
const LAGGING_MS = 200;
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
  #listeners: readonly TcpListener[] = [];
  #state: "open" | "refusing" | "closed" = "open";
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
    this.#admission = new Admission(
      options,
      {
        closedFor: () => this.#closedFor(),
        assign: (socket) => {
          const chosen = this.#router.route(this.#candidates(), socket.sid);
          chosen?.worker.handOver(socket);
          if (chosen !== undefined) metrics.handedOver();
          return chosen !== undefined;
        },
        room: () => this.#room(),
        accepted: () => metrics.accepted(),
        refused: (why) => metrics.refused(why),
      },
      clock,
    );
  }

  /** Sockets that are read or wait for a worker. */
  get pending(): number {
    return this.#admission.pending;
  }

  /** Listens on every port; all or none. Resolves with the ports. */
  async listen(): Promise<readonly number[]> {
    const { host, ports, backlog } = this.#options;
    const accept = (handle: Parameters<Admission["accept"]>[0] | undefined): void => {
      if (handle === undefined) this.#exhausted();
      else this.#admission.accept(handle);
    };
    const opened: TcpListener[] = [];
    try {
      for (const port of ports) opened.push(await listenTcp(host, port, backlog, accept));
    } catch (error) {
      for (const listener of opened) listener.close();
      throw error;
    }
    this.#listeners = opened;
    return opened.map(({ port }) => port);
  }

  /** A worker has become ready, or has taken a socket. */
  proceed(): void {
    this.#admission.proceed();
  }

  /** A worker is gone: the sockets that it did not take go to others. */
  lost(worker: WorkerProcess): void {
    this.#admission.takeBack(worker.handOffs.takeBack());
  }

  /** From now on every socket is told that the server is going away. */
  refuse(): void {
    if (this.#state !== "open") return;
    this.#state = "refusing";
    this.#admission.turnAway("draining");
  }

  /** Idempotent. */
  close(): void {
    if (this.#state === "closed") return;
    this.refuse();
    this.#state = "closed";
    for (const listener of this.#listeners) listener.close();
    this.#admission.close();
  }

  #closedFor(): Refused | undefined {
    if (this.#state !== "open") return "draining";
    let sockets = 0;
    for (const worker of this.#workers.list()) sockets += worker.sockets;
    return sockets >= this.#options.maxConnections ? "limit_connections" : undefined;
  }

  #room(): number {
    let room = 0;
    for (const { handOffs, state } of this.#workers.list()) {
      if (state === "ready") room += Math.max(0, QUEUE_PER_WORKER - handOffs.waiting);
    }
    return room;
  }

  #candidates(): WorkerCandidate[] {
    const workers = this.#workers.list();
    const share = Math.ceil(this.#options.maxConnections / Math.max(1, workers.length));
    return workers.map((worker) => ({
      worker,
      owner: worker.owner,
      state: worker.state,
      sockets: worker.sockets,
      maxSockets: share,
      busy: worker.load.loopDelayMs > LAGGING_MS || this.#workers.isCollecting(worker),
    }));
  }

  #exhausted(): void {
    const now = this.#clock.monotonic();
    if (now - this.#exhaustedSaidAt < EXHAUSTED_LOG_MS) return;
    this.#exhaustedSaidAt = now;
    this.#logger.error(
      {},
      "out of file descriptors: connections cannot be accepted (raise the open-files limit)",
    );
    this.#metrics.refused("limit_pending");
  }
}
