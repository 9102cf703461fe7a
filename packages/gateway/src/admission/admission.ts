/**
 * Admission: every socket from `accept` to the hand-off.
 *
 *     accepted ──► parked ──► reading ──► queued for a worker ──► handed over
 *         └─ 503       └───── 408, 431, 400 ─────┘ (503 when no worker comes)
 *
 * A request head is read to its end before its socket is routed, and reading has stopped before it is handed over:
 * what arrives later waits in the kernel for the worker. Heads are read only as fast as workers take them, the rest is
 * parked unread. Invariants: `accept` never takes `pending` beyond `maxPending` (what a dead worker did not take comes on
 * top); nobody stays longer than `headTimeoutMs` in one state; a socket that is refused gets an answer that says why;
 * none is dropped because a worker died.
 */
import type { Clock, Timer } from "@holdfast/core";
import type { TcpHandle } from "../tcp-handle.js";
import { Farewells } from "./farewells.js";
import { frontAnswer, HEALTHY, type Refused } from "./front-answers.js";
import type { Introduction } from "./introduction.js";
import { PendingSocket } from "./pending-socket.js";
import { headEnd, mayBeHttp, requestTarget } from "./request-head.js";

export interface AdmissionOptions {
  /** Sockets between accept and hand-off; further ones are refused. */
  readonly maxPending: number;
  /** Time in one state, ms. */
  readonly headTimeoutMs: number;
  /** Bytes of one request head. */
  readonly maxHeadBytes: number;
}

/** What admission asks of its surroundings. */
export interface AdmissionEvents {
  /** Why nothing is admitted now, if so. */
  closedFor(): Refused | undefined;
  /** Queues the socket for a worker, or says why not: `later` when no worker is there, a refusal otherwise. */
  assign(socket: PendingSocket): Assignment;
  /** How many heads may be read now, given the queues of the workers. */
  room(): number;
  accepted(): void;
  refused(refused: Refused): void;
}

/** What became of a socket whose head is whole. */
export type Assignment = "assigned" | "later" | "healthy" | Refused;

