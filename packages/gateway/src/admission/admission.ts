/**
 * Admission: every socket from `accept` to the hand-off.
 *
 *     accepted ──► intake (parked ──► reading) ──► unassigned ──► handed over
 *         └─ 503            └──── 408, 431, 400 ────┘ (503 when no worker comes)
 *
 * A request head is read to its end before its socket is routed (`intake.ts`), and reading has stopped before
 * it is handed over: what arrives later waits in the kernel for the worker. Whole heads wait in order for a
 * worker (`unassigned.ts`); a socket that is refused gets an answer that says why (`door-answers.ts`).
 * Invariants: `accept` never takes `pending` beyond `maxPending` (what a dead worker did not take comes on
 * top); no socket stays longer than `headTimeoutMs` in one state; none is dropped because a worker died;
 * `left` is called once for each place that becomes free, after it has.
 */
import type { Clock, Timer } from "@holdfast/core";
import type { TcpHandle } from "../runtime/tcp-handle.js";
import { DoorAnswers, type DoorAnswersParts } from "./door-answers.js";
import type { Refused } from "./front-answers.js";
import { Intake, type IntakeOptions } from "./intake.js";
import type { PeerAddress } from "./peer-address.js";
import { PendingSocket } from "./pending-socket.js";
import { type Assignment, Unassigned } from "./unassigned.js";

export interface AdmissionOptions extends IntakeOptions {
  /** Time in one state, ms. */
  readonly headTimeoutMs: number;
  /** Origins whose pages may read why they are refused; `*` is all. Undefined: the page's own host only. */
  readonly origins?: readonly string[] | undefined;
}

/** What admission asks of its surroundings. */
export interface AdmissionEvents {
  /** Why nothing is admitted now, if so. */
  closedFor(): Refused | undefined;
  /** One whose client's address is known already: why it is refused, unread, if it is. */
  arrived(socket: PendingSocket): Refused | undefined;
  /**
   * Queues the socket for a worker, or says why not: `later` when no worker is there, a refusal otherwise.
   */
  assign(socket: PendingSocket): Assignment;
  /** How many heads may be read now, given the queues of the workers. */
  room(): number;
  accepted(): void;
  refused(refused: Refused): void;
  /** A socket has left, whatever became of it: its place is free. */
  left(socket: PendingSocket): void;
}

/** What a test replaces. */
export type AdmissionParts = DoorAnswersParts;

const SWEEP_MS = 250;

export class Admission {
  /** Refuses or reassures a socket that is not here any more: it was handed over and came back. */
  readonly answers: DoorAnswers;
  readonly #options: AdmissionOptions;
  readonly #events: AdmissionEvents;
  readonly #clock: Clock;
  readonly #peerAddress: PeerAddress;
  readonly #intake: Intake;
  readonly #unassigned: Unassigned;
  readonly #sweeper: Timer;

