/**
 * The front door: listeners, admission and router joined. Sockets go in from the kernel and out to workers.
 *
 * Owns no worker: it is told who comes and who goes. Invariant: a socket goes only to a worker that said `ready`.
 */
import type { Clock, Logger, Timer } from "@holdfast/core";
import { Admission, type AdmissionOptions, type Assignment } from "../admission/admission.js";
import { type ConnectionLimitOptions, ConnectionLimits } from "../admission/connection-limits.js";
import { Introduction, type IntroductionOptions } from "../admission/introduction.js";
import { PendingSocket } from "../admission/pending-socket.js";
import { isHealthCheck } from "../admission/request-head.js";
import type { ListenHandle, TcpHandle } from "../tcp-handle.js";
import type { TravelNote } from "../travel.js";
import { Destination } from "./destination.js";
import { Listeners, type ListenersOptions } from "./listeners.js";
import type { PrimaryMetrics } from "./primary-metrics.js";
import { Router } from "./router.js";
import type { WorkerProcess } from "./worker-process.js";

export interface FrontDoorOptions extends AdmissionOptions, IntroductionOptions, ListenersOptions {
  readonly limits: ConnectionLimitOptions;
  /** Sockets that the instance may hold, those in admission included. */
  readonly maxConnections: number;
  /** How many workers share them. */
  readonly workers: number;
  /** `reuseport`: the workers listen, and only sockets that they misplaced come here. */
  readonly accept: "primary" | "reuseport";
}

const CHECK_MS = 250;
/** One worker's part of the connections, as a factor on the even share: sessions come back to their owner. */
const SPREAD = 1.25;
/** Parts of `maxPending` at which accepting pauses, and resumes. Between pause and full is room for a listener that
 * cannot pause yet. */
const PAUSE_AT = 0.75;
const RESUME_AT = 0.5;
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
  readonly #limits: ConnectionLimits<WorkerProcess>;
  readonly #check: Timer;
  #destinations: readonly Destination[] = [];
  #listeners = Listeners.none();
  #accepting: "yes" | "paused" = "yes";
  #state: "open" | "leaving" | "refusing" | "closed" = "open";
  #exhaustedSaidAt = Number.NEGATIVE_INFINITY;

  /** `isCollecting`: whether a worker is about to collect garbage, or is doing so. */
  constructor(
    options: FrontDoorOptions,
    isCollecting: (worker: WorkerProcess) => boolean,
    metrics: PrimaryMetrics,
    clock: Clock,
    logger: Logger,
  ) {
    this.#options = options;
    this.#isCollecting = isCollecting;
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
    this.#check = clock.every(CHECK_MS, () => {
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
    const opened = await Listeners.open(this.#options, (handle) => this.#accept(handle));
    if (this.#options.accept === "primary") this.#listeners = opened;
    else opened.close();
    return opened.ports;
  }

  /** A worker has become ready. */
  joined(worker: WorkerProcess): void {
    const { maxConnections, workers } = this.#options;
    const maxSockets = Math.ceil((maxConnections * SPREAD) / workers);
    this.#destinations = [...this.#destinations, new Destination(worker, maxSockets, this.#isCollecting)];
    this.#listeners.copyBy(this.#anyReady);
    this.proceed();
  }

  /** A worker has taken a socket. */
  proceed(): void {
    this.#admission.proceed();
    if (this.#accepting === "paused" && this.pending <= this.#options.maxPending * RESUME_AT) this.#resume();
  }

  /** A copy of the listening handle of `port` has come: that listener can pause. */
  copied(port: number, copy: ListenHandle): void {
    this.#listeners.copied(port, copy);
  }

  /** A worker that listens itself has got a socket of another one's session. */
  misplaced({ head, about: address }: TravelNote, handle: TcpHandle): void {
    this.#admission.acceptRead(PendingSocket.read(handle, head, address, this.#clock.monotonic()));
  }

  /** A worker is gone: the sockets that it did not take go to others. */
  lost(worker: WorkerProcess): void {
    this.#destinations = this.#destinations.filter((destination) => destination.worker !== worker);
    this.#takeBack(worker);
    this.#limits.gone(worker);
    this.#listeners.lost(worker, this.#anyReady);
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
    this.#admission.turnAway("draining");
    this.#listeners.resume(undefined);
  }

  /** Idempotent. */
  close(): void {
    if (this.#state === "closed") return;
    this.refuse();
    this.#state = "closed";
    this.#check.cancel();
    this.#listeners.close();
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
    const paused = this.#listeners.pause();
    if (paused === 0) return;
    this.#accepting = "paused";
    for (let i = 0; i < paused; i++) this.#metrics.paused();
  }

  #resume(): void {
    this.#accepting = "yes";
    this.#listeners.resume(this.#anyReady);
  }

  get #anyReady(): WorkerProcess | undefined {
    return this.#destinations.find(({ state }) => state === "ready")?.worker;
  }

  #assign(socket: PendingSocket): Assignment {
    const refusal = socket.counted ? undefined : this.#refusal(socket);
    if (refusal !== undefined) return refusal;
    const worker = this.#router.route(this.#destinations, socket.sid)?.worker;
    if (worker === undefined) return "later";
    if (!socket.counted) this.#limits.opened(socket.address);
    socket.counted = true;
    this.#limits.hold(worker, socket.address);
    worker.handOver(socket);
    this.#metrics.handedOver();
    return "assigned";
  }

  /** A health check is told the truth at the cap too: a load balancer cuts the connections of what it holds for ill. */
  #refusal(socket: PendingSocket): Assignment | undefined {
    let sockets = this.pending - 1;
    for (const destination of this.#destinations) sockets += destination.sockets;
    const refusal =
      sockets >= this.#options.maxConnections ? "limit_connections" : this.#limits.check(socket.address);
    const isWell = this.#state === "open" && isHealthCheck(socket.target);
    return refusal !== undefined && isWell ? "healthy" : refusal;
  }

  #room(): number {
    let room = 0;
    for (const destination of this.#destinations) room += destination.room;
    return room;
  }

  /** What waits for a worker that takes nothing goes to others. The one under way may arrive yet: it stays. */
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
