/**
 * One agent's connections: opened when the coordinator says so, tried again when they fail, kept until the
 * end.
 *
 * They are plain clients of the protocol (§9), each a TCP handle and a row of the table; what they say is
 * their wire's. Bytes are kept only for what has not come whole, and for what a comet client needs to send.
 * Invariant: a seat has a handle exactly while it is connecting, asking, joining or open.
 */
import { backoffDelay } from "@holdfast/protocol";
import { channelsQuery } from "../channels.js";
import { Histogram } from "../histogram.js";
import { type AgentOrders, type AgentReport, portOf, type Tally } from "../messages.js";
import { findStamps, monotonicMicros, type Stamp } from "../stamp.js";
import { tokenOf } from "../tokens.js";
import {
  ASKING,
  CONNECTING,
  ConnectionTable,
  IDLE,
  JOINING,
  OPEN,
  OVER,
  type SeatState,
} from "./connection-table.js";
import { MessageSender, OF_CLIENTS } from "./message-sender.js";
import { Retries } from "./retries.js";
import { type OutgoingHandle, TcpClient, type TcpEvents } from "./tcp-client.js";
import { latin1, type Wire, type WireOwner } from "./wire.js";
import { firstRequest, wireOf } from "./wires.js";

/** Attempts for one connection; with the protocol's back-off half a minute goes by. */
const MAX_ATTEMPTS = 8;
const ATTEMPT_RADIX = 16;
/** From the beginning of an attempt to the session, ms. Longer than the gateway's queues take. */
const ATTEMPT_TIMEOUT_MS = 30_000;
/** Different reasons that are told apart; the rest is one. */
const MAX_REASONS = 64;
const NO_BYTES = new Uint8Array(0);
const SILENT = Object.freeze({ sent: 0, refused: 0, heard: 0, hearing: [], answering: [] });

export class Agent implements TcpEvents, WireOwner {
  readonly #orders: AgentOrders;
  readonly #now: () => number;
  readonly #table: ConnectionTable;
  readonly #handles: (OutgoingHandle | undefined)[];
  readonly #unfinished = new Map<number, Uint8Array>();
  readonly #retries = new Retries();
  /** Attempts in the order in which they began, as seat × ATTEMPT_RADIX + number of the attempt. */
  readonly #attempts: number[] = [];
  readonly #failures = new Map<string, number>();
  readonly #handshakes = new Histogram();
  readonly #wire: Wire;
  #tcp: TcpClient | undefined;
  /** Undefined when clients only listen. */
  #messageSender: MessageSender | undefined;
  #next = 0;
  #givenUp = 0;
  #lost = 0;
  #pings = 0;
  /** When the bytes that are being read came. */
  #readMicros = 0;
  /** The last message that had a stamp: a broadcast is the same bytes for every connection. */
  #stamped: Uint8Array = NO_BYTES;
  #stamps: readonly Stamp[] = [];

  /** `now` is any clock in ms. */
  private constructor(orders: AgentOrders, now: () => number) {
    this.#orders = orders;
    this.#now = now;
    this.#table = new ConnectionTable(orders.connections);
    this.#handles = new Array<OutgoingHandle | undefined>(orders.connections).fill(undefined);
    this.#wire = wireOf(orders, this);
  }

