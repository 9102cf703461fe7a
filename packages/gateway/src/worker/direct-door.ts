/**
 * The direct door: a worker's own listeners and admission, where workers share the ports (`accept` is
 * `reuseport`).
 *
 *     open ──unready──► leaving ──refuse──► refusing ──close──► closed      (the states of its policy)
 *
 * The kernel chooses the worker, whatever session a request names; so a whole head that names another
 * worker's session goes to the primary, which routes that one socket. What cannot be routed there is taken
 * here: a worker answers a resume of any session. Which sockets it refuses is its policy (`DoorPolicy`), with
 * limits of this worker's own, except for what the primary routes. Invariants: a socket is
 * the admission's, on its way to the primary or the worker's, never two of them; what waits for the primary
 * is bounded and short.
 */
import type { Clock, Logger, Timer } from "@holdfast/core";
import { type Owner, ownerOf } from "@holdfast/protocol";
import { Registry } from "prom-client";
import { Admission, type AdmissionOptions } from "../admission/admission.js";
import { DoorMetrics } from "../admission/door-metrics.js";
import { DoorPolicy, type DoorPolicyOptions } from "../admission/door-policy.js";
import { Exhaustion } from "../admission/exhaustion.js";
import { type HandOffPeer, HandOffs } from "../admission/hand-off.js";
import { LingeringCloses } from "../admission/lingering-closes.js";
import { PeerAddress, type PeerAddressOptions } from "../admission/peer-address.js";
import type { PendingSocket } from "../admission/pending-socket.js";
import type { Assignment } from "../admission/unassigned.js";
import { type MetricsSnapshot, snapshotOf } from "../link/metrics-snapshot.js";
import type { TcpHandle } from "../runtime/tcp-handle.js";
import { TcpListener } from "../runtime/tcp-listener.js";

export interface DirectDoorOptions extends AdmissionOptions, PeerAddressOptions, DoorPolicyOptions {
  readonly host: string;
  /** None is 0: each worker would get another. */
  readonly ports: readonly number[];
  readonly backlog: number;
  /** Slots of the instance: a session of a higher one belongs to another instance. */
  readonly workers: number;
}

/** The worker behind the door. */
export interface DirectWorker {
  readonly owner: Owner;
  /** Sockets that it has taken. */
  sockets(): number;
  /** Takes one with its head; `ended` is called when it has closed. */
  take(handle: TcpHandle, head: string, ended: () => void): void;
}

/** Misplaced sockets that may wait for the primary; further ones are taken here. */
const MAX_MISPLACED = 1024;
/** A primary that has let one wait this long gets no more for now, ms. */
const STUCK_MS = 1000;
const SWEEP_MS = 250;
/**
 * Heads that are read at `maxConnections`, to tell a health check from the rest: fewer than descriptors in
 * reserve.
 */
const READ_WHEN_FULL = 64;

export class DirectDoor {
  readonly #options: DirectDoorOptions;
  readonly #worker: DirectWorker;
  readonly #registry = new Registry();
  readonly #metrics = new DoorMetrics(this.#registry);
  readonly #policy: DoorPolicy<DirectDoor>;
  readonly #exhaustion: Exhaustion;
  readonly #admission: Admission;
  readonly #misplaced: HandOffs;
  readonly #sweeper: Timer;
  #listeners: readonly TcpListener[] = [];

