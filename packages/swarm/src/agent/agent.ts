/**
 * One agent's connections: opened when the coordinator says so, tried again when they fail, kept until the end.
 *
 * They are plain clients of the protocol (§9): the URL names their channels, and the first message says that the session
 * stands. Each is a TCP handle and a place in the roll; bytes are kept only for a frame that has not come whole.
 * Invariant: a seat has a handle exactly while it is connecting, asking, joining or open.
 */
import { backoffDelay } from "@holdfast/protocol";
import { channelsQuery } from "../channels.js";
import { Histogram } from "../histogram.js";
import type { AgentOrders, AgentReport, Tally } from "../messages.js";
import { findStamps, monotonicMicros, type Stamp } from "../stamp.js";
import { CLOSE, type FrameSink, maskedFrame, PING, PONG, readFrames, TEXT } from "./frames.js";
import { handshakeRequest, readAnswer } from "./handshake.js";
import { Retries } from "./retries.js";
import { ASKING, CONNECTING, IDLE, JOINING, OPEN, OVER, Roll } from "./roll.js";
import { TcpClient, type TcpEvents, type TcpHandle } from "./tcp-client.js";

/** Attempts for one connection; with the protocol's back-off half a minute goes by. */
const MAX_ATTEMPTS = 8;
const ATTEMPT_RADIX = 16;
/** From the beginning of an attempt to the session, ms. Longer than the gateway's queues take. */
const ATTEMPT_TIMEOUT_MS = 30_000;
/** Different reasons that are told apart; the rest is one. */
const MAX_REASONS = 64;
const CONNECT_PUSH = '{"connect":';
const NO_BYTES = new Uint8Array(0);
const EMPTY_PONG = maskedFrame(PONG);

export class Agent implements TcpEvents, FrameSink {
  readonly #orders: AgentOrders;
  readonly #now: () => number;
  readonly #roll: Roll;
  readonly #handles: (TcpHandle | undefined)[];
  readonly #unfinished = new Map<number, Uint8Array>();
  readonly #retries = new Retries();
  /** Attempts in the order in which they began, as seat × ATTEMPT_RADIX + number of the attempt. */
  readonly #attempts: number[] = [];
  readonly #failures = new Map<string, number>();
  readonly #handshakes = new Histogram();
  #tcp: TcpClient | undefined;
  #next = 0;
  #givenUp = 0;
  #lost = 0;
  #pings = 0;
  /** The seat whose bytes are being read, and when they came. */
  #reading = 0;
  #readMicros = 0;
  /** The last message that had a stamp: a broadcast is the same bytes for everybody. */
  #stamped: Uint8Array = NO_BYTES;
  #stamps: readonly Stamp[] = [];

  /** `now` is any clock in ms. */
  private constructor(orders: AgentOrders, now: () => number) {
    this.#orders = orders;
    this.#now = now;
    this.#roll = new Roll(orders.connections);
    this.#handles = new Array<TcpHandle | undefined>(orders.connections).fill(undefined);
  }

  static async create(orders: AgentOrders, now: () => number): Promise<Agent> {
    const agent = new Agent(orders, now);
    agent.#tcp = await TcpClient.create(agent);
    return agent;
  }

  /** Whether something is under way that `tick` must look after. */
  get busy(): boolean {
    return this.#attempts.length > 0 || this.#retries.waiting > 0;
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
      const state = this.#roll.stateOf(seat);
      const undecided = state === CONNECTING || state === ASKING || state === JOINING;
      if (undecided && this.#roll.attemptsOf(seat) === attempt % ATTEMPT_RADIX) {
        if (now - this.#roll.begunAt(seat) < ATTEMPT_TIMEOUT_MS) break;
        this.#end(seat, `no answer in ${ATTEMPT_TIMEOUT_MS / 1000} s`);
      }
      done++;
    }
    if (done > 0) this.#attempts.splice(0, done);
  }

  expect(round: number): void {
    this.#roll.expect(round);
  }

  tally(): Tally {
    return this.#roll.tally();
  }

