/**
 * The destinations of a front door: the workers that are ready, and what they know of the door.
 *
 * Routes sockets to them (`Router`) and tells them when the door is shut or full. Invariant: a worker that
 * joins learns at once what the others know.
 */
import type { Clock } from "@holdfast/core";
import { LINK_SHARES } from "../../link/link.js";
import type { WorkerProcess } from "../workers/worker-process.js";
import { Destination } from "./destination.js";
import { Router } from "./router.js";

/** What workers are told of the door. */
export interface DoorNews {
  /** No connection is accepted. */
  readonly isShut: boolean;
  /** The instance holds as many connections as it may. */
  readonly isFull: boolean;
}

export class Destinations {
  /** Sockets that one of them may hold. */
  readonly #maxSockets: number;
  readonly #isCollecting: (worker: WorkerProcess) => boolean;
  readonly #clock: Clock;
  readonly #router = new Router();
  #all: readonly Destination[] = [];
  /** As the workers know it. */
  #told: DoorNews = { isShut: false, isFull: false };

  constructor(maxSockets: number, isCollecting: (worker: WorkerProcess) => boolean, clock: Clock) {
    this.#maxSockets = maxSockets;
    this.#isCollecting = isCollecting;
    this.#clock = clock;
  }

  /** Sockets and polled sessions that they hold. */
  get sockets(): number {
    let sockets = 0;
    for (const destination of this.#all) sockets += destination.sockets;
    return sockets;
  }

  /** How many sockets more may wait for them. */
  get room(): number {
    let room = 0;
    for (const destination of this.#all) room += destination.room;
    return room;
  }

  get ready(): readonly WorkerProcess[] {
    return this.#all.filter(({ state }) => state === "ready").map(({ worker }) => worker);
  }

  joined(worker: WorkerProcess): void {
    this.#all = [...this.#all, new Destination(worker, this.#maxSockets, this.#isCollecting)];
    if (this.#told.isShut) worker.send({ type: "door", shut: true }, LINK_SHARES.urgent);
    if (this.#told.isFull) worker.send({ type: "full", full: true }, LINK_SHARES.urgent);
  }

  lost(worker: WorkerProcess): void {
    this.#all = this.#all.filter((destination) => destination.worker !== worker);
  }

  /** The worker for a socket; undefined while none can take it. */
  route(sid: string | undefined): WorkerProcess | undefined {
    return this.#router.route(this.#all, sid)?.worker;
  }

  /** It could not receive a socket. */
  rest(worker: WorkerProcess): void {
    this.#all.find((each) => each.worker === worker)?.rest(this.#clock.monotonic());
  }

  /** Calls `stuck` with each that takes nothing: what is queued for it should go to others. */
  check(stuck: (worker: WorkerProcess) => void): void {
    const now = this.#clock.monotonic();
    for (const destination of this.#all) if (destination.check(now)) stuck(destination.worker);
  }

  /** Tells them what they do not know yet; true where the door was shut or opened. */
  tell({ isShut, isFull }: DoorNews): boolean {
    const before = this.#told;
    this.#told = { isShut, isFull };
    for (const { worker } of this.#all) {
      if (isShut !== before.isShut) worker.send({ type: "door", shut: isShut }, LINK_SHARES.urgent);
      if (isFull !== before.isFull) worker.send({ type: "full", full: isFull }, LINK_SHARES.urgent);
    }
    return isShut !== before.isShut;
  }
}
