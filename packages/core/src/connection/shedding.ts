/**
 * Shedding: sends a few clients to other instances, idle ones first, while the worker serves on.
 *
 * An order says how many go within the next moment. They go spread over its ticks, each with a time of its
 * own after which to return, so that neither the ends nor the returns are a wave. A client that says nothing
 * and for which nothing waits goes first; others go only where a whole round found none of these. How many go
 * is the primary's to decide. Invariants: no more go than the last order said; a connection that is younger
 * than the order allows, or has not connected, stays; a tick looks at `MAX_VISITS` connections at most.
 */
import { disconnects } from "@holdfast/protocol";
import type { Metrics } from "../runtime/metrics.js";
import { TICK_MS, type Ticker, ticks } from "../runtime/ticker.js";
import type { Connection } from "./connection.js";
import type { Registry } from "./registry.js";

export interface ShedOrder {
  /** Clients. */
  readonly count: number;
  /** Over how long their ends are spread, and after that their returns, ms. */
  readonly spreadMs: number;
  /** A connection that has been connected for less stays, ms. */
  readonly minAgeMs: number;
}

/** Connections that one tick looks at: about a millisecond. */
const MAX_VISITS = 20_000;
/** A client that was silent for so long is idle, ms. */
const IDLE_MS = 2_000;

export class Shedding {
  readonly #registry: Pick<Registry, "connections">;
  readonly #ticker: Pick<Ticker, "tick">;
  readonly #metrics: Pick<Metrics, "add">;
  readonly #random: () => number;
  #onShed: (count: number) => void = () => {};
  #left = 0;
  #ticksLeft = 0;
  #spreadMs = 0;
  /** Connections that have connected later stay. */
  #begunBy = 0;
  #takesBusy = false;
  /** The slot that is looked at next. */
  #slot = 0;
  /** Slots that were looked at since one went. */
  #inVain = 0;

  constructor(
    registry: Pick<Registry, "connections">,
    ticker: Pick<Ticker, "tick">,
    metrics: Pick<Metrics, "add">,
    random: () => number,
  ) {
    this.#registry = registry;
    this.#ticker = ticker;
    this.#metrics = metrics;
    this.#random = random;
  }

  /**
   * Takes the place of the last order: what that one left undone is not made up for. `onShed` is told how
   * many have gone, in each tick in which some have.
   */
  order({ count, spreadMs, minAgeMs }: ShedOrder, onShed: (count: number) => void): void {
    this.#onShed = onShed;
    this.#left = count;
    this.#ticksLeft = ticks(spreadMs);
    this.#spreadMs = spreadMs;
    this.#begunBy = this.#ticker.tick - Math.ceil(minAgeMs / TICK_MS);
    this.#takesBusy = false;
    this.#inVain = 0;
  }

  /** Whether nothing of the last order is left to do. */
  get isOver(): boolean {
    return this.#left === 0;
  }

  /** No more go. */
  stop(): void {
    this.#left = 0;
  }

  turn(): void {
    if (this.#left === 0) return;
    const wanted = Math.ceil(this.#left / this.#ticksLeft);
    let due = wanted;
    this.#ticksLeft = Math.max(1, this.#ticksLeft - 1);
    for (let visits = 0; due > 0 && visits < MAX_VISITS && this.#left > 0; visits++) {
      const connection = this.#next();
      if (connection === undefined) continue;
      due--;
      this.#left--;
      this.#inVain = 0;
      this.#metrics.add("connections_shed", 1);
      connection.disconnect(
        disconnects.rebalance,
        undefined,
        Math.floor(this.#random() * Math.max(1, this.#spreadMs)),
      );
    }
    if (due < wanted) this.#onShed(wanted - due);
  }

  /** The connection of the next slot, if it is one that goes. */
  #next(): Connection | undefined {
    const { connections } = this.#registry;
    if (this.#inVain >= connections.end) {
      // None suits, of any kind.
      if (this.#takesBusy) this.stop();
      this.#takesBusy = true;
      this.#inVain = 0;
    }
    if (this.#slot >= connections.end) this.#slot = 0;
    this.#inVain++;
    const connection = connections.at(this.#slot++);
    return connection !== undefined && this.#left > 0 && this.#goes(connection) ? connection : undefined;
  }

  #goes({ session, seenTick, transport }: Connection): boolean {
    if (session?.live !== true || session.beganTick > this.#begunBy) return false;
    if (this.#takesBusy) return true;
    return transport.bufferedBytes === 0 && this.#ticker.tick - seenTick >= ticks(IDLE_MS);
  }
}
