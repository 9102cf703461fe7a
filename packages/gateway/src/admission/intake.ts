/**
 * The intake of a door: sockets whose head has yet to come whole.
 *
 *     parked ──room──► reading ──whole──► out          (or refused: 408, 431, 400, 503)
 *
 * Heads are read only as fast as workers take them (`fresh-reads.ts`); the rest is parked unread, and their
 * addresses take turns, so that no socket, a health check least, waits behind all that another address opens.
 * Nearly full, sockets whose head does not come give their places up, and those with most bytes where heads
 * have too many (`crowd.ts`). Invariants: a socket is parked or being read, never both; one that has left is
 * not read from any more; none waits here without a deadline, which its door keeps by `expire`.
 */
import { type Clock, FairQueue } from "@holdfast/core";
import type { readNow } from "../runtime/tcp-handle.js";
import { heaviest, isNearlyFull, superfluous } from "./crowd.js";
import { FreshReads } from "./fresh-reads.js";
import type { Refused } from "./front-answers.js";
import { type HeadLimits, HeadReader } from "./head-reader.js";
import type { PeerAddress } from "./peer-address.js";
import type { PendingSocket } from "./pending-socket.js";

export interface IntakeOptions extends HeadLimits {
  /** Sockets between accept and hand-off; further ones are refused. */
  readonly maxPending: number;
  /** Bytes of all heads here, and of what came right behind them. */
  readonly maxPendingBytes: number;
}

/** How a socket leaves, and what the intake asks of the rest of the door. */
export interface IntakeEvents {
  whole(socket: PendingSocket): void;
  refused(socket: PendingSocket, why: Refused): void;
  /** The peer is gone. */
  ended(socket: PendingSocket): void;
  /** Time has passed: workers may have room for more. */
  turned(): void;
  /** How many heads may be read now. */
  room(): number;
  /** Bytes of the heads that are whole and wait in the door. */
  bytesBehind(): number;
}

/**
 * The part of their bytes to which heads are cut when they have too many, so that the search for the heaviest
 * is rare.
 */
const HEAD_BYTES_LEFT = 7 / 8;
/** A full door looks for superfluous sockets at most this often, ms. */
const THIN_MS = 50;

export class Intake {
  readonly #options: IntakeOptions;
  readonly #events: IntakeEvents;
  readonly #clock: Clock;
  readonly #peerAddress: PeerAddress;
  readonly #heads: HeadReader;
  readonly #fresh: FreshReads;
  /** Unread, by the address that their turns are counted by. */
  readonly #parked = new FairQueue<string, PendingSocket>();
  /** Monotonic ms. */
  #thinnedAt = Number.NEGATIVE_INFINITY;

  /** `read` reads what has arrived on a handle. */
  constructor(
    options: IntakeOptions,
    events: IntakeEvents,
    peerAddress: PeerAddress,
    clock: Clock,
    read?: typeof readNow,
  ) {
    this.#options = options;
    this.#events = events;
    this.#clock = clock;
    this.#peerAddress = peerAddress;
    this.#fresh = new FreshReads(() => events.turned(), clock);
    const heads = {
      whole: (socket: PendingSocket) => events.whole(socket),
      refused: (socket: PendingSocket, why: Refused) => events.refused(socket, why),
      ended: (socket: PendingSocket) => events.ended(socket),
      grown: () => this.lighten(),
    };
    this.#heads = new HeadReader(options, peerAddress, heads, clock, read);
  }

  /** Sockets here. */
  get size(): number {
    return this.#parked.size + this.#heads.reading.size;
  }

  /** Bytes of their heads. */
  get bytes(): number {
    return this.#heads.bytes;
  }

  /** Takes in one that has just come: reads it, or parks it until there is room. */
  add(socket: PendingSocket): void {
    if (this.#parked.size > 0 || !this.#mayRead()) {
      socket.from = this.#peerAddress.senderOf(socket);
      this.#parked.add(socket.from, socket);
    } else {
      this.#fresh.begun();
      this.#heads.start(socket);
    }
  }

  /** Takes in one that has just come and reads it, whatever room there is. */
  read(socket: PendingSocket): void {
    this.#heads.start(socket);
  }

  /** Workers may have room: reads as many of the parked as that allows. */
  proceed(): void {
    while (this.#parked.size > 0 && this.#mayRead()) {
      const socket = this.#parked.shift();
      if (socket === undefined) return;
      const reading = this.#heads.reading.size;
      this.#heads.startLate(socket);
      if (this.#heads.reading.size > reading) this.#fresh.begun();
    }
  }

  /** Reads all the parked, whatever room there is. */
  readAll(): void {
    for (const socket of this.#parked.drain()) this.#heads.startLate(socket);
  }

  /** Refuses all. */
  turnAway(why: Refused): void {
    for (const socket of this.#heads.reading.values()) this.#refuseReading(socket, why);
    for (const socket of this.#parked.drain()) this.#events.refused(socket, why);
  }

  /** Refuses those that have been in their state since `oldest`, monotonic ms, or for longer. */
  expire(oldest: number): void {
    for (const socket of this.#heads.reading.values()) {
      if (socket.since > oldest) break;
      this.#refuseReading(socket, "slow_head");
    }
    for (const socket of this.#parked.all()) {
      if (socket.since <= oldest && this.#parked.delete(socket.from, socket))
        this.#events.refused(socket, "no_worker");
    }
  }

  /** Takes their places from sockets whose head does not come, if the door (`pending`) is nearly full. */
  thin(pending: number): void {
    const { maxPending } = this.#options;
    const now = this.#clock.monotonic();
    if (now - this.#thinnedAt < THIN_MS || !isNearlyFull(pending, maxPending)) return;
    this.#thinnedAt = now;
    const senderOf = (socket: PendingSocket): string => this.#peerAddress.senderOf(socket);
    for (const socket of superfluous(this.#heads.reading, maxPending, now, senderOf))
      this.#refuseReading(socket, "limit_silent");
  }

  /** Takes their places from sockets whose heads have most bytes, if all in the door have too many. */
  lighten(): void {
    const { maxPendingBytes } = this.#options;
    const bytes = this.#heads.bytes + this.#events.bytesBehind();
    if (bytes <= maxPendingBytes) return;
    const surplus = bytes - Math.floor(maxPendingBytes * HEAD_BYTES_LEFT);
    const senderOf = (socket: PendingSocket): string => this.#peerAddress.senderOf(socket);
    for (const socket of heaviest(this.#heads.reading.values(), surplus, senderOf))
      this.#refuseReading(socket, "limit_head_bytes");
  }

  #mayRead(): boolean {
    return this.#fresh.count < this.#events.room();
  }

  #refuseReading(socket: PendingSocket, why: Refused): void {
    this.#heads.forget(socket);
    this.#events.refused(socket, why);
  }
}