  /** `primary` is the other end of this process' IPC channel. */
  constructor(
    options: DirectDoorOptions,
    worker: DirectWorker,
    primary: HandOffPeer,
    clock: Clock,
    logger: Logger,
    lingeringCloses = new LingeringCloses(clock),
  ) {
    this.#options = options;
    this.#worker = worker;
    this.#policy = new DoorPolicy(options, () => worker.sockets() + this.pending, clock);
    this.#exhaustion = new Exhaustion(() => this.#metrics.refused("limit_pending"), clock, logger);
    this.#admission = new Admission(
      options,
      {
        closedFor: () => this.#closedFor(),
        arrived: (socket) => this.#policy.limits.arrive(this, socket),
        assign: (socket) => this.#assign(socket),
        // No process is between admission and the worker: one loop reads as fast as it can answer.
        room: () => Number.POSITIVE_INFINITY,
        accepted: () => this.#metrics.accepted(),
        refused: (why) => this.#metrics.refused(why),
        left: (socket) => this.#policy.limits.left(this, socket),
      },
      new PeerAddress(options, this.#policy.limits.byAddress),
      clock,
      { lingeringCloses },
    );
    const events = { taken: () => {}, undeliverable: (socket: PendingSocket) => this.#takeAfterAll(socket) };
    this.#misplaced = new HandOffs(primary, events, clock, "misplaced");
    this.#sweeper = clock.every(SWEEP_MS, () => this.#sweep());
  }

  /** Sockets that are not the worker's yet. */
  get pending(): number {
    return this.#admission.pending + this.#misplaced.waiting;
  }

  /** Listens on every port; all or none. Rejects with the system's error. */
  async open(): Promise<void> {
    const { host, ports, backlog } = this.#options;
    const opened: TcpListener[] = [];
    try {
      for (const port of ports) {
        const options = { host, port, backlog, reusePort: true };
        opened.push(await TcpListener.open(options, (handle) => this.accept(handle)));
      }
    } catch (error) {
      for (const listener of opened) listener.close();
      throw error;
    }
    // A drain may have come first.
    if (this.#policy.isOpen) this.#listeners = opened;
    else for (const listener of opened) listener.close();
  }

  /** A connection; undefined when the system could not accept one. */
  accept(handle: TcpHandle | undefined): void {
    if (handle === undefined) this.#exhaustion.met();
    else this.#admission.accept(handle);
  }

  /** From now on a health check at the cap is not told that all is well. */
  unready(): void {
    this.#policy.unready();
  }

  /** Stops listening, and tells who is in admission that the server is going away. Idempotent. */
  refuse(): void {
    if (!this.#policy.refuse()) return;
    for (const listener of this.#listeners) listener.close();
    this.#admission.shut();
  }

  /** Idempotent. */
  close(): void {
    this.refuse();
    if (!this.#policy.close()) return;
    this.#sweeper.cancel();
    this.#admission.turnAway("draining");
    this.#admission.close();
  }

  snapshot(): Promise<MetricsSnapshot> {
    return snapshotOf(this.#registry);
  }

  #closedFor(): "draining" | "limit_connections" | undefined {
    if (!this.#policy.isOpen) return "draining";
    return this.#policy.isFull(READ_WHEN_FULL) ? "limit_connections" : undefined;
  }

  #assign(socket: PendingSocket): Assignment {
    if (this.#isMisplaced(socket)) {
      this.#misplaced.push(socket);
      return "assigned";
    }
    const refusal = this.#policy.judge(socket);
    if (refusal === undefined) this.#take(socket);
    return refusal ?? "assigned";
  }

  /** Whether it is for the primary to route, and the primary routes. */
  #isMisplaced({ sid }: PendingSocket): boolean {
    const owner = sid === undefined ? undefined : ownerOf(sid);
    if (owner === undefined || owner.slot === this.#worker.owner.slot) return false;
    return owner.slot < this.#options.workers && !this.#isPrimaryStuck();
  }

  #isPrimaryStuck(): boolean {
    return this.#misplaced.waitingMs > STUCK_MS || this.#misplaced.waiting >= MAX_MISPLACED;
  }

  /** While it is still in admission, this holds it twice, so that it is never held by none. */
  #take(socket: PendingSocket): void {
    const { handle, head, address } = socket;
    this.#policy.limits.opened(socket);
    this.#policy.limits.hold(this, address);
    this.#worker.take(handle, head, () => this.#policy.limits.release(this, address));
  }

  /** The primary does not take it. */
  #takeAfterAll(socket: PendingSocket): void {
    if (!this.#policy.isOpen) return this.#admission.answers.refuse(socket, "draining");
    const refusal = this.#policy.judge(socket, false);
    if (refusal === undefined) this.#take(socket);
    else if (refusal === "healthy") this.#admission.answers.reassure(socket);
    else this.#admission.answers.refuse(socket, refusal);
  }

  /** What waits for a stuck primary is taken here; the one under way may arrive yet. */
  #sweep(): void {
    this.#policy.limits.sweep();
    if (this.#misplaced.waitingMs <= STUCK_MS) return;
    for (const socket of this.#misplaced.takeBackQueued()) this.#takeAfterAll(socket);
  }
}