  static async create(orders: AgentOrders, now: () => number): Promise<Agent> {
    const agent = new Agent(orders, now);
    agent.#tcp = await TcpClient.create(agent);
    if (orders.sending) {
      agent.#messageSender = await MessageSender.create(orders, now, {
        stateOf: (seat) => agent.stateOf(seat),
        write: (seat, bytes) => agent.write(seat, bytes),
        failed: (why) => agent.#count(why),
      });
    }
    return agent;
  }

  /** Whether something is under way that `tick` must look after. */
  get busy(): boolean {
    return this.#attempts.length > 0 || this.#retries.waiting > 0 || this.#messageSender?.busy === true;
  }

  open(count: number): void {
    const end = Math.min(this.#orders.connections, this.#next + count);
    while (this.#next < end) this.#begin(this.#next++);
  }

  /** Begins attempts that are due again, and ends those that take too long. */
  tick(): void {
    const now = this.#now();
    for (const seat of this.#retries.take(now)) this.#begin(seat);
    let done = 0;
    for (const attempt of this.#attempts) {
      const seat = Math.floor(attempt / ATTEMPT_RADIX);
      const state = this.#table.stateOf(seat);
      const undecided = state === CONNECTING || state === ASKING || state === JOINING;
      if (undecided && this.#table.attemptsOf(seat) === attempt % ATTEMPT_RADIX) {
        if (now - this.#table.begunAt(seat) < ATTEMPT_TIMEOUT_MS) break;
        this.end(seat, `no answer in ${ATTEMPT_TIMEOUT_MS / 1000} s`);
      }
      done++;
    }
    if (done > 0) this.#attempts.splice(0, done);
    this.#messageSender?.tick();
  }

  /** The next `count` open connections send a message each. */
  send(count: number): void {
    this.#messageSender?.send(count);
  }

  expect(round: number): void {
    this.#table.expect(round);
  }

  tally(): Tally {
    return this.#table.tally();
  }

  report(): AgentReport {
    const handshakes = this.#handshakes.toSparse();
    this.#handshakes.clear();
    return {
      connected: this.#table.connected,
      givenUp: this.#givenUp,
      lost: this.#lost,
      failures: Object.fromEntries(this.#failures),
      pings: this.#pings,
      handshakes,
      ...(this.#messageSender?.report() ?? SILENT),
    };
  }

  /** Resets everything. */
  close(): void {
    this.#handles.forEach((handle, seat) => {
      if (handle === undefined) return;
      this.#handles[seat] = undefined;
      this.#table.move(seat, OVER);
      if (handle.reset() !== 0) handle.close();
    });
    this.#unfinished.clear();
    this.#messageSender?.close();
  }

  opened(handle: OutgoingHandle, error: string | undefined): void {
    const { seat } = handle;
    // A handle that was closed meanwhile reports its end here.
    if (this.#handles[seat] !== handle) return;
    if (error !== undefined) return this.end(seat, error);
    const { transport, host, path, channels, tokens, first } = this.#orders;
    const asked = channelsQuery(channels, first + seat);
    const token = tokenOf(tokens, channels, first + seat);
    const port = portOf(this.#orders, seat);
    const request = firstRequest(transport, { host, port, path, channels: asked, token });
    this.#table.move(seat, ASKING);
    this.#tcp?.read(handle);
    handle.setNoDelay(true);
    this.write(seat, request);
  }

  received(handle: OutgoingHandle, bytes: Uint8Array<ArrayBuffer>): void {
    const { seat } = handle;
    if (this.#handles[seat] !== handle) return;
    const kept = this.#unfinished.get(seat);
    const all = kept === undefined ? bytes : joined(kept, bytes);
    this.#readMicros = 0;
    const rest = this.#wire.read(seat, all);
    if (this.#handles[seat] !== handle) return;
    if (typeof rest === "string") return this.end(seat, rest);
    if (rest < all.length) this.#unfinished.set(seat, all.slice(rest));
    else if (kept !== undefined) this.#unfinished.delete(seat);
  }

  ended(handle: OutgoingHandle): void {
    const { seat } = handle;
    if (this.#handles[seat] === handle) this.end(seat, "closed without a reason");
  }

  stateOf(seat: number): SeatState {
    return this.#table.stateOf(seat);
  }

  accepted(seat: number): void {
    this.#table.move(seat, JOINING);
  }

  joined(seat: number, bytes: Uint8Array, start: number, end: number): void {
    this.#table.move(seat, OPEN);
    this.#handshakes.record((this.#now() - this.#table.begunAt(seat)) * 1000);
    this.#messageSender?.joined(seat, bytes, start, end);
  }

  message(seat: number, bytes: Uint8Array, start: number, end: number): void {
    if (this.#handles[seat] === undefined) return;
    if (!same(this.#stamped, bytes, start, end)) {
      const text = latin1(bytes, start, end);
      this.#stamps = findStamps(text, this.#orders.run);
      // Two clients' answers can be the same bytes, too.
      const isAnswer = this.#messageSender?.readAnswers(seat, text) === true;
      this.#stamped = isAnswer ? NO_BYTES : bytes.slice(start, end);
    }
    for (const { round, sentMicros } of this.#stamps) {
      this.#readMicros ||= monotonicMicros();
      const micros = this.#readMicros - sentMicros;
      if (round === OF_CLIENTS) this.#messageSender?.hear(micros);
      else this.#table.hear(seat, round, micros);
    }
  }

  pinged(_seat: number): void {
    this.#pings++;
  }

  write(seat: number, bytes: string): void {
    const handle = this.#handles[seat];
    if (handle !== undefined && this.#tcp?.write(handle, bytes) !== true) this.end(seat, "reset");
  }

  end(seat: number, why: string): void {
    const handle = this.#handles[seat];
    this.#handles[seat] = undefined;
    this.#unfinished.delete(seat);
    handle?.close();
    if (this.#table.stateOf(seat) === OPEN) {
      this.#lost++;
      this.#table.move(seat, OVER);
      this.#count(`lost: ${why}`);
    } else this.#failed(seat, why);
  }

  #begin(seat: number): void {
    const { sources, host } = this.#orders;
    this.#table.begin(seat, this.#now());
    const source = sources[seat % Math.max(1, sources.length)];
    const opened = this.#tcp?.open(seat, source, host, portOf(this.#orders, seat));
    if (typeof opened !== "object") return this.#failed(seat, opened ?? "not ready");
    this.#handles[seat] = opened;
    this.#attempts.push(seat * ATTEMPT_RADIX + this.#table.attemptsOf(seat));
  }

  #failed(seat: number, why: string): void {
    this.#count(why);
    const attempts = this.#table.attemptsOf(seat);
    if (attempts >= MAX_ATTEMPTS) {
      this.#givenUp++;
      this.#table.move(seat, OVER);
      return;
    }
    this.#table.move(seat, IDLE);
    this.#retries.add(seat, this.#now(), backoffDelay(attempts - 1, Math.random()));
  }

  #count(why: string): void {
    const reason = this.#failures.has(why) || this.#failures.size < MAX_REASONS ? why : "other reasons";
    this.#failures.set(reason, (this.#failures.get(reason) ?? 0) + 1);
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}

function same(known: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (known.length !== end - start) return false;
  for (let at = 0; at < known.length; at++) if (known[at] !== bytes[start + at]) return false;
  return true;
}
