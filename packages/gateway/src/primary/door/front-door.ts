/**
 * The front door: listeners, admission and workers joined. Sockets go in from the kernel and out to workers.
 *
 * Which sockets it refuses is its policy (`DoorPolicy`), which worker gets one its `Destinations`, whether it
 * accepts its `Gate`. Owns no worker: it is told which come and go. Invariant: a socket goes only to a worker
 * that said `ready`.
 */
import type { Clock, Logger, Timer } from "@holdfast/core";
import { Admission, type AdmissionOptions, type AdmissionParts } from "../../admission/admission.js";
import { DoorPolicy, type DoorPolicyOptions } from "../../admission/door-policy.js";
import { Exhaustion } from "../../admission/exhaustion.js";
import { PeerAddress, type PeerAddressOptions } from "../../admission/peer-address.js";
import type { PendingSocket } from "../../admission/pending-socket.js";
import type { Assignment } from "../../admission/unassigned.js";
import { isProbe } from "../../http/request-head.js";
import { LINK_SHARES } from "../../link/link.js";
import type { openListenHandle, TcpHandle } from "../../runtime/tcp-handle.js";
import type { PrimaryMetrics } from "../operations/primary-metrics.js";
import type { WorkerProcess } from "../workers/worker-process.js";
import { Destinations } from "./destinations.js";
import { Gate } from "./gate.js";
import { HealthChecks } from "./health-checks.js";
import { Listeners, type ListenersOptions } from "./listeners.js";

export interface FrontDoorOptions
  extends AdmissionOptions,
    PeerAddressOptions,
    ListenersOptions,
    DoorPolicyOptions {
  /** How many workers share them. */
  readonly workers: number;
  /** `reuseport`: the workers listen, and only sockets that they misplaced come here. */
  readonly accept: "primary" | "reuseport";
}

/** What a test replaces. */
export interface FrontDoorParts extends AdmissionParts {
  readonly openListenHandle?: typeof openListenHandle;
}

const CHECK_MS = 250;
/** One worker's part of the connections, as a factor on the even share: sessions come back to their owner. */
const SPREAD = 1.25;
export class FrontDoor {
  readonly admission: Admission;
  readonly gate: Gate;
  readonly healthChecks: HealthChecks<WorkerProcess>;
  readonly #options: FrontDoorOptions & Pick<FrontDoorParts, "openListenHandle">;
  readonly #metrics: PrimaryMetrics;
  readonly #policy: DoorPolicy<FrontDoor | WorkerProcess>;
  readonly #destinations: Destinations;
  readonly #exhaustion: Exhaustion;
  readonly #clock: Clock;
  readonly #check: Timer;

