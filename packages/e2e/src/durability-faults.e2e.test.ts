/**
 * Nothing lost, nothing twice, nothing out of order: two instances on one Redis, 200 clients over WebSocket,
 * event stream and long-poll, 500 messages a second, and one fault after the other.
 *
 * HOLDFAST_DURABILITY_ROUNDS says how many rounds (`npm run durability`: 40), HOLDFAST_FAULT_SEED replays a
 * run. A line for each round and one for all of them are printed.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { RedisServer } from "@holdfast/redis/testing";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { Redis } from "ioredis";
import { DurabilityCluster, type RoundReport } from "./durability-cluster.js";
import { Resources } from "./resources.js";
import { SeededRandom } from "./seeded-random.js";

jest.setTimeout(180_000);

const FAULTS = [
  "kill a worker",
  "cut every connection",
  "restart Redis",
  "kill an instance",
  "reload an instance",
  "restart Redis without its data",
] as const;

/** Coprime to the number of channels, so that each channel has all of them. */
const KINDS = ["sdk", "sse", "poll", "sdk", "lossy sse", "lossy poll", "sdk"] as const;

const ROUNDS = Number(process.env.HOLDFAST_DURABILITY_ROUNDS ?? FAULTS.length);
const SEED = Number(process.env.HOLDFAST_FAULT_SEED ?? Math.floor(Math.random() * 2 ** 32));
const random = new SeededRandom(SEED);

const shared = new Resources();
const reports: RoundReport[] = [];
let redis: RedisServer;
let cluster: DurabilityCluster;

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

beforeAll(async () => {
  say(`durability: ${ROUNDS} rounds of seed ${SEED} (HOLDFAST_FAULT_SEED=${SEED} replays them)`);
  redis = shared.add(await RedisServer.start({ args: ["--appendonly", "yes", "--appendfsync", "always"] }));
  cluster = await DurabilityCluster.start(
    {
      redis: redis.url,
      connect: () =>
        new Redis(redis.port, { retryStrategy: () => null, maxRetriesPerRequest: 0 }).on("error", () => {}),
      clients: 200,
      kinds: KINDS,
      channels: 20,
      rate: 500,
    },
    shared,
  );
});
afterAll(async () => {
  const published = reports.reduce((sum, each) => sum + each.published, 0);
  const received = reports.reduce((sum, each) => sum + each.received, 0);
  say(`durability: ${reports.length} of ${ROUNDS} rounds held; ${published} published, ${received} received`);
  await shared.close();
});

async function happen(fault: (typeof FAULTS)[number]): Promise<void> {
  const which = random.between(0, 1);
  switch (fault) {
    case "kill a worker":
      return cluster.killWorker(which, random.next());
    case "cut every connection":
      return cluster.cutConnections();
    case "kill an instance":
      return cluster.killInstance(which);
    case "reload an instance":
      return cluster.reloadInstance(which);
    case "restart Redis":
      await redis.stop();
      await new Promise((resolve) => setTimeout(resolve, random.between(0, 3_000)));
      return redis.restart();
    case "restart Redis without its data":
      await redis.kill();
      rmSync(join(redis.directory, "appendonlydir"), { recursive: true, force: true });
      return redis.restart();
  }
}

describe("200 clients and 500 messages a second, while faults happen", () => {
  test.each(
    Array.from({ length: ROUNDS }, (_, i) => [i + 1, FAULTS[i % FAULTS.length] ?? FAULTS[0]] as const),
  )("round %i: %s", async (round, fault) => {
    const started = performance.now();
    const report = await cluster.round(() => happen(fault));
    const gaps = [...new Set(report.gaps)].map(
      (reason) => `${report.gaps.filter((each) => each === reason).length} × ${reason}`,
    );
    say(
      `round ${round}, ${fault}: ${report.published} published, ${report.received} received, ` +
        `${report.losses} connections lost, gaps: ${gaps.join(", ") || "none"}; ${((performance.now() - started) / 1000).toFixed(1)} s`,
    );
    // Only where the data itself was lost may a client be told so.
    if (fault !== "restart Redis without its data") expect(report.gaps).toEqual([]);
    reports.push(report);
  });
});
