/**
 * The stream waiter: waits for the next entry of a stream, on a connection of its own, because waiting blocks
 * it.
 *
 * It only says that an entry may be there; what it is, and who may fetch it, is decided by
 * lua/ingest-take.lua. Invariant: there is a connection only from a wait until `close`, and no wait outlasts
 * its time by more than a command's deadline.
 */
import type { Clock } from "@holdfast/core";
import type { Cluster, Redis } from "ioredis";
import type { RedisClient } from "./connection/client.js";
import { openingTimeoutMs, openReader } from "./connection/connect.js";
import { reasonsOf } from "./connection/reason.js";
import { Handshakes } from "./connection/stream-errors.js";
import type { RedisOptions } from "./options.js";
import { withDeadline } from "./runtime/deadline.js";

/** How long closing waits for the connection to end, ms. */
const MAX_CLOSING_MS = 500;

interface Line {
  readonly abort: AbortController;
  readonly ends: Promise<string>[];
  client?: RedisClient<Redis | Cluster>;
}

export class StreamWaiter {
  readonly #options: RedisOptions;
  readonly #clock: Clock;
  readonly #random: () => number;
  #line: Line | undefined;

  constructor(options: RedisOptions, clock: Clock, random: () => number) {
    this.#options = options;
    this.#clock = clock;
    this.#random = random;
  }

  /**
   * Resolves when the stream has an entry after the id, and in any case after `ms`. Rejects when it cannot
   * tell.
   */
  async wait(stream: string, after: string, ms: number): Promise<void> {
    this.#line ??= { abort: new AbortController(), ends: [] };
    const line = this.#line;
    const { commandTimeoutMs } = this.#options;
    try {
      line.client ??= await this.#open(line);
      const { raw, ended } = line.client;
      const woken = raw.xread("COUNT", 1, "BLOCK", ms, "STREAMS", stream, after);
      const cut = ended.then((reason) => Promise.reject(new Error(reason)));
      await withDeadline(this.#clock, ms + commandTimeoutMs, "XREAD", Promise.race([woken, cut]));
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Ends the connection and with it the wait. Idempotent; the next wait opens another. */
  async close(): Promise<void> {
    const line = this.#line;
    if (line === undefined) return;
    this.#line = undefined;
    line.abort.abort();
    await withDeadline(this.#clock, MAX_CLOSING_MS, "closing", Promise.all(line.ends)).catch(() => {});
  }

  #open({ abort, ends }: Line): Promise<RedisClient<Redis | Cluster>> {
    const { target, commandTimeoutMs: timeoutMs } = this.#options;
    const opening = openReader(target, {
      timeoutMs,
      random: this.#random,
      reasonOf: reasonsOf(target),
      handshakes: new Handshakes(),
      signal: abort.signal,
      ends,
    });
    return withDeadline(this.#clock, openingTimeoutMs(target, timeoutMs), "connecting", opening);
  }
}
