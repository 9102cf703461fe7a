/**
 * An inspector: one connection to a server of the target, on which an operator's tool asks what it likes.
 *
 * Owns that every question has a deadline and every error is a reason that may be shown. Leaves the questions
 * to its caller. Invariant: after `close` nothing of it is left; a Cluster is asked at one of its masters.
 */
import { type Clock, systemClock } from "@holdfast/core";
import { Cluster, type Redis } from "ioredis";
import { openReader } from "./connection/connect.js";
import { type Reasons, reasonsOf } from "./connection/reason.js";
import { Handshakes } from "./connection/stream-errors.js";
import { withDeadline } from "./runtime/deadline.js";
import type { RedisTarget } from "./target.js";

export interface InspectorOptions {
  readonly target: RedisTarget;
  /** How long connecting and each answer may take, ms. */
  readonly timeoutMs: number;
  readonly clock?: Clock;
}

export class RedisInspector {
  readonly #server: Redis;
  readonly #abort: AbortController;
  readonly #ends: readonly Promise<string>[];
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #reasonOf: Reasons;

  private constructor(
    server: Redis,
    scope: {
      readonly abort: AbortController;
      readonly ends: readonly Promise<string>[];
      readonly reasonOf: Reasons;
    },
    { timeoutMs, clock = systemClock }: InspectorOptions,
  ) {
    this.#server = server;
    this.#abort = scope.abort;
    this.#ends = scope.ends;
    this.#reasonOf = scope.reasonOf;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /** Resolves when the server takes commands. Rejects with an `Error` whose message is the reason. */
  static async open(options: InspectorOptions): Promise<RedisInspector> {
    const { target, timeoutMs, clock = systemClock } = options;
    const abort = new AbortController();
    const ends: Promise<string>[] = [];
    const reasonOf = reasonsOf(target);
    const handshakes = new Handshakes();
    const settings = { signal: abort.signal, ends, reasonOf, handshakes, timeoutMs, random: Math.random };
    try {
      const { raw } = await withDeadline(clock, 2 * timeoutMs, "connecting", openReader(target, settings));
      const server = raw instanceof Cluster ? await masterOf(raw) : raw;
      return new RedisInspector(server, { abort, ends, reasonOf }, options);
    } catch (error) {
      abort.abort();
      throw new Error(reasonOf(error));
    }
  }

  /** The server's answer. Rejects with an `Error` whose message is the server's, or the reason. */
  async ask(command: string, ...args: readonly string[]): Promise<unknown> {
    const asked = this.#server.call(command, ...args);
    try {
      return await withDeadline(this.#clock, this.#timeoutMs, command, asked);
    } catch (error) {
      throw new Error(this.#reasonOf(error));
    }
  }

  /** Milliseconds from a `PING` to its answer. */
  async roundTrip(): Promise<number> {
    const asked = this.#clock.monotonic();
    await this.ask("PING");
    return this.#clock.monotonic() - asked;
  }

  /** Idempotent. Resolves when the connection has ended. */
  async close(): Promise<void> {
    this.#abort.abort();
    await Promise.all(this.#ends);
  }
}

async function masterOf(cluster: Cluster): Promise<Redis> {
  const [master] = cluster.nodes("master");
  if (master === undefined) throw new Error("no master of the cluster can be reached");
  if (master.status === "wait") await master.connect();
  return master;
}