  /** `isCollecting`: whether a worker is about to collect garbage, or is doing so. */
  constructor(
    options: FrontDoorOptions,
    isCollecting: (worker: WorkerProcess) => boolean,
    metrics: PrimaryMetrics,
    clock: Clock,
    logger: Logger,
    { openListenHandle, ...parts }: FrontDoorParts = {},
  ) {
    const { maxConnections, workers } = options;
    this.#clock = clock;
    this.#options = openListenHandle === undefined ? options : { ...options, openListenHandle };
    this.#metrics = metrics;
    this.#destinations = new Destinations(
      Math.ceil((maxConnections * SPREAD) / workers),
      isCollecting,
      clock,
    );
    this.#policy = new DoorPolicy(options, () => this.pending + this.#destinations.sockets, clock);
    this.#exhaustion = new Exhaustion(() => metrics.refused("limit_pending"), clock, logger);
    this.admission = new Admission(
      options,
      {
        closedFor: () => (this.#policy.isOpen ? undefined : "draining"),
        arrived: (socket) => this.#policy.limits.arrive(this, socket),
        assign: (socket) => this.#assign(socket),
        room: () => this.#destinations.room,
        accepted: () => metrics.accepted(),
        refused: (why) => metrics.refused(why),
        left: (socket) => {
          this.#policy.limits.left(this, socket);
          this.gate.look();
        },
      },
      new PeerAddress(options, this.#policy.limits.byAddress),
      clock,
      parts,
    );
    this.gate = new Gate(
      options.maxPending,
      {
        pending: () => this.pending,
        workers: () => this.#destinations.ready,
        paused: () => metrics.paused(),
      },
      clock,
    );
    this.healthChecks = new HealthChecks(
      {
        workers: () => this.#destinations.ready,
        ask: (worker) => worker.send({ type: "probe" }, LINK_SHARES.urgent),
        ended: (socket, result) => {
          if (result === "healthy") this.admission.answers.reassure(socket);
          else this.admission.answers.refuse(socket, result);
        },
      },
      clock,
    );
    this.#check = clock.every(CHECK_MS, () => this.#look(logger));
    clock.rest?.while(() => this.pending === 0 && this.#policy.isOpen && this.shutMs === 0);
  }

  /** Sockets that are read or wait for a worker. */
  get pending(): number {
    return this.admission.pending;
  }

  /**
   * How long no connection has been accepted, ms, if longer than any that is in the door may stay; else 0.
   */
  get shutMs(): number {
    const { shutMs } = this.gate;
    return shutMs > this.#options.headTimeoutMs + CHECK_MS ? shutMs : 0;
  }

  /**
   * Listens on every port; all or none. Resolves with the ports. Await it before `close`. Where the workers
   * listen, this only makes sure that no other process does: a port that is in use is found here, not by
   * workers that share it.
   */
  async listen(): Promise<readonly number[]> {
    const accept = (handle: TcpHandle | undefined): void => this.#accept(handle);
    const opened = await Listeners.open(this.#options, accept, this.#clock, this.#options.openListenHandle);
    if (this.#options.accept === "primary") this.gate.guard(opened);
    else opened.close();
    return opened.ports;
  }

  /** A worker has become ready. */
  joined(worker: WorkerProcess): void {
    this.#destinations.joined(worker);
    this.gate.copy();
    this.admission.proceed();
  }

  /** A worker that listens itself has got a socket of another one's session. */
  misplaced(socket: PendingSocket): void {
    this.admission.acceptRead(socket);
  }

  /** A worker is gone: the sockets that it did not take go to others. */
  lost(worker: WorkerProcess): void {
    this.#destinations.lost(worker);
    this.#takeBack(worker);
    this.#policy.limits.gone(worker);
    this.healthChecks.gone(worker);
    this.gate.lost(worker);
  }

  /** Connections of these addresses have ended at a worker. */
  departed(worker: WorkerProcess, addresses: readonly string[]): void {
    for (const address of addresses) this.#policy.limits.release(worker, address);
  }

  /** This worker could not receive this one: another one is asked, once. */
  undeliverable(worker: WorkerProcess, socket: PendingSocket): void {
    this.#policy.limits.release(worker, socket.address);
    this.#destinations.rest(worker);
    if (!this.#policy.isOpen) return this.admission.answers.refuse(socket, "draining");
    if (socket.bounced) return this.admission.answers.refuse(socket, "no_worker");
    socket.bounced = true;
    this.admission.takeBack([socket]);
  }

  /** From now on a health check at the cap is not told that all is well. */
  unready(): void {
    this.#policy.unready();
  }

  /** From now on every socket is told that the server is going away. */
  refuse(): void {
    if (!this.#policy.refuse()) return;
    this.admission.shut();
    for (const socket of this.healthChecks.drain()) this.admission.answers.refuse(socket, "draining");
    this.gate.holdOpen();
  }

  /** Idempotent. */
  close(): void {
    this.refuse();
    if (!this.#policy.close()) return;
    this.#check.cancel();
    this.gate.close();
    this.admission.turnAway("draining");
    this.admission.close();
  }

  /** Nearly full, the rest is left to the kernel's backlog; full, it is refused. */
  #accept(handle: TcpHandle | undefined): void {
    if (handle === undefined) return this.#exhaustion.met();
    this.admission.accept(handle);
    if (this.#policy.isOpen) this.gate.entered();
  }

  /** A health check is answered also at the cap: full is not ill. */
  #assign(socket: PendingSocket): Assignment {
    if (isProbe(socket.head)) return this.#policy.isWell ? this.healthChecks.take(socket) : "draining";
    const refusal = socket.routed ? undefined : this.#policy.judge(socket);
    if (refusal !== undefined) return refusal;
    const worker = this.#destinations.route(socket.sid);
    if (worker === undefined) return "later";
    if (!socket.routed) this.#policy.limits.opened(socket);
    socket.routed = true;
    this.#policy.limits.hold(worker, socket.address);
    worker.handOver(socket);
    this.#metrics.handedOver();
    return "assigned";
  }

  /**
   * What waits for a worker that takes nothing goes to others: the one under way may arrive yet, and stays.
   * Polled sessions have no socket that comes by here, so that workers have to be told when all is full.
   */
  #look(logger: Logger): void {
    this.#destinations.check((worker) => this.#takeBack(worker));
    this.gate.look();
    this.gate.copy();
    const isShut = this.shutMs > 0;
    if (this.#destinations.tell({ isShut, isFull: this.#policy.isFull() })) {
      if (isShut)
        logger.error({ pending: this.pending }, "the front door is shut: no connection is accepted");
      else logger.info({}, "the front door accepts connections again");
    }
    this.#policy.limits.sweep();
  }

  #takeBack(worker: WorkerProcess): void {
    const sockets = worker.takeBack();
    for (const { address } of sockets) this.#policy.limits.release(worker, address);
    this.admission.takeBack(sockets);
    if (!this.#policy.isOpen) this.admission.turnAway("draining");
  }
}
