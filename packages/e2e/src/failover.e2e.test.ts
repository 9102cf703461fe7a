/**
 * Redis fails over while 200 clients listen and 500 messages a second are published: a replica behind a
 * Sentinel takes over, with all that the master had, or without its last half second.
 *
 * What was lost with the master cannot be had; whoever had heard of it is told so, by the epoch. Nobody
 * misses anything in silence.
 */
import { RedisSentinel, RedisServer } from "@holdfast/redis/testing";
import { afterEach, describe, expect, jest, test } from "@jest/globals";
import { Redis } from "ioredis";
import { eventually } from "./deadline.js";
import { DurabilityCluster } from "./durability-cluster.js";
import { Resources } from "./resources.js";
import { TcpRelay } from "./tcp-relay.js";

jest.setTimeout(180_000);

const own = new Resources();
afterEach(() => own.close());

/** How far the replica is behind when the master dies, ms. */
const LAG_MS = 500;

async function start(): Promise<{ master: RedisServer; replication: TcpRelay; cluster: DurabilityCluster }> {
  const master = own.add(await RedisServer.start({ args: ["--repl-diskless-sync-delay", "0"] }));
  const replication = own.add(await TcpRelay.start([master.port]));
  own.add(await RedisServer.start({ args: ["--replicaof", "127.0.0.1", String(replication.port)] }));
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
  return { master, replication, cluster: await DurabilityCluster.start(options, own) };
}

describe("when the master dies and its replica takes over", () => {
  test.each([
    ["in step", 0],
    ["behind", LAG_MS],
  ])("a replica that is %s: nothing is missed or comes twice without a word", async (_, lagMs) => {
    const { master, replication, cluster } = await start();
    const { published, received, losses, gaps } = await cluster.round(async () => {
      if (lagMs > 0) replication.stall();
      await new Promise((resolve) => setTimeout(resolve, lagMs));
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
