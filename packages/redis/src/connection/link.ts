/**
 * A link: one life of the connections to Redis, from opening to the first sign that something is wrong.
 *
 * It pings both sides, because a server that is stopped or behind a cut cable closes nothing. Invariant: a
 * link is lost once and as a whole; nothing is repaired inside it, so that "ready" always means that all of
 * it works.
 */
import type { Clock, Timer } from "@holdfast/core";
import { RedisKeys } from "../keys.js";
import type { RedisOptions } from "../options.js";
import { databaseOf } from "../target.js";
import { openConnections, openingTimeoutMs } from "./connect.js";
import type { Connections } from "./connections.js";
import { DeadlineExceeded, withDeadline } from "./deadline.js";
import { CommandLanes } from "./lanes.js";
import type { Pings } from "./pings.js";
import { type Reasons, reasonsOf } from "./reason.js";
import { NotMaster, type Roles } from "./role.js";
import type { ScriptCall } from "./script.js";
import { isError, SCRIPTS } from "./script.js";
import { Handshakes } from "./stream-errors.js";

/** What arrives on a subscribed channel. */
export type OnMessage = (channel: Buffer, payload: Buffer) => void;

/** What a link needs of its broker. */
export interface LinkParts {
  readonly clock: Clock;
  readonly random: () => number;
  readonly roles: Roles;
  readonly pings: Pings;
}

/** How long closing waits for the connections to end, ms. */
const MAX_CLOSING_MS = 500;

export class RedisLink {
  readonly #options: RedisOptions;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #roles: Roles;
  readonly #pings: Pings;
  readonly #reasonOf: Reasons;
  readonly #lanes: CommandLanes;
  readonly #abort = new AbortController();
  readonly #ends: Promise<string>[] = [];
  #connections: Connections | undefined;
  #pingTimer: Timer | undefined;
  #pinging = false;
  #roleChecks: Timer | undefined;
  #checkingRole = false;
  #received = 0;
  #pendingBytes = 0;
  #lose: (reason: string) => void = () => {};
  /** Settles with the reason when the link is of no use any more. Never rejects. */
  readonly lost = new Promise<string>((resolve) => {
    this.#lose = resolve;
  });

  constructor(options: RedisOptions, { clock, random, roles, pings }: LinkParts) {
    this.#options = options;
    this.#clock = clock;
    this.#random = random;
    this.#roles = roles;
    this.#pings = pings;
    this.#lanes = new CommandLanes(
      (script, keys, args) => this.#use().script(script, keys, args),
      () => clock.monotonic(),
    );
    this.#reasonOf = reasonsOf(options.target);
  }

  /** Connects. Rejects when that fails or takes too long; the link is to be closed then too. Called once. */
  async open(onMessage: OnMessage): Promise<void> {
    const { target, prefix, commandTimeoutMs: timeoutMs, pingIntervalMs, roleIntervalMs } = this.#options;
    this.#roles.begin();
    const opening = openConnections(target, {
      timeoutMs,
      clock: this.#clock,
      random: this.#random,
      probeChannel: new RedisKeys(prefix, databaseOf(target)).probe(this.#random().toString(36).slice(2)),
      roles: this.#roles,
      pings: this.#pings,
      reasonOf: this.#reasonOf,
      handshakes: new Handshakes(),
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
    this.#pingTimer = this.#clock.every(pingIntervalMs, () => void this.#ping());
    this.#roleChecks = this.#clock.every(roleIntervalMs, () => void this.#checkRole());
  }

  /**
   * Publishes through the server that has `key`. Rejects when Redis does not take it in time, or when too
   * much is waiting for that already.
   */
  async publish(channel: string, data: string, key: string): Promise<void> {
    const { publish } = this.#use();
    if (publish === undefined) {
      await this.script({ script: SCRIPTS.publishPlain, keys: [key], args: [channel, data], lane: key });
      return;
    }
    const send = (until: number): Promise<unknown> =>
      this.#lanes.direct(key, () => publish(channel, data), until);
    await this.#bounded(Buffer.byteLength(data), "PUBLISH", key, send);
  }

  /** Runs a script, likewise. */
  async script(call: ScriptCall): Promise<unknown> {
    const { script, keys, args, lane } = call;
    let bytes = 0;
    for (const part of keys) bytes += Buffer.byteLength(part);
    for (const part of args) bytes += Buffer.byteLength(part);
    try {
      const send = (until: number): Promise<unknown> =>
        lane === undefined
          ? this.#use().script(script, keys, args)
          : this.#lanes.script(lane, this.#dated(call, until), bytes, until);
      return await this.#bounded(bytes, "a script", keys[0] ?? "", send);
    } catch (error) {
      // The master became a replica and did not hang up: another server is the master now.
      if (isError(error, "READONLY")) this.#lose(this.#reasonOf(error));
      // The server stood still, or its clock was set: then it is asked anew.
      else if (isError(error, "LATE")) void this.#checkRole();
      throw error;
    }
  }

  #dated(call: ScriptCall, until: number): ScriptCall {
    return { ...call, args: [...call.args, this.#use().deadline(call.keys[0] ?? "", until)] };
  }

  async subscribe(channels: readonly string[]): Promise<void> {
    await this.#certain("SUBSCRIBE", this.#use().subscriber.subscribe(...channels));
  }

  async unsubscribe(channels: readonly string[]): Promise<void> {
    await this.#certain("UNSUBSCRIBE", this.#use().subscriber.unsubscribe(...channels));
  }

  /** Ends every connection; what is pending rejects. Idempotent. */
  async close(): Promise<void> {
    this.#pingTimer?.cancel();
    this.#roleChecks?.cancel();
    this.#lanes.close();
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

  /**
   * What waits for Redis is bounded by its bytes, and by a deadline. What missed it is answered as failed and
   * must not be carried out later: its connection is reset first.
   */
  async #bounded<T>(
    bytes: number,
    what: string,
    key: string,
    begin: (until: number) => Promise<T>,
  ): Promise<T> {
    if (this.#pendingBytes + bytes > this.#options.maxPendingBytes) {
      throw new Error(`${this.#pendingBytes} bytes are waiting for Redis already`);
    }
    this.#pendingBytes += bytes;
    try {
      return await this.#ask(what, begin(this.#clock.monotonic() + this.#options.commandTimeoutMs));
    } catch (error) {
      if (error instanceof DeadlineExceeded) this.#connections?.overdue(key);
      throw error;
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

  /** No sign of life is the pings' business. */
  async #checkRole(): Promise<void> {
    if (this.#checkingRole) return;
    this.#checkingRole = true;
    try {
      await this.#use().checkRole();
    } catch (error) {
      if (error instanceof NotMaster) this.#lose(this.#reasonOf(error));
    } finally {
      this.#checkingRole = false;
    }
  }

  /** The answer queues behind every publication on its way, so those are signs of life as well. */
  async #pingSubscriber(): Promise<void> {
    const before = this.#received;
    try {
      await this.#ask("PING", this.#pings.ping(this.#use().subscriber));
    } catch (error) {
      if (!(error instanceof DeadlineExceeded) || this.#received === before) throw error;
    }
  }

  #use(): Connections {
    if (this.#connections === undefined) throw new Error("the link is not open");
    return this.#connections;
  }
}
