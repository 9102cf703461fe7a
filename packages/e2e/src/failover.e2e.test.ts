/**
 * Redis fails over while 200 clients listen and 500 messages a second are published: a replica behind a
 * Sentinel takes over, with all that the master had, or without its last half second.
 *
 * What was lost with the master cannot be had; clients that had received it are told so, by the epoch. No
 * client misses anything in silence.
 */
import { RedisSentinel, RedisServer } from "@holdfast/redis/testing";
import { afterEach, describe, expect, jest, test } from "@jest/globals";
import { Redis } from "ioredis";
import { eventually } from "./deadline.js";
import { DurabilityCluster, type Scene } from "./durability-cluster.js";
import { Resources } from "./resources.js";

jest.setTimeout(180_000);

const own = new Resources();
afterEach(() => own.close());

/** How far the replica is behind when the master dies, ms. */
const LAG_MS = 500;

/** Publications that each watcher has heard from the master and the replica never got, at least. */
const LAG_PUBLICATIONS = 5;

/** The user as which the replica reads from the master, with its password. */
const REPLICA = { user: "replica", password: "of-the-master" };

async function start(): Promise<{ master: RedisServer; cluster: DurabilityCluster }> {
  const user = ["--user", REPLICA.user, "on", `>${REPLICA.password}`, "+psync", "+replconf", "+ping"];
  const master = own.add(await RedisServer.start({ args: ["--repl-diskless-sync-delay", "0", ...user] }));
  const login = ["--masteruser", REPLICA.user, "--masterauth", REPLICA.password];
  own.add(await RedisServer.start({ args: ["--replicaof", "127.0.0.1", String(master.port), ...login] }));
  const asked = own.add(new Connection(new Redis(master.port)));
  await eventually("the replica is in step", async () =>
    /slave0:.*state=online/.test(await asked.redis.info("replication")),
  );
  const sentinel = own.add(await RedisSentinel.start(master.port));
  const watcher = own.add(new Connection(new Redis(sentinel.port)));
  await eventually("the Sentinel knows the replica", async () => {
    const replicas = await watcher.redis.call("SENTINEL", "REPLICAS", "mymaster");
    return Array.isArray(replicas) && replicas.length === 1;
  });
  const connect = (): Redis =>
    new Redis({
      sentinels: [{ host: "127.0.0.1", port: sentinel.port }],
      name: "mymaster",
      retryStrategy: () => null,
      sentinelRetryStrategy: () => null,
      maxRetriesPerRequest: 0,
    }).on("error", () => {});
  const options = {
    redis: sentinel.url,
    connect,
    kinds: ["sdk"] as const,
    clients: 200,
    channels: 20,
    rate: 500,
  };
  return { master, cluster: await DurabilityCluster.start(options, own) };
}

describe("when the master dies and its replica takes over", () => {
  test.each([
    ["in step", 0],
    ["behind", LAG_MS],
  ])("a replica that is %s: nothing is missed or comes twice without a word", async (_, lagMs) => {
    const { master, cluster } = await start();
    const { published, received, losses, gaps } = await cluster.round(async (scene) => {
      if (lagMs > 0) await fallBehind(master, scene);
      await master.kill();
    });
    process.stdout.write(
      `failover, ${lagMs} ms behind: ${published} published, ${received} received, ${losses} connections lost, ${gaps.length} gaps told\n`,
    );
    expect(losses).toBe(0);
    for (const reason of gaps) expect(reason).toBe("epoch");
    if (lagMs > 0) expect(gaps.length).toBeGreaterThan(0);
  });
});

/**
 * Takes the replica's user away on the master, and resolves when each watcher has heard what the replica does
 * not have. A relay between both would not do: a Sentinel leads the replica past it after 8 s.
 */
async function fallBehind(master: RedisServer, { watchers, published }: Scene): Promise<void> {
  const asked = own.add(new Connection(new Redis(master.port)));
  await asked.redis.call("ACL", "DELUSER", REPLICA.user);
  const known = new Map(published);
  await new Promise((resolve) => setTimeout(resolve, LAG_MS));
  await eventually("each watcher has heard what the replica does not have", () =>
    watchers.every(({ channel, check }) => check.last >= (known.get(channel) ?? 0) + LAG_PUBLICATIONS),
  );
}

/** A connection that is closed like everything else here. */
class Connection {
  readonly redis: Redis;

  constructor(redis: Redis) {
    this.redis = redis.on("error", () => {});
  }

  close(): void {
    this.redis.disconnect();
  }
}
