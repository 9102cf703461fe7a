/**
 * Admission: every socket from `accept` to the hand-off.
 *
 *     accepted ──► parked ──► reading ──► queued for a worker ──► handed over
 *         └─ 503       └───── 408, 431, 400 ─────┘ (503 when no worker comes)
 *
 * A request head is read to its end before its socket is routed, and reading has stopped before it is handed
 * over: what arrives later waits in the kernel for the worker. Heads are read only as fast as workers take
 * them, the rest is parked unread, and their addresses take turns. Nearly full, sockets whose head does not
 * come give their places up (`crowd.ts`). So do those with most bytes, where heads have more than
 * `maxPendingBytes`. Invariants: `accept` never takes `pending` beyond `maxPending` (what a dead worker did
 * not take comes on top); no socket stays longer than `headTimeoutMs` in one state; a socket that is refused
 * gets an answer that says why; none is dropped because a worker died; `left` is called once for each place
 * that becomes free, after it has.
 */
import { type Clock, FairQueue, type Timer } from "@holdfast/core";
import { DateField } from "../http/date-field.js";
import { type OriginCheck, originCheck } from "../http/origin.js";
import { Fifo } from "../runtime/fifo.js";
import { readNow, type TcpHandle } from "../runtime/tcp-handle.js";
import { heaviest, isNearlyFull, superfluous } from "./crowd.js";
import { frontAnswer, healthyAnswer, type Refused } from "./front-answers.js";
import { frontCorsLines } from "./front-cors.js";
import { type HeadEvents, HeadReader } from "./head-reader.js";
import { LingeringCloses } from "./lingering-closes.js";
import type { PeerAddress } from "./peer-address.js";
import { PendingSocket } from "./pending-socket.js";

export interface AdmissionOptions {
  /** Sockets between accept and hand-off; further ones are refused. */
  readonly maxPending: number;
  /** Time in one state, ms. */
  readonly headTimeoutMs: number;
  /** Bytes of one request head. */
  readonly maxHeadBytes: number;
  /** Bytes of all heads here, and of what came right behind them. */
  readonly maxPendingBytes: number;
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

/** What became of a socket whose head is whole. */
export type Assignment = "assigned" | "later" | "healthy" | Refused;

const SWEEP_MS = 250;
/** Bytes that are read of a request which is refused unread; its origin stands among the first headers. */
const PEEK_BYTES = 2048;
/**
 * The part of their bytes to which heads are cut when they have too many, so that the search for the heaviest
 * is rare.
 */
const HEAD_BYTES_LEFT = 7 / 8;
/** A full door looks for superfluous sockets at most this often, ms. */
const THIN_MS = 50;

/** What a test replaces. */
export interface AdmissionParts {
  readonly lingeringCloses?: LingeringCloses;
  /** Reads what has arrived on a handle. */
  readonly readNow?: typeof readNow;
}

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #events: AdmissionEvents;
  readonly #clock: Clock;
  readonly #lingeringCloses: LingeringCloses;
  readonly #date: DateField;
  readonly #heads: HeadReader;
  #mayComeFrom: OriginCheck;
  readonly #readNow: typeof readNow;
  readonly #peeked = Buffer.alloc(PEEK_BYTES);
  readonly #peerAddress: PeerAddress;
  readonly #sweeper: Timer;
  /**
   * Unread. Their addresses take turns, so that no socket, a health check least, waits behind all that
   * another address opens.
   */
  readonly #parked = new FairQueue<string, PendingSocket>();
  /** Whole heads that no worker could take yet, in order. */
  readonly #unassigned = new Fifo<PendingSocket>();
  #unassignedBytes = 0;
  /** Reads begun in this turn of the loop and the one before: their heads are as good as queued. */
  #fresh = 0;
  #freshBefore = 0;
  #turn: "idle" | "scheduled" = "idle";
  #thinnedAt = Number.NEGATIVE_INFINITY;

  constructor(
    options: AdmissionOptions,
    events: AdmissionEvents,
    peerAddress: PeerAddress,
    clock: Clock,
    { lingeringCloses = new LingeringCloses(clock), readNow: read = readNow }: AdmissionParts = {},
  ) {
    this.#mayComeFrom = originCheck(options.origins);
    this.#readNow = read;
    this.#options = options;
    this.#events = events;
    this.#clock = clock;
    this.#date = new DateField(clock);
    this.#lingeringCloses = lingeringCloses;
    const heads: HeadEvents = {
      whole: (socket) => this.#arrived(socket),
      refused: (socket, why) => this.#dismiss(socket, why),
      ended: (socket) => {
        socket.handle.close();
        this.#events.left(socket);
      },
      grown: () => this.#lighten(),
    };
    this.#peerAddress = peerAddress;
    this.#heads = new HeadReader(options.maxHeadBytes, peerAddress, heads, clock, read);
    this.#sweeper = clock.every(SWEEP_MS, () => this.#sweep());
  }

