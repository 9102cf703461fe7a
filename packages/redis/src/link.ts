/**
 * A link: one life of the connections to Redis, from opening to the first sign that something is wrong.
 *
 * It pings both sides, because a server that is stopped or behind a cut cable closes nothing. Invariant: a link is lost
 * once and as a whole; nothing is repaired inside it, so that "ready" always means that all of it works.
 */
import type { Clock, Timer } from "@holdfast/core";
import { type Connections, openConnections, openingTimeoutMs } from "./connect.js";
import { DeadlineExceeded, withDeadline } from "./deadline.js";
import { RedisKeys } from "./keys.js";
import type { ScriptCall } from "./log.js";
import type { RedisOptions } from "./options.js";
import { type Reasons, reasonsOf } from "./reason.js";
import { isError } from "./script.js";

/** What arrives on a subscribed channel. */
export type OnMessage = (channel: Buffer, payload: Buffer) => void;

/** How long closing waits for the connections to end, ms. */
const MAX_CLOSING_MS = 500;

export class RedisLink {
  readonly #options: RedisOptions;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #reasonOf: Reasons;
  readonly #abort = new AbortController();
  readonly #ends: Promise<string>[] = [];
  #connections: Connections | undefined;
  #pings: Timer | undefined;
  #pinging = false;
  #received = 0;
  #pendingBytes = 0;
  #lose: (reason: string) => void = () => {};
  /** Settles with the reason when the link is of no use any more. Never rejects. */
  readonly lost = new Promise<string>((resolve) => {
    this.#lose = resolve;
  });

  constructor(options: RedisOptions, clock: Clock, random: () => number) {
    this.#options = options;
    this.#clock = clock;
    this.#random = random;
    this.#reasonOf = reasonsOf(options.target);
  }

  /** Connects. Rejects when that fails or takes too long; the link is to be closed then too. Called once. */
  async open(onMessage: OnMessage): Promise<void> {
    const { target, prefix, commandTimeoutMs: timeoutMs, pingIntervalMs } = this.#options;
    const opening = openConnections(target, {
      timeoutMs,
      clock: this.#clock,
      random: this.#random,
      probeChannel: new RedisKeys(prefix).probe(this.#random().toString(36).slice(2)),
      reasonOf: this.#reasonOf,
      signal: this.#abort.signal,
      ends: this.#ends,
    });
    const connections = await withDeadline(
      this.#clock,
      openingTimeoutMs(target, timeoutMs),
      "connecting",
      opening,
    );
    this.#connections = connections;
    connections.lost.then(this.#lose);
    connections.subscriber.on("messageBuffer", (channel: Buffer, payload: Buffer) => {
      this.#received++;
      onMessage(channel, payload);
    });
    this.#pings = this.#clock.every(pingIntervalMs, () => void this.#ping());
  }

  /**
   * Publishes through the server that has `key`. Rejects when Redis does not take it in time, or when too much is waiting
   * for that already.
   */
  async publish(channel: string, data: string, key: string): Promise<void> {
    await this.#bounded(Buffer.byteLength(data), "PUBLISH", () => this.#use().publish(channel, data, key));
  }

  /** Runs a script, likewise. */
  async script({ script, keys, args }: ScriptCall): Promise<unknown> {
    let bytes = 0;
    for (const part of keys) bytes += Buffer.byteLength(part);
    for (const part of args) bytes += Buffer.byteLength(part);
    try {
      return await this.#bounded(bytes, "a script", () => this.#use().script(script, keys, args));
    } catch (error) {
      // The master became a replica and did not hang up: somebody else is the master now.
      if (isError(error, "READONLY")) this.#lose(this.#reasonOf(error));
      throw error;
    }
  }

  async subscribe(channels: readonly string[]): Promise<void> {
    await this.#certain("SUBSCRIBE", this.#use().subscriber.subscribe(...channels));
  }

  async unsubscribe(channels: readonly string[]): Promise<void> {
    await this.#certain("UNSUBSCRIBE", this.#use().subscriber.unsubscribe(...channels));
  }

  /** Ends every connection; what is pending rejects. Idempotent. */
  async close(): Promise<void> {
    this.#pings?.cancel();
    this.#abort.abort();
    this.#lose("closed");
    // A connection that cannot be ended any sooner, as while a Sentinel is asked, ends by its own timeout.
    await withDeadline(this.#clock, MAX_CLOSING_MS, "closing", Promise.all(this.#ends)).catch(() => {});
  }

  /** Without an answer it is unknown what Redis holds: only a new link makes it certain again. */
  async #certain(what: string, work: Promise<unknown>): Promise<void> {
    try {
      await this.#ask(what, work);
    } catch (error) {
      if (error instanceof DeadlineExceeded) this.#lose(this.#reasonOf(error));
      throw error;
    }
  }

  /** What waits for Redis is bounded by its bytes, and by a deadline. */
  async #bounded<T>(bytes: number, what: string, begin: () => Promise<T>): Promise<T> {
    if (this.#pendingBytes + bytes > this.#options.maxPendingBytes) {
      throw new Error(`${this.#pendingBytes} bytes are waiting for Redis already`);
    }
    this.#pendingBytes += bytes;
    try {
      return await this.#ask(what, begin());
    } finally {
      this.#pendingBytes -= bytes;
    }
  }

  async #ask<T>(what: string, work: Promise<T>): Promise<T> {
    return await withDeadline(this.#clock, this.#options.commandTimeoutMs, what, work);
  }

  async #ping(): Promise<void> {
    if (this.#pinging) return;
    this.#pinging = true;
    try {
      await Promise.all([this.#use().ping(), this.#pingSubscriber()]);
    } catch (error) {
      this.#lose(this.#reasonOf(error));
    } finally {
      this.#pinging = false;
    }
  }

  /** The answer queues behind every publication on its way, so those are signs of life as well. */
  async #pingSubscriber(): Promise<void> {
    const before = this.#received;
    try {
      await this.#ask("PING", this.#use().subscriber.ping());
    } catch (error) {
      if (!(error instanceof DeadlineExceeded) || this.#received === before) throw error;
    }
  }

  #use(): Connections {
    if (this.#connections === undefined) throw new Error("the link is not open");
    return this.#connections;
  }
}
