/**
 * The front door: listeners, admission and router joined. Sockets go in from the kernel and out to workers.
 *
 * Owns no worker: it is told who comes and who goes. Invariant: a socket goes only to a worker that said
 * `ready`.
 */
import type { Clock, Logger, Timer } from "@holdfast/core";
import {
  Admission,
  type AdmissionOptions,
  type AdmissionParts,
  type Assignment,
} from "../../admission/admission.js";
import { type ConnectionLimitOptions, ConnectionLimits } from "../../admission/connection-limits.js";
import { PeerAddress, type PeerAddressOptions } from "../../admission/peer-address.js";
import { PendingSocket } from "../../admission/pending-socket.js";
import { isHealthCheck, isProbe } from "../../http/request-head.js";
import type { HandOffMessage } from "../../link/hand-off-message.js";
import { LINK_SHARES } from "../../link/link.js";
import type { ListenHandle, openListenHandle, TcpHandle } from "../../runtime/tcp-handle.js";
import type { PrimaryMetrics } from "../operations/primary-metrics.js";
import type { WorkerProcess } from "../workers/worker-process.js";
import { Destination } from "./destination.js";
import { Gate } from "./gate.js";
import { HealthChecks } from "./health-checks.js";
import { Listeners, type ListenersOptions } from "./listeners.js";
import { Router } from "./router.js";

export interface FrontDoorOptions extends AdmissionOptions, PeerAddressOptions, ListenersOptions {
  readonly limits: ConnectionLimitOptions;
  /** Sockets that the instance may hold, those in admission included. */
  readonly maxConnections: number;
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
/** Being out of descriptors is said once in this time, ms. */
const EXHAUSTED_LOG_MS = 10_000;

export class FrontDoor {
  readonly #options: FrontDoorOptions;
  readonly #isCollecting: (worker: WorkerProcess) => boolean;
  readonly #metrics: PrimaryMetrics;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #router = new Router();
  readonly #admission: Admission;
  readonly #gate: Gate;
  readonly #healthChecks: HealthChecks<WorkerProcess>;
  readonly #limits: ConnectionLimits<FrontDoor | WorkerProcess>;
  readonly #openListenHandle: FrontDoorParts["openListenHandle"];
  readonly #check: Timer;
  #destinations: readonly Destination[] = [];
  /** As the workers know it. */
  #isShut = false;
  #isFull = false;
  #state: "open" | "leaving" | "refusing" | "closed" = "open";
  #exhaustedSaidAt = Number.NEGATIVE_INFINITY;