  /** Sockets here, in whatever state. */
  get pending(): number {
    return this.#parked.size + this.#heads.reading.size + this.#unassigned.length;
  }

  /** Bytes of the heads here. */
  get pendingBytes(): number {
    return this.#heads.bytes + this.#unassignedBytes;
  }

  /** From now on pages of these origins may read why they are refused. */
  allow(origins: AdmissionOptions["origins"]): void {
    this.#mayComeFrom = originCheck(origins);
  }

  accept(handle: TcpHandle): void {
    this.#events.accepted();
    const refused = this.#closedFor();
    const socket = new PendingSocket(handle, this.#clock.monotonic());
    const mayAsk = refused === "draining" && this.pending < this.#options.maxPending;
    if (refused !== undefined && !mayAsk) return this.#answer(socket, refused);
    const unwelcome = this.#peerAddress.arrive(socket) ? this.#events.arrived(socket) : undefined;
    if (unwelcome !== undefined) return this.#answer(socket, unwelcome);
    // The answer depends on the request: an EventSource would never come back after a 503.
    if (mayAsk) this.#heads.start(socket);
    else if (this.#parked.size > 0 || !this.#mayRead()) {
      socket.from = this.#peerAddress.senderOf(socket);
      this.#parked.add(socket.from, socket);
    } else {
      this.#countFresh();
      this.#heads.start(socket);
    }
  }

  /** One whose head was read elsewhere, and whose reading has stopped. */
  acceptRead(socket: PendingSocket): void {
    const refused = this.#closedFor();
    if (refused !== undefined) return this.refuse(socket, refused);
    this.#assign(socket);
  }

  /** Sockets that a worker did not take after all: they are routed again. */
  takeBack(sockets: readonly PendingSocket[]): void {
    for (const socket of sockets) this.#assign(socket);
  }

  /** A worker has room, or has come: continue with those that wait. */
  proceed(): void {
    while (this.#unassigned.length > 0) if (!this.#settleFirst()) return;
    while (this.#parked.size > 0 && this.#mayRead()) {
      const socket = this.#parked.shift();
      if (socket === undefined) return;
      const reading = this.#heads.reading.size;
      this.#heads.startLate(socket);
      if (this.#heads.reading.size > reading) this.#countFresh();
    }
  }

  /** Refuses one that is not here: it was handed over and came back. */
  refuse(socket: PendingSocket, why: Refused): void {
    this.#answer(socket, why);
  }

  /** Answers a health check that is not here any more. */
  reassure({ handle, head }: PendingSocket): void {
    this.#lingeringCloses.say(handle, healthyAnswer(this.#date.now, head));
  }

  /**
   * The door closes: sockets that asked already are refused, and the others when they have asked. A browser
   * that opened one ahead would take an earlier answer for the one to its request.
   */
  shut(): void {
    for (const socket of this.#takeUnassigned()) this.#dismiss(socket, "draining");
    for (const socket of this.#parked.drain()) this.#heads.startLate(socket);
  }

  /** Refuses all sockets that are here. */
  turnAway(why: Refused): void {
    for (const socket of this.#takeUnassigned()) this.#dismiss(socket, why);
    for (const socket of this.#heads.reading.values()) this.#refuseReading(socket, why);
    for (const socket of this.#parked.drain()) this.#dismiss(socket, why);
  }

  /** Ends the timer, and with it every deadline: refuse all sockets first. Idempotent. */
  close(): void {
    this.#sweeper.cancel();
    this.#lingeringCloses.close();
  }

  #closedFor(): Refused | undefined {
    const { maxPending } = this.#options;
    const closed = this.#events.closedFor();
    if (closed !== undefined) return closed;
    if (this.pending >= maxPending) this.#thin();
    return this.pending >= maxPending ? "limit_pending" : undefined;
  }

  /** Takes their places from sockets whose head does not come, if the door is nearly full of them. */
  #thin(): void {
    const now = this.#clock.monotonic();
    if (now - this.#thinnedAt < THIN_MS || !isNearlyFull(this.pending, this.#options.maxPending)) return;
    this.#thinnedAt = now;
    const { reading } = this.#heads;
    const senderOf = (socket: PendingSocket): string => this.#peerAddress.senderOf(socket);
    for (const socket of superfluous(reading, this.#options.maxPending, now, senderOf)) {
      this.#refuseReading(socket, "limit_silent");
    }
  }

  /** Takes their places from sockets whose heads have most bytes, if all have too many. */
  #lighten(): void {
    const { maxPendingBytes } = this.#options;
    if (this.pendingBytes <= maxPendingBytes) return;
    const surplus = this.pendingBytes - Math.floor(maxPendingBytes * HEAD_BYTES_LEFT);
    const senderOf = (socket: PendingSocket): string => this.#peerAddress.senderOf(socket);
    for (const socket of heaviest(this.#heads.reading.values(), surplus, senderOf))
      this.#refuseReading(socket, "limit_head_bytes");
  }

  #mayRead(): boolean {
    return this.#unassigned.length === 0 && this.#fresh + this.#freshBefore < this.#events.room();
  }

  /** Silent senders stop counting after two turns, or a few of them would close the door to all clients. */
  #countFresh(): void {
    this.#fresh++;
    if (this.#turn === "idle") this.#scheduleTurn();
  }

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

  /** Its head is whole. Where no worker takes any, it waits with its bytes, or finds no room for them. */
  #arrived(socket: PendingSocket): void {
    const { maxPendingBytes } = this.#options;
    if (this.#unassigned.length > 0 && this.pendingBytes + socket.head.length > maxPendingBytes)
      return this.#dismiss(socket, "limit_head_bytes");
    this.#assign(socket);
  }

  #assign(socket: PendingSocket): void {
    if (this.#events.closedFor() === "draining") return this.#dismiss(socket, "draining");
    this.#unassigned.push(socket);
    this.#unassignedBytes += socket.head.length;
    if (this.#unassigned.length === 1 && this.#settleFirst()) return;
    socket.since = this.#clock.monotonic();
    this.#lighten();
  }

  /** Whether the first that is unassigned has left: to a worker or with an answer. */
  #settleFirst(): boolean {
    const socket = this.#unassigned.first;
    const bytes = socket?.head.length ?? 0;
    const assignment = socket === undefined ? "later" : this.#events.assign(socket);
    if (socket === undefined || assignment === "later") return false;
    this.#unassigned.shift();
    this.#unassignedBytes -= bytes;
    if (assignment === "healthy") this.reassure(socket);
    else if (assignment !== "assigned") this.refuse(socket, assignment);
    this.#events.left(socket);
    return true;
  }

  #takeUnassigned(): readonly PendingSocket[] {
    this.#unassignedBytes = 0;
    return this.#unassigned.drain();
  }

  #sweep(): void {
    const oldest = this.#clock.monotonic() - this.#options.headTimeoutMs;
    for (const socket of this.#heads.reading.values()) {
      if (socket.since > oldest) break;
      this.#refuseReading(socket, "slow_head");
    }
    this.#expire(oldest);
    this.#thin();
    this.#lingeringCloses.sweep();
    this.proceed();
  }

  #expire(oldest: number): void {
    for (const socket of this.#parked.all()) {
      if (socket.since <= oldest && this.#parked.delete(socket.from, socket))
        this.#dismiss(socket, "no_worker");
    }
    for (let first = this.#unassigned.first; first !== undefined && first.since <= oldest; ) {
      this.#unassigned.shift();
      this.#unassignedBytes -= first.head.length;
      this.#dismiss(first, "no_worker");
      first = this.#unassigned.first;
    }
  }

  #refuseReading(socket: PendingSocket, why: Refused): void {
    this.#heads.forget(socket);
    this.#dismiss(socket, why);
  }

  /** Refuses one whose place has just become free. */
  #dismiss(socket: PendingSocket, why: Refused): void {
    this.refuse(socket, why);
    this.#events.left(socket);
  }

  /** What was not read of it may have come: the answer depends on who asks, and for what. */
  #answer({ handle, head }: PendingSocket, why: Refused): void {
    this.#events.refused(why);
    const request = head === "" ? this.#peek(handle) : head;
    const cors = frontCorsLines(request, this.#mayComeFrom);
    this.#lingeringCloses.say(handle, frontAnswer(why, Math.random(), this.#date.now, cors, request));
  }

  #peek(handle: TcpHandle): string {
    const length = this.#readNow(handle, this.#peeked) ?? 0;
    return this.#peeked.toString("latin1", 0, length);
  }
}