  constructor(
    options: AdmissionOptions,
    events: AdmissionEvents,
    peerAddress: PeerAddress,
    clock: Clock,
    parts: AdmissionParts = {},
  ) {
    this.#options = options;
    this.#events = events;
    this.#clock = clock;
    this.#peerAddress = peerAddress;
    this.answers = new DoorAnswers(options, (why) => events.refused(why), clock, parts);
    this.#unassigned = new Unassigned(
      {
        assign: (socket) => events.assign(socket),
        settled: (socket, how) => this.#settle(socket, how),
      },
      clock,
    );
    this.#intake = new Intake(
      options,
      {
        whole: (socket) => this.#arrived(socket),
        refused: (socket, why) => this.#settle(socket, why),
        ended: (socket) => {
          socket.handle.close();
          events.left(socket);
        },
        turned: () => this.proceed(),
        room: () => (this.#unassigned.length > 0 ? 0 : events.room()),
        bytesBehind: () => this.#unassigned.bytes,
      },
      peerAddress,
      clock,
      parts.readNow,
    );
    this.#sweeper = clock.every(SWEEP_MS, () => this.#sweep());
  }

  /** Sockets here, in whatever state. */
  get pending(): number {
    return this.#intake.size + this.#unassigned.length;
  }

  /** Bytes of the heads here. */
  get pendingBytes(): number {
    return this.#intake.bytes + this.#unassigned.bytes;
  }

  accept(handle: TcpHandle): void {
    this.#clock.rest?.wake();
    this.#events.accepted();
    const refused = this.#closedFor();
    const socket = new PendingSocket(handle, this.#clock.monotonic());
    const mayAsk = refused === "draining" && this.pending < this.#options.maxPending;
    if (refused !== undefined && !mayAsk) return this.answers.refuse(socket, refused);
    const unwelcome = this.#peerAddress.arrive(socket) ? this.#events.arrived(socket) : undefined;
    if (unwelcome !== undefined) return this.answers.refuse(socket, unwelcome);
    // The answer depends on the request: an EventSource would never come back after a 503.
    if (mayAsk) this.#intake.read(socket);
    else this.#intake.add(socket);
  }

  /** One whose head was read elsewhere, and whose reading has stopped. */
  acceptRead(socket: PendingSocket): void {
    const refused = this.#closedFor();
    if (refused !== undefined) return this.answers.refuse(socket, refused);
    this.#assign(socket);
  }

  /** Sockets that a worker did not take after all: they are routed again. */
  takeBack(sockets: readonly PendingSocket[]): void {
    for (const socket of sockets) this.#assign(socket);
  }

  /** A worker has room, or has come: continue with those that wait. */
  proceed(): void {
    if (this.#unassigned.settle()) this.#intake.proceed();
  }

  /**
   * The door closes: sockets that asked already are refused, and the others when they have asked. A browser
   * that opened one ahead would take an earlier answer for the one to its request.
   */
  shut(): void {
    for (const socket of this.#unassigned.drain()) this.#settle(socket, "draining");
    this.#intake.readAll();
  }

  /** Refuses all sockets that are here. */
  turnAway(why: Refused): void {
    for (const socket of this.#unassigned.drain()) this.#settle(socket, why);
    this.#intake.turnAway(why);
  }

  /** Ends the timer, and with it every deadline: refuse all sockets first. Idempotent. */
  close(): void {
    this.#sweeper.cancel();
    this.answers.close();
  }

  #closedFor(): Refused | undefined {
    const { maxPending } = this.#options;
    const closed = this.#events.closedFor();
    if (closed !== undefined) return closed;
    if (this.pending >= maxPending) this.#intake.thin(this.pending);
    return this.pending >= maxPending ? "limit_pending" : undefined;
  }

  /** Its head is whole. Where no worker takes any, it waits with its bytes, or finds no room for them. */
  #arrived(socket: PendingSocket): void {
    const { maxPendingBytes } = this.#options;
    if (this.#unassigned.length > 0 && this.pendingBytes + socket.head.length > maxPendingBytes)
      return this.#settle(socket, "limit_head_bytes");
    this.#assign(socket);
  }

  #assign(socket: PendingSocket): void {
    if (this.#events.closedFor() === "draining") return this.#settle(socket, "draining");
    if (!this.#unassigned.add(socket)) this.#intake.lighten();
  }

  /** A socket has left: to a worker or with an answer. Its place has just become free. */
  #settle(socket: PendingSocket, how: Exclude<Assignment, "later">): void {
    if (how === "healthy") this.answers.reassure(socket);
    else if (how !== "assigned") this.answers.refuse(socket, how);
    this.#events.left(socket);
  }

  #sweep(): void {
    const oldest = this.#clock.monotonic() - this.#options.headTimeoutMs;
    this.#intake.expire(oldest);
    this.#unassigned.expire(oldest);
    this.#intake.thin(this.pending);
    this.answers.sweep();
    this.proceed();
  }
}
