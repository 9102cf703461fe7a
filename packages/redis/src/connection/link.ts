/**
 * A link: one life of the connections to Redis, from opening to the first sign that something is wrong.
 *
 * Which signs are looked for is the business of its checks (link-checks.ts). Invariant: a link is lost once
 * and as a whole; nothing is repaired inside it, so that "ready" always means that all of it works.
 */
import { isNativeError } from "node:util/types";
import type { Clock, Logger, Metrics } from "@holdfast/core";
import { RedisKeys } from "../keys.js";
import type { RedisOptions } from "../options.js";
import { DeadlineExceeded, withDeadline } from "../runtime/deadline.js";
import { databaseOf } from "../target.js";
import { openConnections, openingTimeoutMs } from "./connect.js";
import type { Connections, OpenSharded } from "./connections.js";
import { CommandLanes } from "./lanes.js";
import { LinkChecks } from "./link-checks.js";
import type { Pings } from "./pings.js";
import type { Reasons } from "./reason.js";
import type { Roles } from "./role.js";
import { type RunCall, runBytes } from "./run.js";
import { isError, SCRIPTS, type ScriptCall } from "./script.js";
import type { ServerIds } from "./server-ids.js";
import { Handshakes } from "./stream-errors.js";

/** What a link tells of subscribed channels, by their plain names. */
export interface PubSubEvents {
  message(channel: string, payload: Buffer): void;
  skipped(channel: string): void;
}

/** What a link needs of its connection. */
export interface LinkParts {
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly openSharded: OpenSharded;
  readonly roles: Roles;
  readonly pings: Pings;
  readonly serverIds: ServerIds;
  /** An error as a reason that may be logged. */
  readonly reasonOf: Reasons;
}

/** How long closing waits for the connections to end, ms. */
const MAX_CLOSING_MS = 500;

export class RedisLink {
  readonly #options: RedisOptions;
  readonly #parts: LinkParts;
  readonly #lanes: CommandLanes;
  readonly #abort = new AbortController();
  readonly #ends: Promise<string>[] = [];
  #connections: Connections | undefined;
  #checks: LinkChecks | undefined;
  #pendingBytes = 0;
  #lose: (reason: string) => void = () => {};
  /** Settles with the reason when the link is of no use any more. Never rejects. */
  readonly lost = new Promise<string>((resolve) => {
    this.#lose = resolve;
  });