  /** `isCollecting`: whether a worker is about to collect garbage, or is doing so. */
  constructor(
    options: FrontDoorOptions,
    isCollecting: (worker: WorkerProcess) => boolean,
    metrics: PrimaryMetrics,
    clock: Clock,
    logger: Logger,
    { openListenHandle, ...parts }: FrontDoorParts = {},
  ) {
    this.#options = options;
    this.#openListenHandle = openListenHandle;
    this.#isCollecting = isCollecting;
    this.#metrics = metrics;
    this.#clock = clock;
    this.#logger = logger;
    this.#limits = new ConnectionLimits(options.limits, clock);
    this.#admission = new Admission(
      options,
      {
        closedFor: () => (this.#isOpen ? undefined : "draining"),
        arrived: (socket) => this.#limits.arrive(this, socket),
        assign: (socket) => this.#assign(socket),
        room: () => this.#room(),
        accepted: () => metrics.accepted(),
        refused: (why) => metrics.refused(why),
        left: (socket) => {
          this.#limits.left(this, socket);
          this.#gate.look();
        },
      },
      new PeerAddress(options, this.#limits.byAddress),
      clock,
      parts,
    );
    this.#gate = new Gate(
      options.maxPending,
      {
        pending: () => this.pending,
        copier: () => this.#destinations.find(({ state }) => state === "ready")?.worker,
        paused: () => metrics.paused(),
      },
      clock,
    );
    this.#healthChecks = new HealthChecks(
      {
        workers: () =>
          this.#destinations.filter(({ state }) => state === "ready").map(({ worker }) => worker),
        ask: (worker) => worker.send({ type: "probe" }, LINK_SHARES.urgent),
        ended: (socket, result) => {
          if (result === "healthy") this.#admission.reassure(socket);
          else this.#admission.refuse(socket, result);
        },
      },
      clock,
    );
    this.#check = clock.every(CHECK_MS, () => {
      this.#passOn();
      this.#gate.look();
      this.#tellShut();
      this.#tellFull();
      this.#limits.sweep();
    });
  }

  /** Sockets that are read or wait for a worker. */
  get pending(): number {
    return this.#admission.pending;
  }

  /**
   * How long no connection has been accepted, ms, if longer than any that is in the door may stay; else 0.
   */
  get shutMs(): number {
    const { shutMs } = this.#gate;
    return shutMs > this.#options.headTimeoutMs + CHECK_MS ? shutMs : 0;
  }

  /** From now on pages of these origins may read why the door refuses them. */
  allow(origins: AdmissionOptions["origins"]): void {
    this.#admission.allow(origins);
  }

  /**
   * Listens on every port; all or none. Resolves with the ports. Await it before `close`. Where the workers
   * listen, this only makes sure that no other process does: a port that is in use is found here, not by
   * workers that share it.
   */
  async listen(): Promise<readonly number[]> {
    const accept = (handle: TcpHandle | undefined): void => this.#accept(handle);
    const opened = await Listeners.open(this.#options, accept, this.#openListenHandle);
    if (this.#options.accept === "primary") this.#gate.guard(opened);
    else opened.close();
    return opened.ports;
  }

  /** A worker has become ready. */
  joined(worker: WorkerProcess): void {
    const { maxConnections, workers } = this.#options;
    const maxSockets = Math.ceil((maxConnections * SPREAD) / workers);
    this.#destinations = [...this.#destinations, new Destination(worker, maxSockets, this.#isCollecting)];
    if (this.#isShut) worker.send({ type: "door", shut: true }, LINK_SHARES.urgent);
    if (this.#isFull) worker.send({ type: "full", full: true }, LINK_SHARES.urgent);
    this.#gate.joined();
    this.proceed();
  }

  /** A worker has taken a socket. */
  proceed(): void {
    this.#admission.proceed();
  }

  /** A worker has answered the question of a health check. */
  probed(worker: WorkerProcess): void {
    this.#healthChecks.answered(worker);
  }

  /** A copy of the listening handle of `port` has come: that listener can pause. */
  copied(port: number, copy: ListenHandle): void {
    this.#gate.copied(port, copy);
  }

  /** A worker that listens itself has got a socket of another one's session. */
  misplaced({ head, about: address }: HandOffMessage, handle: TcpHandle): void {
    this.#admission.acceptRead(PendingSocket.read(handle, head, address, this.#clock.monotonic()));
  }

  /** A worker is gone: the sockets that it did not take go to others. */
  lost(worker: WorkerProcess): void {
    this.#destinations = this.#destinations.filter((destination) => destination.worker !== worker);
    this.#takeBack(worker);
    this.#limits.gone(worker);
    this.#healthChecks.gone(worker);
    this.#gate.lost(worker);
  }

  /** Connections of these addresses have ended at a worker. */
  departed(worker: WorkerProcess, addresses: readonly string[]): void {
    for (const address of addresses) this.#limits.release(worker, address);
  }

  /** This worker could not receive this one: another one is asked, once. */
  undeliverable(worker: WorkerProcess, socket: PendingSocket): void {
    this.#limits.release(worker, socket.address);
    this.#destinations.find((each) => each.worker === worker)?.rest(this.#clock.monotonic());
    if (!this.#isOpen) return this.#admission.refuse(socket, "draining");
    if (socket.bounced) return this.#admission.refuse(socket, "no_worker");
    socket.bounced = true;
    this.#admission.takeBack([socket]);
  }

  /** From now on a health check at the cap is not told that all is well. */
  unready(): void {
    if (this.#state === "open") this.#state = "leaving";
  }

  /** From now on every socket is told that the server is going away. */
  refuse(): void {
    if (!this.#isOpen) return;
    this.#state = "refusing";
    this.#admission.shut();
    for (const socket of this.#healthChecks.drain()) this.#admission.refuse(socket, "draining");
    this.#gate.holdOpen();
  }

  /** Idempotent. */
  close(): void {
    if (this.#state === "closed") return;
    this.refuse();
    this.#state = "closed";
    this.#check.cancel();
    this.#gate.close();
    this.#admission.turnAway("draining");
    this.#admission.close();
  }

  get #isOpen(): boolean {
    return this.#state === "open" || this.#state === "leaving";
  }

  /** Nearly full, the rest is left to the kernel's backlog; full, it is refused. */
  #accept(handle: TcpHandle | undefined): void {
    if (handle === undefined) return this.#exhausted();
    this.#admission.accept(handle);
    if (this.#isOpen) this.#gate.entered();
  }

  #assign(socket: PendingSocket): Assignment {
    if (isProbe(socket.head)) return this.#probe(socket);
    const refusal = socket.routed ? undefined : this.#refusal(socket);
    if (refusal !== undefined) return refusal;
    const worker = this.#router.route(this.#destinations, socket.sid)?.worker;
    if (worker === undefined) return "later";
    if (!socket.routed) this.#limits.opened(socket);
    socket.routed = true;
    this.#limits.hold(worker, socket.address);
    worker.handOver(socket);
    this.#metrics.handedOver();
    return "assigned";
  }

  /**
   * Also at the cap: full is not ill. Waits in the door while no worker is ready, as everything else does.
   */
  #probe(socket: PendingSocket): Assignment {
    if (this.#state !== "open") return "draining";
    if (!this.#destinations.some(({ state }) => state === "ready")) return "later";
    return this.#healthChecks.add(socket) ? "assigned" : "limit_pending";
  }

  /**
   * A health check is told the truth at the cap too: a load balancer cuts the connections of what it holds
   * for ill.
   */
  #refusal(socket: PendingSocket): Assignment | undefined {
    const refusal =
      this.#sockets - 1 >= this.#options.maxConnections
        ? "limit_connections"
        : this.#limits.checkArrived(socket);
    const isWell = this.#state === "open" && isHealthCheck(socket.target);
    return refusal !== undefined && isWell ? "healthy" : refusal;
  }

  /** All that the instance holds: those in the door, and connections and polled sessions of the workers. */
  get #sockets(): number {
    let sockets = this.pending;
    for (const destination of this.#destinations) sockets += destination.sockets;
    return sockets;
  }

  #room(): number {
    let room = 0;
    for (const destination of this.#destinations) room += destination.room;
    return room;
  }

  /**
   * What waits for a worker that takes nothing goes to others. The one under way may arrive yet: it stays.
   */
  #passOn(): void {
    const now = this.#clock.monotonic();
    for (const destination of this.#destinations) {
      if (destination.check(now)) this.#takeBack(destination.worker);
    }
  }

  #takeBack(worker: WorkerProcess): void {
    const sockets = worker.takeBack();
    for (const { address } of sockets) this.#limits.release(worker, address);
    this.#admission.takeBack(sockets);
    if (!this.#isOpen) this.#admission.turnAway("draining");
  }

  #tellShut(): void {
    const isShut = this.shutMs > 0;
    if (isShut === this.#isShut) return;
    this.#isShut = isShut;
    for (const { worker } of this.#destinations)
      worker.send({ type: "door", shut: isShut }, LINK_SHARES.urgent);
    if (isShut)
      this.#logger.error({ pending: this.pending }, "the front door is shut: no connection is accepted");
    else this.#logger.info({}, "the front door accepts connections again");
  }

  /**
   * Polled sessions have no socket that comes by here. Each worker has its own limit besides, until it hears
   * this.
   */
  #tellFull(): void {
    const isFull = this.#sockets >= this.#options.maxConnections;
    if (isFull === this.#isFull) return;
    this.#isFull = isFull;
    for (const { worker } of this.#destinations)
      worker.send({ type: "full", full: isFull }, LINK_SHARES.urgent);
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
