/**
 * The gate: whether the listeners accept, by how full the door is.
 *
 *     open ──nearly full──► paused ──half empty──► open        (nothing else pauses or resumes)
 *
 * Paused, the kernel's backlog holds new connections. Invariant: it opens again with the place that makes the
 * door half empty, however that place became free, and at the latest with the next `look`.
 */
import type { Clock } from "@holdfast/core";
import { isNearlyFull } from "../../admission/crowd.js";
import type { ListenHandle } from "../../runtime/tcp-handle.js";
import type { WorkerProcess } from "../workers/worker-process.js";
import { Listeners } from "./listeners.js";

/**
 * The part of the places at which accepting resumes. Between pause and full is room for a listener that
 * cannot pause yet.
 */
const RESUME_AT = 0.5;

export interface GateEvents {
  /** Sockets that are in the door. */
  pending(): number;
  /** Those that are ready: they can copy a listening handle. */
  workers(): readonly WorkerProcess[];
  /** A listener has paused. */
  paused(): void;
}

export class Gate {
  readonly #maxPending: number;
  readonly #events: GateEvents;
  readonly #clock: Clock;
  #listeners: Listeners;
  #state:
    | { readonly t: "open" }
    /** `since`: monotonic ms. */
    | { readonly t: "paused"; readonly since: number }
    | { readonly t: "closed" } = { t: "open" };

  constructor(maxPending: number, events: GateEvents, clock: Clock) {
    this.#maxPending = maxPending;
    this.#events = events;
    this.#clock = clock;
    this.#listeners = Listeners.none(clock);
  }

  /** How long no listener has accepted, ms. */
  get shutMs(): number {
    return this.#state.t === "paused" ? this.#clock.monotonic() - this.#state.since : 0;
  }

  /** Takes these over. */
  guard(listeners: Listeners): void {
    this.#listeners = listeners;
    if (this.#state.t === "closed") listeners.close();
    else listeners.copyBy(this.#events.workers());
  }

  /** A socket has come in: pauses when the door is nearly full, each listener once it can. */
  entered(): void {
    if (!isNearlyFull(this.#events.pending(), this.#maxPending)) return;
    const paused = this.#listeners.pause();
    if (paused === 0) return;
    if (this.#state.t === "open") this.#state = { t: "paused", since: this.#clock.monotonic() };
    for (let i = 0; i < paused; i++) this.#events.paused();
  }

  /** A place has become free, or time has passed: resumes when the door is half empty. */
  look(): void {
    if (this.#state.t !== "paused" || this.#events.pending() > this.#maxPending * RESUME_AT) return;
    this.#resume();
  }

  /** Accepts from now on, however full: new connections are told to go away. */
  holdOpen(): void {
    if (this.#state.t === "paused") this.#resume();
  }

  /** A worker has become ready, or time has passed: has the copies made that are missing. */
  copy(): void {
    this.#listeners.copyBy(this.#events.workers());
  }

  /** A copy of the listening handle of `port` has come: that listener can pause, and accept more at once. */
  copied(port: number, copy: ListenHandle): void {
    this.#listeners.copied(port, copy, this.#events.workers());
  }

  /** A worker is gone, and the copies that it was to make. */
  lost(worker: WorkerProcess): void {
    this.#listeners.lost(worker, this.#events.workers());
  }

  /** Stops listening. Idempotent. */
  close(): void {
    this.#state = { t: "closed" };
    this.#listeners.close();
  }

  #resume(): void {
    this.#state = { t: "open" };
    this.#listeners.resume(this.#events.workers());
  }
}