const SWEEP_MS = 250;

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #events: AdmissionEvents;
  readonly #clock: Clock;
  readonly #farewells: Farewells;
  readonly #introduction: Introduction;
  readonly #sweeper: Timer;
  /** By socket, because a handle calls back with nothing but itself. */
  readonly #byHandle = new Map<TcpHandle, PendingSocket>();
  /** Each in order of arrival in the state, hence of deadline. */
  readonly #parked = new Set<PendingSocket>();
  readonly #reading = new Set<PendingSocket>();
  /** Whole heads that no worker could take yet. */
  readonly #unassigned = new Set<PendingSocket>();
  /** Reads begun in this turn of the loop and the one before: their heads are as good as queued. */
  #fresh = 0;
  #freshBefore = 0;
  #turn: "idle" | "scheduled" = "idle";
  readonly #onread: TcpHandle["onread"];

  constructor(
    options: AdmissionOptions,
    events: AdmissionEvents,
    introduction: Introduction,
    clock: Clock,
    farewells = new Farewells(clock),
  ) {
    this.#options = options;
    this.#events = events;
    this.#introduction = introduction;
    this.#clock = clock;
    this.#farewells = farewells;
    this.#sweeper = clock.every(SWEEP_MS, () => this.#sweep());
    const admission = this;
    this.#onread = function (bytes) {
      admission.#read(this, bytes);
    };
  }

  /** Sockets here, in whatever state. */
  get pending(): number {
    return this.#byHandle.size;
  }

  accept(handle: TcpHandle): void {
    this.#events.accepted();
    const refused = this.#closedFor();
    if (refused !== undefined) return this.#answer(handle, refused);
    const socket = new PendingSocket(handle, this.#clock.monotonic());
    this.#byHandle.set(handle, socket);
    if (this.#parked.size === 0 && this.#mayRead()) this.#startReading(socket);
    else this.#parked.add(socket);
  }

  /** One whose head was read elsewhere, and whose reading has stopped. */
  acceptRead(socket: PendingSocket): void {
    const refused = this.#closedFor();
    if (refused !== undefined) return this.#answer(socket.handle, refused);
    this.takeBack([socket]);
  }

  /** Sockets that a worker did not take after all: they are routed again. */
  takeBack(sockets: readonly PendingSocket[]): void {
    for (const socket of sockets) {
      this.#byHandle.set(socket.handle, socket);
      this.#assign(socket);
    }
  }

  /** A worker has room, or has come: continue with those that wait. */
  proceed(): void {
    for (const socket of this.#unassigned) {
      if (!this.#settle(socket)) break;
    }
    for (const socket of this.#parked) {
      if (!this.#mayRead()) return;
      this.#parked.delete(socket);
      this.#startReading(socket);
    }
  }

  /** Refuses one that is here, or that was handed over and came back. */
  refuse(socket: PendingSocket, why: Refused): void {
    this.#forget(socket);
    this.#answer(socket.handle, why);
  }

  /** Refuses everybody who is here. */
  turnAway(why: Refused): void {
    for (const socket of this.#byHandle.values()) this.refuse(socket, why);
  }

  /** Ends the timer, and with it every deadline: turn everybody away first. Idempotent. */
  close(): void {
    this.#sweeper.cancel();
    this.#farewells.close();
  }

  #closedFor(): Refused | undefined {
    return (
      this.#events.closedFor() ?? (this.pending >= this.#options.maxPending ? "limit_pending" : undefined)
    );
  }

  #mayRead(): boolean {
    return this.#unassigned.size === 0 && this.#fresh + this.#freshBefore < this.#events.room();
  }

  #startReading(socket: PendingSocket): void {
    socket.since = this.#clock.monotonic();
    this.#reading.add(socket);
    this.#fresh++;
    if (this.#turn === "idle") this.#scheduleTurn();
    socket.handle.onread = this.#onread;
    socket.handle.readStart();
  }

  /** Silent senders stop counting after two turns, or a few of them would close the door to everybody. */
  #scheduleTurn(): void {
    this.#turn = "scheduled";
    this.#clock.defer(() => {
      this.#freshBefore = this.#fresh;
      this.#fresh = 0;
      this.#turn = "idle";
      if (this.#freshBefore > 0) this.#scheduleTurn();
      this.proceed();
    });
  }

  #read(handle: TcpHandle, bytes: ArrayBuffer | undefined): void {
    const socket = this.#byHandle.get(handle);
    if (socket === undefined) return;
    if (bytes === undefined) {
      this.#forget(socket);
      handle.close();
      return;
    }
    const searched = socket.introduced ? socket.head.length : 0;
    socket.append(Buffer.from(bytes));
    const introduction = this.#introduction.begin(socket);
    if (introduction === "incomplete") return;
    if (introduction === "invalid") return this.refuse(socket, "bad_proxy_header");
    const end = headEnd(socket.head, searched);
    if (end === -1) {
      if (!mayBeHttp(socket.head)) this.refuse(socket, "not_http");
      else if (socket.head.length > this.#options.maxHeadBytes) this.refuse(socket, "big_head");
      return;
    }
    if (end > this.#options.maxHeadBytes) return this.refuse(socket, "big_head");
    handle.readStop();
    const target = requestTarget(socket.head);
    if (target === undefined) return this.refuse(socket, "not_http");
    socket.target = target;
    this.#introduction.complete(socket);
    this.#reading.delete(socket);
    this.#assign(socket);
  }

  #assign(socket: PendingSocket): void {
    socket.since = this.#clock.monotonic();
    if (this.#unassigned.size > 0 || !this.#settle(socket)) this.#unassigned.add(socket);
  }

  /** Whether the socket has left: to a worker or with an answer. */
  #settle(socket: PendingSocket): boolean {
    const assignment = this.#events.assign(socket);
    if (assignment === "later") return false;
    this.#forget(socket);
    if (assignment === "healthy") this.#farewells.say(socket.handle, HEALTHY);
    else if (assignment !== "assigned") this.#answer(socket.handle, assignment);
    return true;
  }

  #sweep(): void {
    const oldest = this.#clock.monotonic() - this.#options.headTimeoutMs;
    this.#expire(this.#reading, oldest, "slow_head");
    this.#expire(this.#unassigned, oldest, "no_worker");
    this.#expire(this.#parked, oldest, "no_worker");
    this.#farewells.sweep();
    this.proceed();
  }

  #expire(sockets: ReadonlySet<PendingSocket>, oldest: number, why: Refused): void {
    for (const socket of sockets) {
      if (socket.since > oldest) return;
      this.refuse(socket, why);
    }
  }

  #forget(socket: PendingSocket): void {
    this.#byHandle.delete(socket.handle);
    this.#parked.delete(socket);
    this.#reading.delete(socket);
    this.#unassigned.delete(socket);
  }

  #answer(handle: TcpHandle, why: Refused): void {
    this.#events.refused(why);
    handle.readStop();
    this.#farewells.say(handle, frontAnswer(why, Math.random()));
  }
}
