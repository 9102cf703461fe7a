/**
 * The registry: every connection of the worker, and which of them have yet to connect.
 *
 * A connection is here from `open` until it is disconnected; until its transport has ended it counts as
 * closing. Those that have not connected stand in a queue by age, so that finding the stale ones costs
 * nothing while there are none.
 */
import { disconnects } from "@holdfast/protocol";
import type { Requester } from "../access/requester.js";
import { Audience } from "../delivery/fan-out.js";
import type { Metrics } from "../runtime/metrics.js";
import type { SlotArray } from "../runtime/slot-array.js";
import { type Ticker, ticks } from "../runtime/ticker.js";
import type { Connection } from "./connection.js";

export class Registry {
  /** All connections, as the audience of broadcasts. */
  readonly everybody = new Audience<Connection>();
  readonly #ticker: Ticker;
  readonly #metrics: Metrics;
  readonly #connectTicks: number;
  /** Connections that have not connected, oldest first, with the tick at which they were opened. */
  readonly #connecting = new Map<Connection, number>();
  /** What their requests said, of those that said something. */
  readonly #requesters = new Map<Connection, Requester>();
  #closing = 0;

  constructor(connectTimeoutMs: number, ticker: Ticker, metrics: Metrics) {
    this.#connectTicks = ticks(connectTimeoutMs);
    this.#ticker = ticker;
    this.#metrics = metrics;
  }

  get connections(): SlotArray<Connection> {
    return this.everybody.listeners;
  }

  /** Connections whose transport has not ended, disconnected ones included. */
  get open(): number {
    return this.connections.size + this.#closing;
  }

  /** Those that have yet to connect. */
  get connecting(): number {
    return this.#connecting.size;
  }

  opened(connection: Connection, requester: Requester = {}): void {
    this.connections.add(connection);
    this.#connecting.set(connection, this.#ticker.tick);
    const { identity, headers } = requester;
    if (identity !== undefined || headers !== undefined) this.#requesters.set(connection, requester);
    this.#metrics.add("connections_opened", 1);
  }

  /** What its request said, until it has connected. */
  requester(connection: Connection): Requester | undefined {
    return this.#requesters.get(connection);
  }

  connected(connection: Connection): void {
    this.#connecting.delete(connection);
    this.#requesters.delete(connection);
  }

  disconnected(connection: Connection): void {
    this.connected(connection);
    this.connections.remove(connection);
    this.#closing++;
  }

  closed(): void {
    this.#closing--;
    this.#metrics.add("connections_closed", 1);
  }

  /** Disconnects those that have been connecting for too long. */
  turn(): void {
    for (const [connection, openedTick] of this.#connecting) {
      if (this.#ticker.tick - openedTick < this.#connectTicks) return;
      this.#metrics.add("stale_connections", 1);
      connection.disconnect(disconnects.stale);
    }
  }
}
