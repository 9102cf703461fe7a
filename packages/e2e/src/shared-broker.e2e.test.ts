/**
 * The broker on Redis keeps its contract where its subscriptions are shared with siblings, on one server and
 * on a Redis Cluster, and topics move among them without a history, exactly.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BROADCAST, type Broker, channelTopic, noMetrics, silentLogger, systemClock } from "@holdfast/core";
import { BrokerListener, brokerContract, brokerOutageContract } from "@holdfast/core/testing";
import { Siblings } from "@holdfast/gateway/worker";
import type { Owner } from "@holdfast/protocol";
import { parseRedisUrl, SeamsOnRedis } from "@holdfast/redis";
import { RedisCluster, RedisServer } from "@holdfast/redis/testing";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { eventually } from "./deadline.js";

jest.setTimeout(60_000);

const SEAMS = { clock: systemClock, logger: silentLogger, metrics: noMetrics, random: Math.random };
const FAST = { commandTimeoutMs: 2000, pingIntervalMs: 50, minRetryDelayMs: 10, maxRetryDelayMs: 50 };
/** Impatient, for outages that a test waits out. */
const IMPATIENT = { ...FAST, commandTimeoutMs: 400 };

/** An instance whose workers are brokers of this process. */
class SharedWorld {
  readonly #url: string;
  readonly #prefix: string;
  readonly #options: typeof FAST;
  readonly #directory = mkdtempSync(join(tmpdir(), "shared-"));
  readonly #workers: { readonly owner: Owner; readonly siblings: Siblings }[] = [];

  constructor(url: string, prefix: string, options = FAST) {
    this.#url = url;
    this.#prefix = prefix;
    this.#options = options;
  }

  get slots(): readonly number[] {
    return this.#workers.map(({ owner }) => owner.slot);
  }

  create(): Broker {
    const owner = { slot: this.#workers.length, generation: 1 };
    const sharing = { owner, directory: this.#directory, group: this.#prefix.replace(":", "") };
    const siblings = new Siblings({ ...sharing, ...SEAMS });
    void siblings.listen();
    this.#workers.push({ owner, siblings });
    this.tell(this.slots);
    const target = parseRedisUrl(this.#url);
    if ("problem" in target) throw new Error(target.problem);
    return new SeamsOnRedis({ target, prefix: this.#prefix, ...this.#options }, SEAMS, siblings).broker;
  }

  /** The workers that may be homes from now on. */
  tell(slots: readonly number[]): void {
    const members = this.#workers.map(({ owner }) => owner).filter(({ slot }) => slots.includes(slot));
    for (const { siblings } of this.#workers) siblings.members(members);
  }

  async close(): Promise<void> {
    for (const { siblings } of this.#workers) siblings.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

describe.each(["one server", "a Redis Cluster"])("on %s", (where) => {
  let servers: RedisServer | RedisCluster;
  let worlds = 0;
  beforeAll(async () => {
    servers = await (where === "one server" ? RedisServer.start() : RedisCluster.start());
  }, 30_000);
  afterAll(() => servers.close());

  brokerContract(`shared, on ${where},`, () => new SharedWorld(servers.url, `world${worlds++}:`));

  test("topics without history move among siblings while it publishes: each publication once, in order", async () => {
    const world = new SharedWorld(servers.url, `world${worlds++}:`);
    const listeners = Array.from({ length: 4 }, () => new BrokerListener(world.create()));
    await Promise.all(listeners.map((listener) => listener.reach("ready")));
    const topics = [BROADCAST, ...Array.from({ length: 11 }, (_, i) => channelTopic(`room:${i}`))];
    for (const { broker } of listeners) await Promise.all(topics.map((topic) => broker.subscribe(topic)));
    const [publisher] = listeners;
    let n = 0;
    const publish = async (forMs: number): Promise<void> => {
      const since = performance.now();
      for (; performance.now() - since < forMs; n++)
        await Promise.all(topics.map((topic) => publisher?.broker.publish(topic, String(n))));
    };
    const all = world.slots;
    for (const members of [[0, 1, 2], [1, 2, 3], all, [2], [], all]) {
      world.tell(members);
      await publish(400);
    }
    for (const { received } of listeners) {
      await eventually("all has come", () => received.length >= n * topics.length);
      for (const topic of topics) {
        const heard = received.filter((each) => each.topic === topic).map(({ data }) => Number(data));
        expect(heard).toEqual(Array.from({ length: n }, (_, i) => i));
      }
    }
    await Promise.all(listeners.map(({ broker }) => broker.close()));
    await world.close();
  });
});

brokerOutageContract("shared,", async () => {
  const own = await RedisServer.start();
  const world = new SharedWorld(own.url, "world:", IMPATIENT);
  return {
    create: () => world.create(),
    away: () => own.kill(),
    back: () => own.restart(),
    close: async () => {
      await world.close();
      await own.close();
    },
  };
});
