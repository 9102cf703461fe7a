/**
 * A rebalance with real instances behind HAProxy: two carry all clients, a third one joins, and
 * `holdfast rebalance` spreads them, while a backend publishes.
 *
 * The claims: the spread is small afterwards, no client lost anything or got it twice, and each one that was
 * moved was moved once and went on with its session at another instance or the same.
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

const CLIENTS = 300;
const CHANNELS = ["log:a", "log:b", "log:c"];

const shared = new Resources();
const own = new Resources();
let redis: RedisServer;

beforeAll(async () => {
  redis = shared.add(await RedisServer.start());
});
afterEach(() => own.close());
afterAll(() => shared.close());

function start(port: number): Promise<GatewayProcess> {
  const namespaces = JSON.stringify({ log: { historySize: 5_000, historyTtl: "10m" } });
  const args = [
    ...["--redis", redis.url, "--port", String(port), "--workers", "1", "--namespaces", namespaces],
    // Ten times the usual rate: a test has no minutes.
    ...["--rebalance-rate", "100"],
  ];
  return GatewayProcess.start({ args });
}

async function connections(gateway: GatewayProcess): Promise<number> {
  return metric((await gateway.adminGet("/metrics")).text, "holdfast_connections");
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

describe("holdfast rebalance", () => {
  test("spreads the clients of two instances over three; none lost, none twice, each moved once at most", async () => {
    const first = await freePorts(3);
    const ports = [first, first + 1, first + 2];
    const [one, two] = await Promise.all(ports.slice(0, 2).map(async (port) => own.add(await start(port))));
    if (one === undefined || two === undefined) throw new Error("two instances");
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

    const three = own.add(await start(first + 2));
    const planned = await eventually("all three are known, and calm", async () => {
      const report = await rebalance(three, "--dry-run");
      return report.instances.length === 3 && report.hold === null && report;
    });
    expect(planned).toMatchObject({ automatic: false, phase: "idle", shed: 0, total: CLIENTS });
    expect(planned.instances.reduce((sum, { over }) => sum + over, 0)).toBeGreaterThan(CLIENTS / 4);
    expect(await connections(three)).toBe(0);

    // The one that is asked carries none itself.
    await rebalance(three);
    const gateways = [one, two, three];
    await eventually("two instances shed", async () => (await isShedding(one)) && (await isShedding(two)));
    await eventually(
      "the rounds have ended",
      async () => (await Promise.all(gateways.map(isShedding))).every((each) => !each),
      60_000,
    );
    await eventually("all are back", () => clients.areAllConnected());
    const held = await Promise.all(gateways.map(connections));
    expect(held.reduce((sum, each) => sum + each, 0)).toBe(CLIENTS);
    expect(Math.max(...held) - Math.min(...held)).toBeLessThanOrEqual((0.15 * CLIENTS) / 3);

    const published = await publisher.finish();
    const last = Object.fromEntries([...published].map(([channel, count]) => [channel, count - 1]));
    await eventually("all clients have the last number", async () => (await clients.behind(last)) === 0);
    const accounts = await clients.accounts();
    expect(accounts).toHaveLength(CLIENTS);
    for (const { violations, gaps, problems, waits } of accounts) {
      expect({ violations, gaps, problems }).toEqual({ violations: [], gaps: [], problems: [] });
      expect(waits.length).toBeLessThanOrEqual(1);
      for (const wait of waits) expect(wait).toMatch(/^3001 Moved for balance/);
    }
    const moved = accounts.filter(({ waits }) => waits.length > 0).length;
    // The balancer counts: little more than what the third one lacked moves.
    expect(moved).toBeGreaterThan(CLIENTS / 4);
    expect(moved).toBeLessThan(CLIENTS / 2);
    expect(await connections(three)).toBeGreaterThan(CLIENTS / 4);
    const shed = await Promise.all(
      gateways.map(async (each) =>
        metric((await each.adminGet("/metrics")).text, "holdfast_connections_shed_total"),
      ),
    );
    expect(shed.reduce((sum, each) => sum + each, 0)).toBe(moved);
    // A session that moved went on: none began anew.
    const resumed = await Promise.all(
      gateways.map(async (each) =>
        metric((await each.adminGet("/metrics")).text, "holdfast_sessions_resumed_total"),
      ),
    );
    expect(resumed.reduce((sum, each) => sum + each, 0)).toBe(moved);
  });

  test("needs other instances, and says so", async () => {
    const gateway = own.add(await GatewayProcess.start());
    const program = own.add(Program.holdfast(["rebalance", "--admin", gateway.admin]));
    expect(await program.exit()).toEqual({ code: 1, signal: null });
    expect(program.output).toContain("There are no other instances: the setting `redis` joins them.");
  });
});
