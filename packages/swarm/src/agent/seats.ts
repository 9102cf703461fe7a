/**
 * The seats of an agent: each goes from an attempt to a session and to its end, over its transport's wire.
 *
 * They are plain clients of the protocol (§9), each a TCP handle and a row of the table; what they say is
 * their wire's. Bytes are kept only for what has not come whole, and for what a comet client needs to send.
 * Invariant: a seat has a handle exactly while it is connecting, asking, joining or open.
 */
import { channelsQuery } from "../channels.js";
import { type AgentOrders, portOf } from "../messages.js";
import type { RunClock } from "../run-clock.js";
import { tokenOf } from "../tokens.js";
import { ATTEMPT_TIMEOUT_MS, type Attempts } from "./attempts.js";
import { ASKING, type ConnectionTable, JOINING, OPEN, OVER, type SeatState } from "./connection-table.js";
import { MessageSender, OF_CLIENTS } from "./message-sender.js";
import type { Outcomes } from "./outcomes.js";
import { SeatSockets } from "./seat-sockets.js";
import { StampReader } from "./stamp-reader.js";
import type { Wire, WireOwner } from "./wire.js";
import { firstRequest, wireOf } from "./wires.js";

/** What seats count with, and the clock of their stamps. */
export interface SeatParts {
  readonly table: ConnectionTable;
  readonly outcomes: Outcomes;
  readonly attempts: Attempts;
  readonly clock: RunClock;
}

export class Seats implements WireOwner {
  readonly #orders: AgentOrders;
  readonly #now: () => number;
  readonly #table: ConnectionTable;
  readonly #outcomes: Outcomes;
  readonly #attempts: Attempts;
  readonly #wire: Wire;
  readonly #stamps: StampReader;
  #sockets: SeatSockets | undefined;
  #messageSender: MessageSender | undefined;

  private constructor(orders: AgentOrders, now: () => number, parts: SeatParts) {
    this.#orders = orders;
    this.#now = now;
    this.#table = parts.table;
    this.#outcomes = parts.outcomes;
    this.#attempts = parts.attempts;
    this.#wire = wireOf(orders, this);
    this.#stamps = new StampReader(orders.run, parts.clock);
  }

  /** `now` is any clock in ms. Rejects on a Node.js whose sockets are not known. */
  static async create(orders: AgentOrders, now: () => number, parts: SeatParts): Promise<Seats> {
    const seats = new Seats(orders, now, parts);
    seats.#sockets = await SeatSockets.create(orders.connections, {
      opened: (seat) => seats.#ask(seat),
      read: (seat, bytes) => {
        seats.#stamps.arrived();
        return seats.#wire.read(seat, bytes);
      },
      broken: (seat, why) => seats.end(seat, why),
    });
    if (orders.sending) {
      seats.#messageSender = await MessageSender.create(orders, now, {
        stateOf: (seat) => seats.stateOf(seat),
        write: (seat, bytes) => seats.write(seat, bytes),
        failed: (why) => parts.outcomes.failed(why),
        clock: parts.clock,
      });
    }
    return seats;
  }

  /** What the clients say themselves; undefined when they only listen. */
  get messageSender(): MessageSender | undefined {
    return this.#messageSender;
  }

  begin(seat: number): void {
    const { sources, host } = this.#orders;
    this.#table.begin(seat, this.#now());
    const source = sources[seat % Math.max(1, sources.length)];
    const problem = this.#sockets?.open(seat, source, host, portOf(this.#orders, seat));
    if (problem === undefined) this.#attempts.began(seat);
    else this.#failed(seat, problem);
  }

  /** Ends a seat's connection because it was told to: the seat is as before it began. */
  stop(seat: number): void {
    this.#sockets?.close(seat);
    this.#table.excuse(seat);
    this.#table.renew(seat);
  }

  /** Begins attempts that are due again, and ends those that take too long. */
  tick(): void {
    for (const seat of this.#attempts.due()) this.begin(seat);
    this.#attempts.endLate((seat) => this.end(seat, `no answer in ${ATTEMPT_TIMEOUT_MS / 1000} s`));
    this.#messageSender?.tick();
  }

  /** Resets everything. */
  close(): void {
    this.#sockets?.reset((seat) => this.#table.move(seat, OVER));
    this.#messageSender?.close();
  }

  stateOf(seat: number): SeatState {
    return this.#table.stateOf(seat);
  }

  accepted(seat: number): void {
    this.#table.move(seat, JOINING);
  }

  joined(seat: number, bytes: Uint8Array, start: number, end: number): void {
    this.#table.move(seat, OPEN);
    this.#outcomes.joined(this.#now() - this.#table.begunAt(seat));
    if (this.#attempts.returned(seat)) this.#outcomes.joinedAgain();
    this.#messageSender?.joined(seat, bytes, start, end);
  }

  message(seat: number, bytes: Uint8Array, start: number, end: number): void {
    if (this.#sockets?.has(seat) !== true) return;
    const text = this.#stamps.take(bytes, start, end);
    // Two clients' answers can be the same bytes.
    if (text !== undefined && this.#messageSender?.readAnswers(seat, text) === true) this.#stamps.forget();
    for (const { round, sentMicros } of this.#stamps.stamps) {
      const micros = this.#stamps.microsSince(sentMicros);
      if (round === OF_CLIENTS) this.#messageSender?.hear(micros);
      else this.#table.hear(seat, round, micros);
    }
  }

  pinged(_seat: number): void {
    this.#outcomes.pinged();
  }

  write(seat: number, bytes: string): void {
    this.#sockets?.write(seat, bytes);
  }

  end(seat: number, why: string): void {
    this.#sockets?.close(seat);
    if (this.#table.stateOf(seat) === OPEN) {
      this.#table.move(seat, OVER);
      this.#outcomes.lost(why);
      if (this.#orders.reopen) this.#attempts.later(seat);
    } else this.#failed(seat, why);
  }

  /** The TCP connection stands: the transport's request goes out. */
  #ask(seat: number): void {
    const { transport, host, path, channels, tokens, first } = this.#orders;
    const asked = channelsQuery(channels, first + seat);
    const token = tokenOf(tokens, channels, first + seat);
    const port = portOf(this.#orders, seat);
    this.#table.move(seat, ASKING);
    this.write(seat, firstRequest(transport, { host, port, path, channels: asked, token }));
  }

  #failed(seat: number, why: string): void {
    this.#outcomes.failed(why);
    if (!this.#attempts.failed(seat)) this.#outcomes.gaveUp();
  }
}
