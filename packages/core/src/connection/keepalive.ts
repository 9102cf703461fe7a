/**
 * Keepalive: finds connections whose other end is gone.
 *
 * Each connection is looked at once per ping interval, at a beat given by its slot, so pings are spread
 * evenly and no connection has a timer. A beat is a second, or a 25th of a long interval: what is written
 * together is answered together, and a worker that wakes up once for many answers does half the work of one
 * that wakes up for each. Neighbours have the same beat (`Rounds`). One that was silent for the last half
 * interval is pinged; one that is still silent `pongTimeout` after the last ping of its beat is closed. Any
 * traffic counts as life.
 *
 * Invariants: a live connection hears from us, or we from it, at least every 1.5 intervals; a dead one is
 * closed within 2 intervals + pongTimeout of its last sign of life, and a beat later at most where the loop
 * is so busy that a beat's pings leave in several ticks; each client has at least `pongTimeout` to answer.
 */
import { disconnects } from "@holdfast/protocol";
import { send, takesBytes, type WriterParts } from "../delivery/writer.js";
import type { Clock } from "../runtime/clock.js";
import type { Metrics } from "../runtime/metrics.js";
import type { SlotArray } from "../runtime/slot-array.js";
import { type Ticker, ticks } from "../runtime/ticker.js";
import type { Connection } from "./connection.js";
import { Rounds } from "./rounds.js";

export interface KeepaliveOptions {
  /** Time between two looks at a connection, ms. */
  readonly pingIntervalMs: number;
  /** Silence after a ping that ends the connection, ms. Shorter than the interval. */
  readonly pongTimeoutMs: number;
}

/** 1,000 connections or so a beat with the default interval at 25,000: some 8 ms of writes. */
const BEAT_TICKS = 10;
/** In a long interval a beat is longer: fewer wake-ups for as many answers. */
const MIN_BEATS = 25;

/** A beat whose pings have left, and when its connections are judged. */
interface Judgement {
  readonly tick: number;
  readonly beat: number;
}

export class Keepalive {
  readonly #rounds: Rounds<Connection>;
  readonly #ticker: Ticker;
  readonly #metrics: Metrics;
  readonly #writing: WriterParts;
  /** Ticks between two beats. */
  readonly #beat: number;
  readonly #pongTicks: number;
  readonly #silenceTicks: number;
  /** In the order in which they are due: one for each beat in `pongTimeout`. */
  readonly #judgements: Judgement[] = [];

  constructor(
    options: KeepaliveOptions,
    connections: SlotArray<Connection>,
    { ticker, clock, metrics }: { readonly ticker: Ticker; readonly clock: Clock; readonly metrics: Metrics },
    writing: WriterParts,
  ) {
    const intervalTicks = ticks(options.pingIntervalMs);
    this.#pongTicks = ticks(options.pongTimeoutMs);
    this.#silenceTicks = Math.ceil(intervalTicks / 2);
    this.#beat = beatOf(intervalTicks, this.#pongTicks);
    this.#rounds = new Rounds(connections, intervalTicks / this.#beat, clock);
    this.#ticker = ticker;
    this.#metrics = metrics;
    this.#writing = writing;
  }

  /** At a beat, its share of all connections: those due for a ping, and those pinged `pongTimeout` ago. */
  turn(): void {
    const { tick } = this.#ticker;
    if (tick % this.#beat === 0) {
      this.#rounds.finish();
      this.#pingBeat(tick / this.#beat);
    }
    for (let [next] = this.#judgements; next !== undefined && next.tick <= tick; [next] = this.#judgements) {
      this.#judgements.shift();
      this.#rounds.visit(next.beat, (connection) => this.#judge(connection));
    }
  }

  #pingBeat(beat: number): void {
    this.#rounds.visit(
      beat,
      (connection) => this.#ping(connection),
      () => this.#judgements.push({ tick: this.#ticker.tick + this.#pongTicks, beat }),
    );
  }

  /** While a ping is unanswered no other is sent: the first one counts. */
  #ping(connection: Connection): void {
    const { tick } = this.#ticker;
    if (connection.pingedTick !== 0) return;
    if (tick - connection.seenTick < this.#silenceTicks) return;
    this.#metrics.add("keepalive_pings", 1);
    pingConnection(this.#writing, connection, tick);
  }

  /**
   * A slot may have got another connection in between, and a connection another slot: only its own ping
   * counts.
   */
  #judge(connection: Connection): void {
    if (connection.pingedTick === 0 || this.#ticker.tick - connection.pingedTick < this.#pongTicks) return;
    // Our ping waits behind what a slow reader has yet to take, and so does its answer.
    if (takesBytes(this.#writing.outbox, connection)) return connection.alive();
    this.#metrics.add("keepalive_timeouts", 1);
    connection.disconnect(disconnects.noPong);
  }
}

/**
 * Asks for a sign of life: a frame of the dialect where the client answers it, otherwise the transport's own
 * ping.
 */
function pingConnection(writing: WriterParts, connection: Connection, tick: number): void {
  const { codec, session, transport } = connection;
  connection.pingedTick = tick;
  takesBytes(writing.outbox, connection);
  if (!codec.answersPings || session === undefined) return transport.ping();
  connection.pongDue = true;
  send(writing, connection, codec.ping);
}

/** The longest beat that both times are whole multiples of, so that neither is stretched. */
function beatOf(intervalTicks: number, pongTicks: number): number {
  let beat = Math.max(BEAT_TICKS, Math.floor(intervalTicks / MIN_BEATS));
  while (intervalTicks % beat !== 0 || pongTicks % beat !== 0) beat--;
  return beat;
}
