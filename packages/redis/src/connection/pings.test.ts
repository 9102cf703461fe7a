import { rmSync } from "node:fs";
import { BrokerUnavailable, channelTopic, noMetrics, systemClock } from "@holdfast/core";
import { BrokerListener } from "@holdfast/core/testing";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import { SeamsOnRedis } from "../seams-on-redis.js";
import { parseRedisUrl, type RedisTarget } from "../target.js";
import { RedisServer } from "../testing/index.js";

const NEWS = channelTopic("news");
const FAST = {
  commandTimeoutMs: 2000,
  pingIntervalMs: 20,
  roleIntervalMs: 20,
  minRetryDelayMs: 10,
  maxRetryDelayMs: 50,
};

describe("a Redis that answers PING with an error", () => {
  let server: RedisServer;
  let admin: Redis;
  let warnings: { reason?: unknown; message: string }[];
  let listener: BrokerListener;

  beforeEach(async () => {
    warnings = [];
    server = await RedisServer.start();
    admin = new Redis(server.port, "127.0.0.1");
  });
  afterEach(async () => {
    await listener.broker.close();
    admin.disconnect();
    await server.close();
  });

  async function start(url = server.url): Promise<void> {
    const skip = (): void => {};
    const warn = (fields: object, message: string): void => void warnings.push({ ...fields, message });
    const logger = { debug: skip, info: skip, warn, error: warn };
    const seams = { clock: systemClock, logger, metrics: noMetrics, random: Math.random };
    const broker = new SeamsOnRedis({ target: parseRedisUrl(url) as RedisTarget, ...FAST }, seams).broker;
    listener = new BrokerListener(broker);
    await listener.reach("ready");
    await broker.subscribe(NEWS);
  }

  /** The warning of the command side and of the listening side is one. */
  async function warned(): Promise<unknown> {
    await until(() => warnings.length > 0);
    await admin.config("RESETSTAT");
    // Some pings and roles later.
    await until(async () => ((await admin.info("commandstats")).match(/cmdstat_ping:.*/)?.[0] ?? "") !== "");
    return warnings;
  }

  test("that cannot save to its disk still passes on what it need not keep", async () => {
    await start();
    await admin.config("SET", "save", "3600 1");
    rmSync(server.directory, { recursive: true });
    await admin.bgsave();
    await until(async () => (await admin.info("persistence")).includes("rdb_last_bgsave_status:err"));
    expect(await warned()).toEqual([
      { reason: expect.stringMatching(/^MISCONF /), message: expect.stringContaining("PING") },
    ]);
    expect(listener.broker.state).toBe("ready");
    const kept = listener.broker.publish(NEWS, "kept", { retention: { size: 5, ttlMs: 9000 } });
    await expect(kept).rejects.toThrow(BrokerUnavailable);
    await listener.broker.publish(NEWS, "passed on");
    await listener.upTo("passed on");
    expect(listener.states.filter((state) => state === "connecting")).toEqual([]);
  });

  test("that does not allow PING is used all the same", async () => {
    await admin.acl("SETUSER", "gate", "on", ">pw", "~*", "&*", "+@all", "-ping");
    await start(`redis://gate:pw@127.0.0.1:${server.port}`);
    expect(await warned()).toEqual([
      { reason: expect.stringMatching(/^NOPERM /), message: expect.stringContaining("PING") },
    ]);
    expect(listener.broker.state).toBe("ready");
    await listener.broker.publish(NEWS, "passed on");
    await listener.upTo("passed on");
  });
});

async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await new Promise((resolve) => setTimeout(resolve, 5));
}
