/**
 * What ingest and publish share: a Redis of their own, ours with a history on one worker, a subscriber that
 * sees whether the order holds, and the same scripts called by a bare client, which is what Redis can do.
 */
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { totalCpuMicros } from "@holdfast/swarm/measure";
import type { Redis } from "ioredis";
import { WebSocket } from "ws";
import type { Peer, PeerServer } from "../peers/peer.js";
import type { RedisServer } from "../peers/redis.js";
import type { Metric } from "../result.js";

export const REDIS_LOAD_METRICS: readonly Metric[] = [
  { key: "perSecond", label: "publications/s", unit: "", better: "higher", digits: 0 },
  { key: "redisCpuUs", label: "Redis CPU", unit: "µs each", better: "lower", digits: 1 },
  { key: "cpuUs", label: "gateway CPU", unit: "µs each", better: "lower", digits: 1 },
  { key: "outOfOrder", label: "out of order", unit: "", better: "lower", digits: 0, compare: "own" },
];

/** Not a server: one client of Redis in this process that calls the gateway's script. */
export const BARE_SCRIPT: Peer = {
  name: "script",
  label: "the script, bare ioredis",
  missing: () => undefined,
  start: () => Promise.reject(new Error("has no server")),
};

/** The channel that all of it goes to. Its history keeps `HISTORY_SIZE`. */
export const CHANNEL = "c0";
export const HISTORY_SIZE = 1_000;
export const HISTORY_FLAGS = ["--namespaces", `{"":{"clientPublish":true,"historySize":${HISTORY_SIZE}}}`];
/** Give up when nothing came for so long, ms. */
const PATIENCE_MS = 30_000;
const NUMBER = /@(\d+)/;

/** A publication that says which one it is, as JSON without blanks. */
export function numbered(number: number, length: number): string {
  const text = `@${number}@`;
  return `"${text}${"x".repeat(Math.max(0, length - text.length - 2))}"`;
}

/** Counts numbered publications as they come, and those that are not the next. */
export class OrderWatcher {
  readonly #socket: WebSocket;
  #received = 0;
  #outOfOrder = 0;
  #firstAt = 0;
  #lastAt = 0;
  #last = -1;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data) => {
      for (const line of String(data).split("\n")) {
        const number = NUMBER.exec(line)?.[1];
        if (number === undefined) continue;
        this.#lastAt = performance.now();
        if (this.#received++ === 0) this.#firstAt = this.#lastAt;
        if (Number(number) !== this.#last + 1) this.#outOfOrder++;
        this.#last = Number(number);
      }
    });
  }

  static async open(server: PeerServer): Promise<OrderWatcher> {
    const url = `ws://127.0.0.1:${server.port}${server.target}${CHANNEL}`;
    const socket = new WebSocket(url, { perMessageDeflate: false });
    await once(socket, "open");
    await sleep(500);
    return new OrderWatcher(socket);
  }

  get received(): number {
    return this.#received;
  }

  /** Resolves when `count` have come. */
  async upTo(count: number): Promise<void> {
    const startMs = performance.now();
    while (this.#received < count) {
      if (performance.now() - Math.max(startMs, this.#lastAt) > PATIENCE_MS)
        throw new Error(`only ${this.#received} of ${count} publications came`);
      await sleep(5);
    }
  }

  /** From the first to the last. */
  figures(): { readonly perSecond: number; readonly outOfOrder: number } {
    const seconds = (this.#lastAt - this.#firstAt) / 1000;
    return { perSecond: (this.#received - 1) / seconds, outOfOrder: this.#outOfOrder };
  }

  close(): void {
    this.#socket.terminate();
  }
}

/** The CPU that Redis and a server's processes took since it was made, µs. */
export class CpuWatch {
  readonly #redis: RedisServer;
  readonly #pids: readonly number[];
  readonly #before: readonly [number, number];

  constructor(redis: RedisServer, pids: readonly number[]) {
    this.#redis = redis;
    this.#pids = pids;
    this.#before = this.#read();
  }

  each(count: number): { readonly redisCpuUs: number; readonly cpuUs: number } {
    const [redis, server] = this.#read();
    return { redisCpuUs: (redis - this.#before[0]) / count, cpuUs: (server - this.#before[1]) / count };
  }

  #read(): readonly [number, number] {
    return [totalCpuMicros([this.#redis.pid]), totalCpuMicros([...this.#pids])];
  }
}

/** Adds numbered entries to the ingest stream. */
export async function fillIngest(redis: Redis, count: number, length: number): Promise<void> {
  const PER_PIPELINE = 1_000;
  for (let at = 0; at < count; at += PER_PIPELINE) {
    const pipeline = redis.pipeline();
    for (let number = at; number < Math.min(count, at + PER_PIPELINE); number++)
      pipeline.xadd("holdfast:ingest", "*", "channel", CHANNEL, "data", numbered(number, length));
    await pipeline.exec();
  }
}
