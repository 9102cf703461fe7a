import { noMetrics, silentLogger } from "@holdfast/core";
import { FakeClock } from "@holdfast/core/testing";
import { describe, expect, it } from "@jest/globals";
import { REDIS_DEFAULTS, type RedisOptions } from "../options.js";
import type { Connections } from "./connections.js";
import { LinkChecks } from "./link-checks.js";
import { NotMaster } from "./role.js";

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it("says how late signs of life come: the last, or the one that is awaited", async () => {
  const clock = new FakeClock();
  let answer: () => void = () => {};
  const connections = {
    ping: () => new Promise<void>((resolve) => (answer = resolve)),
    checkRole: async () => {},
    subscriber: {},
  } as unknown as Connections;
  const options = { ...REDIS_DEFAULTS, commandTimeoutMs: 60_000 } as RedisOptions;
  const lost: unknown[] = [];
  const checks = new LinkChecks(connections, options, {
    clock,
    pings: { ping: async () => {} } as never,
    metrics: noMetrics,
    logger: silentLogger,
    lose: (error) => lost.push(error),
  });
  expect(checks.delayMs).toBeUndefined();
  clock.advance(options.pingIntervalMs);
  await settle();
  clock.advance(300);
  expect(checks.delayMs).toBe(300);
  clock.advance(100);
  answer();
  await settle();
  expect(checks.delayMs).toBe(400);
  clock.advance(options.pingIntervalMs);
  await settle();
  expect(checks.delayMs).toBe(400);
  clock.advance(2_000);
  expect(checks.delayMs).toBe(2_400);
  answer();
  await settle();
  checks.close();
  expect(lost).toEqual([]);
});

describe("a master that is demoted under a live link", () => {
  function checked() {
    const clock = new FakeClock();
    const lost: unknown[] = [];
    const counted: [string, number][] = [];
    const server = { isMaster: true };
    const connections = {
      ping: async () => {},
      checkRole: async () => {
        if (!server.isMaster) throw new NotMaster("a replica");
      },
      subscriber: {},
    } as unknown as Connections;
    const checks = new LinkChecks(connections, REDIS_DEFAULTS as RedisOptions, {
      clock,
      pings: { ping: async () => {} } as never,
      metrics: { ...noMetrics, add: (name, amount) => counted.push([name, amount]) },
      logger: silentLogger,
      lose: (error) => lost.push(error),
    });
    return { clock, lost, counted, server, checks };
  }

  it.each([1, 1_000, 1_999, 2_000, 3_500])(
    "is noticed within 5 s by default, whenever it happens (%d ms after the link opened)",
    async (at) => {
      const { clock, lost, server, checks } = checked();
      clock.advance(at);
      await settle();
      server.isMaster = false;
      for (let ms = 0; ms < 5_000 && lost.length === 0; ms += 50) {
        clock.advance(50);
        await settle();
      }
      checks.close();
      expect(lost).toEqual([expect.any(NotMaster)]);
    },
  );

  it("counts what it acknowledged since it last said that it was a master, and tells it once", async () => {
    const { clock, lost, counted, server, checks } = checked();
    for (let n = 0; n < 3; n++) checks.published();
    clock.advance(REDIS_DEFAULTS.roleIntervalMs);
    await settle();
    for (let n = 0; n < 2; n++) checks.published();
    server.isMaster = false;
    checks.published();
    expect(counted).toEqual([]);
    clock.advance(REDIS_DEFAULTS.roleIntervalMs);
    await settle();
    checks.demoted(new Error("READONLY"));
    checks.close();
    expect(counted).toEqual([["publications_doubtful", 3]]);
    expect(lost).toHaveLength(2);
  });
});
