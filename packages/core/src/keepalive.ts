/**
 * Keepalive: finds connections whose other end is gone.
 *
 * Each connection is looked at once per ping interval, at a tick given by its slot, so pings are spread evenly and no
 * connection has a timer. One that was silent for the last half interval is pinged; one that is still silent
 * `pongTimeout` later is closed. Any traffic counts as life.
 *
 * Invariants: a live connection hears from us, or we from it, at least every 1.5 intervals; a dead one is closed within
 * 2 intervals + pongTimeout of its last sign of life.
 */
import { disconnects } from "@holdfast/protocol";
import type { Connection } from "./connection.js";
import type { Metrics } from "./metrics.js";
import type { Roster } from "./roster.js";
import { ticks, type Wheel } from "./wheel.js";

export interface KeepaliveOptions {
  /** Time between two looks at a connection, ms. */
  readonly pingIntervalMs: number;
  /** Silence after a ping that ends the connection, ms. Shorter than the interval. */
  readonly pongTimeoutMs: number;
}

export class Keepalive {
  readonly #connections: Roster<Connection>;
  readonly #wheel: Wheel;
  readonly #metrics: Metrics;
  readonly #intervalTicks: number;
  readonly #pongTicks: number;
  readonly #silenceTicks: number;

  constructor(options: KeepaliveOptions, connections: Roster<Connection>, wheel: Wheel, metrics: Metrics) {
    this.#intervalTicks = ticks(options.pingIntervalMs);
    this.#pongTicks = ticks(options.pongTimeoutMs);
    this.#silenceTicks = Math.ceil(this.#intervalTicks / 2);
    this.#connections = connections;
    this.#wheel = wheel;
    this.#metrics = metrics;
  }

  /** One tick's share of all connections: those due for a ping, and those pinged `pongTimeout` ago. */
  turn(): void {
    const { tick } = this.#wheel;
    this.#visit(tick, (connection) => this.#ping(connection, tick));
    this.#visit(tick - this.#pongTicks, (connection) => this.#judge(connection, tick));
  }

  #visit(tick: number, look: (connection: Connection) => void): void {
    const step = this.#intervalTicks;
    for (let slot = ((tick % step) + step) % step; slot < this.#connections.end; slot += step) {
      const connection = this.#connections.at(slot);
      if (connection !== undefined) look(connection);
    }
  }

  /** While a ping is unanswered no other is sent: the first one counts. */
  #ping(connection: Connection, tick: number): void {
    if (connection.pingedTick !== 0) return;
    if (tick - connection.seenTick < this.#silenceTicks) return;
    this.#metrics.add("keepalive_pings", 1);
    connection.ping(tick);
  }

  /** A slot may have got another connection in between, and a connection another slot: only its own ping counts. */
  #judge(connection: Connection, tick: number): void {
    if (connection.pingedTick === 0 || tick - connection.pingedTick < this.#pongTicks) return;
    // Our ping waits behind what a slow reader has yet to take, and so does its answer.
    if (connection.takesBytes()) return connection.alive();
    this.#metrics.add("keepalive_timeouts", 1);
    connection.disconnect(disconnects.noPong);
  }
}
