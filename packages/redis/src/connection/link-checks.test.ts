import { FakeClock } from "@holdfast/core/testing";
import { expect, it } from "@jest/globals";
import { REDIS_DEFAULTS, type RedisOptions } from "../options.js";
import type { Connections } from "./connections.js";
import { LinkChecks } from "./link-checks.js";

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