  constructor(options: RedisOptions, parts: LinkParts) {
    this.#options = options;
    this.#parts = parts;
    this.#lanes = new CommandLanes(
      ({ script, keys, args }) => this.#use().script(script, keys, args),
      () => parts.clock.monotonic(),
    );
  }

  /** Connects. Rejects when that fails or takes too long; the link is to be closed then too. Called once. */
  async open(events: PubSubEvents): Promise<void> {
    const { target, prefix, sharded, commandTimeoutMs: timeoutMs } = this.#options;
    const { clock, random, logger, openSharded, roles, pings, serverIds } = this.#parts;
    roles.begin();
    serverIds.begin();
    const keys = new RedisKeys(prefix, databaseOf(target));
    const opening = openConnections(target, {
      timeoutMs,
      clock,
      random,
      logger,
      sharded,
      openSharded,
      keys,
      probeChannel: keys.probe(random().toString(36).slice(2)),
      roles,
      pings,
      serverIds,
      reasonOf: this.#parts.reasonOf,
      handshakes: new Handshakes(),
      signal: this.#abort.signal,
      ends: this.#ends,
      events,
      lose: (error) => this.#lose(this.#parts.reasonOf(error)),
    });
    const connections = await withDeadline(clock, openingTimeoutMs(target, timeoutMs), "connecting", opening);
    this.#connections = connections;
    connections.lost.then(this.#lose);
    const lose = (error: unknown): void => this.#lose(this.#parts.reasonOf(error));
    const checks = new LinkChecks(connections, this.#options, { ...this.#parts, lose });
    this.#checks = checks;
    connections.subscriber.on("messageBuffer", (channel: Buffer, payload: Buffer) => {
      checks.received();
      events.message(channel.toString(), payload);
    });
  }

  /** Whether publications go to sharded channels now. */
  get isSharding(): boolean {
    return this.#connections?.sharding?.isPublishing ?? false;
  }

  /** See `LinkChecks#delayMs`. */
  get delayMs(): number | undefined {
    return this.#checks?.delayMs;
  }

  /**
   * Publishes through the server that has `key`; `destination`: see lua/tell.lua. Rejects when Redis does
   * not take it in time, or when too much is waiting for that already.
   */
  async publish(destination: string, data: string | Buffer, key: string): Promise<void> {
    const { publish } = this.#use();
    if (publish === undefined) {
      const parts = [{ data, record: undefined }];
      const call = { script: SCRIPTS.publishOnce, lane: key, keys: [key], args: [destination, "0"], parts };
      const [reply] = await this.run(call);
      if (isNativeError(reply)) throw reply;
      return;
    }
    const send = (until: number): Promise<unknown> =>
      this.#lanes.direct(key, () => publish(destination, data), until);
    await this.#bounded(Buffer.byteLength(data), "PUBLISH", key, send);
    this.#checks?.published();
  }

  /** Runs a script, likewise. */
  async script(call: ScriptCall): Promise<unknown> {
    const { script, keys, args } = call;
    const send = (): Promise<unknown> => this.#use().script(script, keys, args);
    try {
      return await this.#bounded(bytesOf(call), "a script", keys[0] ?? "", send);
    } catch (error) {
      this.#heed(error);
      throw error;
    }
  }

  /**
   * Runs publications of one topic as one step, in their order. Resolves with a reply for each; from the
   * first error on, every reply is that error, and those publications had no effect.
   */
  async run(call: RunCall): Promise<readonly unknown[]> {
    const key = call.keys[0] ?? "";
    const bytes = runBytes(call);
    const send = (until: number): Promise<unknown> =>
      this.#lanes.run({ ...call, deadline: this.#use().deadline(key, until) }, bytes, until);
    try {
      const replies = await this.#bounded(bytes, "a publication", key, send);
      if (!Array.isArray(replies) || replies.length !== call.parts.length)
        throw new Error("Redis answered only part of what it was asked");
      this.#heed(replies.find(isNativeError));
      return replies;
    } catch (error) {
      this.#heed(error);
      throw error;
    }
  }

  #heed(error: unknown): void {
    // The master became a replica and did not hang up: another server is the master now.
    if (isError(error, "READONLY")) this.#checks?.demoted(error);
    // The server stood still, or its clock was set: then it is asked anew.
    else if (isError(error, "LATE")) void this.#checks?.checkRole();
  }

  async subscribe(channels: readonly string[]): Promise<void> {
    const { subscriber, sharding } = this.#use();
    await Promise.all([
      this.#certain("SUBSCRIBE", subscriber.subscribe(...(sharding?.plain(channels) ?? channels))),
      sharding?.subscribe(channels),
    ]);
  }

  async unsubscribe(channels: readonly string[]): Promise<void> {
    const { subscriber, sharding } = this.#use();
    await Promise.all([
      this.#certain("UNSUBSCRIBE", subscriber.unsubscribe(...(sharding?.plain(channels) ?? channels))),
      sharding?.unsubscribe(channels),
    ]);
  }

  /** Ends every connection; what is pending rejects. Idempotent. */
  async close(): Promise<void> {
    this.#checks?.close();
    this.#lanes.close();
    this.#abort.abort();
    this.#lose("closed");
    // A connection that cannot be ended any sooner, as while a Sentinel is asked, ends by its own timeout.
    await withDeadline(this.#parts.clock, MAX_CLOSING_MS, "closing", Promise.all(this.#ends)).catch(() => {});
  }

  /** Without an answer it is unknown what Redis holds: only a new link makes it certain again. */
  async #certain(what: string, work: Promise<unknown>): Promise<void> {
    try {
      await withDeadline(this.#parts.clock, this.#options.commandTimeoutMs, what, work);
    } catch (error) {
      if (error instanceof DeadlineExceeded) this.#lose(this.#parts.reasonOf(error));
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
    const { clock } = this.#parts;
    const { commandTimeoutMs } = this.#options;
    try {
      const work = begin(clock.monotonic() + commandTimeoutMs);
      return await withDeadline(clock, commandTimeoutMs, what, work);
    } catch (error) {
      if (error instanceof DeadlineExceeded) this.#connections?.overdue(key);
      throw error;
    } finally {
      this.#pendingBytes -= bytes;
    }
  }

  #use(): Connections {
    if (this.#connections === undefined) throw new Error("the link is not open");
    return this.#connections;
  }
}

function bytesOf({ keys, args }: ScriptCall): number {
  let bytes = 0;
  for (const part of keys) bytes += Buffer.byteLength(part);
  for (const part of args) bytes += Buffer.byteLength(part);
  return bytes;
}