  report(): AgentReport {
    const handshakes = this.#handshakes.toSparse();
    this.#handshakes.clear();
    return {
      connected: this.#roll.connected,
      givenUp: this.#givenUp,
      lost: this.#lost,
      failures: Object.fromEntries(this.#failures),
      pings: this.#pings,
      handshakes,
    };
  }

  /** Resets everything. */
  close(): void {
    this.#handles.forEach((handle, seat) => {
      if (handle === undefined) return;
      this.#handles[seat] = undefined;
      this.#roll.move(seat, OVER);
      if (handle.reset() !== 0) handle.close();
    });
    this.#unfinished.clear();
  }

  opened(handle: TcpHandle, error: string | undefined): void {
    const { seat } = handle;
    // A handle that was closed meanwhile reports its end here.
    if (this.#handles[seat] !== handle) return;
    if (error !== undefined) return this.#end(seat, error);
    const { host, path, channels, first } = this.#orders;
    const target = `${path}?channels=${channelsQuery(channels, first + seat)}`;
    this.#roll.move(seat, ASKING);
    this.#tcp?.read(handle);
    handle.setNoDelay(true);
    const sent = this.#tcp?.write(handle, handshakeRequest(host, this.#portOf(seat), target));
    if (sent !== true) this.#end(seat, "reset");
  }

  received(handle: TcpHandle, bytes: Uint8Array<ArrayBuffer>): void {
    const { seat } = handle;
    if (this.#handles[seat] !== handle) return;
    const kept = this.#unfinished.get(seat);
    const all = kept === undefined ? bytes : joined(kept, bytes);
    let from = 0;
    if (this.#roll.stateOf(seat) === ASKING) {
      const answer = readAnswer(latin1(all, 0, all.length));
      if (answer.is === "refused") return this.#end(seat, answer.why);
      if (answer.is === "unfinished") return void this.#unfinished.set(seat, all);
      this.#roll.move(seat, JOINING);
      from = answer.end;
    }
    this.#reading = seat;
    this.#readMicros = 0;
    const rest = readFrames(all, from, this);
    if (this.#handles[seat] !== handle) return;
    if (rest < 0) return this.#end(seat, "malformed frame");
    if (rest < all.length) this.#unfinished.set(seat, all.slice(rest));
    else if (kept !== undefined) this.#unfinished.delete(seat);
  }

  ended(handle: TcpHandle): void {
    const { seat } = handle;
    if (this.#handles[seat] === handle) this.#end(seat, "closed without a reason");
  }

  frame(opcode: number, bytes: Uint8Array, start: number, end: number): void {
    const seat = this.#reading;
    const handle = this.#handles[seat];
    if (handle === undefined) return;
    if (opcode === TEXT) this.#message(seat, bytes, start, end);
    else if (opcode === PING) {
      this.#pings++;
      this.#tcp?.write(handle, end === start ? EMPTY_PONG : maskedFrame(PONG, latin1(bytes, start, end)));
    } else if (opcode === CLOSE) this.#end(seat, closeReason(bytes, start, end));
  }

  #message(seat: number, bytes: Uint8Array, start: number, end: number): void {
    if (this.#roll.stateOf(seat) === JOINING) {
      if (!latin1(bytes, start, Math.min(end, start + CONNECT_PUSH.length)).startsWith(CONNECT_PUSH)) return;
      this.#roll.move(seat, OPEN);
      this.#handshakes.record((this.#now() - this.#roll.begunAt(seat)) * 1000);
      return;
    }
    if (!same(this.#stamped, bytes, start, end)) {
      this.#stamps = findStamps(latin1(bytes, start, end), this.#orders.run);
      this.#stamped = bytes.slice(start, end);
    }
    for (const { round, sentMicros } of this.#stamps) {
      this.#readMicros ||= monotonicMicros();
      this.#roll.hear(seat, round, this.#readMicros - sentMicros);
    }
  }

  #begin(seat: number): void {
    const { sources, host } = this.#orders;
    this.#roll.begin(seat, this.#now());
    const source = sources[seat % Math.max(1, sources.length)];
    const opened = this.#tcp?.open(seat, source, host, this.#portOf(seat));
    if (typeof opened !== "object") return this.#failed(seat, opened ?? "not ready");
    this.#handles[seat] = opened;
    this.#attempts.push(seat * ATTEMPT_RADIX + this.#roll.attemptsOf(seat));
  }

  #portOf(seat: number): number {
    const { ports, first } = this.#orders;
    return ports[(first + seat) % ports.length] ?? 0;
  }

  #end(seat: number, why: string): void {
    const handle = this.#handles[seat];
    this.#handles[seat] = undefined;
    this.#unfinished.delete(seat);
    handle?.close();
    if (this.#roll.stateOf(seat) === OPEN) {
      this.#lost++;
      this.#roll.move(seat, OVER);
      this.#count(`lost: ${why}`);
    } else this.#failed(seat, why);
  }

  #failed(seat: number, why: string): void {
    this.#count(why);
    const attempts = this.#roll.attemptsOf(seat);
    if (attempts >= MAX_ATTEMPTS) {
      this.#givenUp++;
      this.#roll.move(seat, OVER);
      return;
    }
    this.#roll.move(seat, IDLE);
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

function latin1(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("latin1");
}

/** `closed 3000 drain` */
function closeReason(bytes: Uint8Array, start: number, end: number): string {
  if (end - start < 2) return "closed without a code";
  const code = (bytes[start] ?? 0) * 256 + (bytes[start + 1] ?? 0);
  return `closed ${code} ${latin1(bytes, start + 2, end).slice(0, 40)}`.trimEnd();
}
