/**
 * Rebalances with real instances behind HAProxy, while a backend publishes: two instances carry all clients
 * and a third one joins, which they even out by themselves; a fourth one joins, and `holdfast rebalance` is
 * asked for, which does not wait for the rest after the round before.
 *
 * The claims: the spread is small afterwards, no client lost anything or got it twice, and each one that was
 * moved was moved once in a round and went on with its session.
 */
import type { RebalanceReport } from "@holdfast/gateway";
import { RedisServer } from "@holdfast/redis/testing";
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { Redis } from "ioredis";
import { ClientGroups } from "./client-groups.js";
import { eventually } from "./deadline.js";
import { freePorts } from "./free-ports.js";
import { GatewayProcess } from "./gateway-process.js";
import { HaProxy } from "./haproxy.js";
import { metric } from "./metrics-text.js";
import { Program } from "./program.js";
import { Resources } from "./resources.js";
import { SteadyPublisher } from "./steady-publisher.js";

jest.setTimeout(180_000);

const CLIENTS = 420;
const CHANNELS = ["log:a", "log:b", "log:c"];
const ROUND_MS = 60_000;

const shared = new Resources();
const own = new Resources();
let redis: RedisServer;

beforeAll(async () => {
  redis = shared.add(await RedisServer.start());
});
afterEach(() => own.close());
afterAll(() => shared.close());

async function start(port: number): Promise<GatewayProcess> {
  const namespaces = JSON.stringify({ log: { historySize: 5_000, historyTtl: "10m" } });
  const args = [
    ...["--redis", redis.url, "--port", String(port), "--workers", "1", "--namespaces", namespaces],
    // Ten times the usual rate and a tenth of the usual patience: a test has no minutes.
    ...["--rebalance", "auto", "--rebalance-rate", "100", "--rebalance-patience", "3s"],
  ];
  return own.add(await GatewayProcess.start({ args }));
}

/** A metric of each instance. */
function each(gateways: readonly GatewayProcess[], name: string): Promise<number[]> {
  return Promise.all(
    gateways.map(async (gateway) => metric((await gateway.adminGet("/metrics")).text, name)),
  );
}

async function isShedding(gateway: GatewayProcess): Promise<boolean> {
  const { text } = await gateway.adminGet("/metrics");
  const states = ["shedding", "held"].map((state) => metric(text, "holdfast_rebalance_state", { state }));
  return states.includes(1);
}

/** `holdfast rebalance` at that instance. */
async function rebalance(gateway: GatewayProcess, ...flags: readonly string[]): Promise<RebalanceReport> {
  const program = own.add(Program.holdfast(["rebalance", "--json", "--admin", gateway.admin, ...flags]));
  expect(await program.exit(30_000)).toEqual({ code: 0, signal: null });
  return JSON.parse(program.lines.join("\n")) as RebalanceReport;
}

/** Resolves when the newest instance has had its clients and no round is under way any more. */
async function evened(gateways: readonly GatewayProcess[], clients: ClientGroups): Promise<void> {
  const share = CLIENTS / gateways.length;
  await eventually(
    "the rounds have ended",
    async () => {
      const held = await each(gateways, "holdfast_connections");
      const areAtRest = (await Promise.all(gateways.map(isShedding))).every((sheds) => !sheds);
      return areAtRest && (held.at(-1) ?? 0) > 0.7 * share;
    },
    ROUND_MS,
  );
  await eventually("all are back", () => clients.areAllConnected());
  const held = await each(gateways, "holdfast_connections");
  expect(sum(held)).toBe(CLIENTS);
  expect(Math.max(...held) - Math.min(...held)).toBeLessThanOrEqual(0.15 * share);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}

describe("a cluster that grows", () => {
  test("spreads its clients by itself, and when it is asked to; none lost, none twice", async () => {
    const first = await freePorts(4);
    const ports = [first, first + 1, first + 2, first + 3];
    const gateways = await Promise.all(ports.slice(0, 2).map(start));
    const proxy = own.add(await HaProxy.balancing(ports, "leastconn"));
    const publisher = own.add(
      new SteadyPublisher({
        connect: () => new Redis(redis.port, { lazyConnect: true, retryStrategy: null }),
        channels: CHANNELS,
        rate: 60,
      }),
    );
    const clients = own.add(new ClientGroups(CLIENTS));
    await clients.join(CLIENTS, (n) => ({
      url: proxy.ws(),
      channel: CHANNELS[n % CHANNELS.length] ?? "",
    }));
    expect(sum(await each(gateways, "holdfast_connections_shed_total"))).toBe(0);

    gateways.push(await start(first + 2));
    await evened(gateways, clients);
    const alone = sum(await each(gateways, "holdfast_connections_shed_total"));
    // The balancer counts: little more than what the third one lacked moves.
    expect(alone).toBeGreaterThan(CLIENTS / 4);
    expect(alone).toBeLessThan(CLIENTS / 2);
    const moves = (await clients.accounts()).map(({ waits }) => waits.length);
    expect(Math.max(...moves)).toBe(1);

    const fourth = await start(first + 3);
    gateways.push(fourth);
    const planned = await eventually("all four are known, and calm", async () => {
      const report = await rebalance(fourth, "--dry-run");
      return report.instances.length === 4 && report.hold === null && report;
    });
    expect(planned).toMatchObject({ automatic: true, phase: "idle", shed: 0, total: CLIENTS });
    expect(sum(planned.instances.map(({ over }) => over))).toBeGreaterThan(CLIENTS / 6);
    // None of the others would begin: they rest. The one that is asked carries none itself.
    expect(await each([fourth], "holdfast_connections")).toEqual([0]);
    await rebalance(fourth);
    await evened(gateways, clients);

    const published = await publisher.finish();
    const last = Object.fromEntries([...published].map(([channel, count]) => [channel, count - 1]));
    await eventually("all clients have the last number", async () => (await clients.behind(last)) === 0);
    const accounts = await clients.accounts();
    expect(accounts).toHaveLength(CLIENTS);
    for (const { violations, gaps, problems, waits } of accounts) {
      expect({ violations, gaps, problems }).toEqual({ violations: [], gaps: [], problems: [] });
      // Once in a round.
      expect(waits.length).toBeLessThanOrEqual(2);
      for (const wait of waits) expect(wait).toMatch(/^3001 Moved for balance/);
    }
    const moved = sum(accounts.map(({ waits }) => waits.length));
    expect(moved - alone).toBeLessThan(CLIENTS / 2);
    expect(sum(await each(gateways, "holdfast_connections_shed_total"))).toBe(moved);
    // A session that moved went on: none began anew.
    expect(sum(await each(gateways, "holdfast_sessions_resumed_total"))).toBe(moved);
  });

  test("needs other instances, and says so", async () => {
    const gateway = own.add(await GatewayProcess.start());
    const program = own.add(Program.holdfast(["rebalance", "--admin", gateway.admin]));
    expect(await program.exit()).toEqual({ code: 1, signal: null });
    expect(program.output).toContain("There are no other instances: the setting `redis` joins them.");
  });
});
