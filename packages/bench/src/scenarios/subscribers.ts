/**
 * What the fan-out scenarios share: a fleet of subscribers, and rounds of publishing at a fixed pace of which
 * each is paid for: CPU of all processes, receipts, loop delay.
 */
import { cpus } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { totalCpuMicros } from "@holdfast/swarm/measure";
import { Fleet, type FleetOptions } from "../load/fleet-client.js";
import { allProcesses, type PeerServer } from "../peers/peer.js";
import type { Metric } from "../result.js";

/** As fast as the server answers, or this. */
const CONNECTS_PER_SECOND = 3_000;
/** After the last round: what is still on its way arrives. */
const SETTLE_MS = 1_000;

export interface Rounds {
  readonly count: number;
  /** Time between their starts, ms. */
  readonly everyMs: number;
  /** Messages that the fleet should get in each. */
  readonly deliveries: number;
  readonly publish: () => Promise<void>;
}

export const DELIVERY_METRICS: readonly Metric[] = [
  { key: "cpuUs", label: "CPU", unit: "µs each", better: "lower", digits: 2 },
  { key: "perSecond", label: "deliveries/s", unit: "", better: "higher", digits: 0 },
  { key: "p50", label: "p50", unit: "ms", better: "lower", digits: 1 },
  { key: "p99", label: "p99", unit: "ms", better: "lower", digits: 1 },
  { key: "loopP99", label: "loop delay p99", unit: "ms", better: "lower", digits: 1 },
  {
    key: "deliveredShare",
    label: "delivered",
    unit: "%",
    better: "higher",
    digits: 2,
    compare: "own",
    noise: 0.01,
  },
  {
    key: "clientShare",
    label: "client CPU",
    unit: "% of machine",
    better: "lower",
    digits: 0,
    compare: "never",
  },
];

/** Runs `body` with a fleet for `server`, and ends it. */
export async function withFleet(
  server: PeerServer,
  options: Partial<Pick<FleetOptions, "channels" | "channelsPerConnection" | "target" | "protocol">>,
  body: (fleet: Fleet) => Promise<void>,
): Promise<void> {
  const { port, target, hello } = server;
  const fleet = await Fleet.start({ port, target, hello, ...options });
  try {
    await body(fleet);
  } finally {
    await fleet.stop();
  }
}

/** Opens connections up to `total` and lets subscriptions settle. */
export async function fill(fleet: Fleet, total: number, settleMs: number = SETTLE_MS): Promise<void> {
  await fleet.connect(total, CONNECTS_PER_SECOND);
  await sleep(settleMs);
}

/** Publishes in rounds and returns DELIVERY_METRICS. The first rounds are not counted: code gets compiled. */
export async function measureRounds(
  server: PeerServer,
  fleet: Fleet,
  rounds: Rounds,
  warmUp: number,
): Promise<Record<string, number>> {
  const pids = allProcesses(server);
  await paced(warmUp, rounds.everyMs, rounds.publish);
  await sleep(SETTLE_MS);
  await fleet.reset();
  await server.probe?.watch(server.workers);
  const before = totalCpuMicros(pids);
  const startMs = performance.now();
  await paced(rounds.count, rounds.everyMs, rounds.publish);
  await sleep(SETTLE_MS);
  const wallMs = performance.now() - startMs;
  const cpuUs = totalCpuMicros(pids) - before;
  const [figures] = (await server.probe?.figures(server.workers)) ?? [];
  const report = await fleet.report();
  if (report.messages === 0) throw new Error("no message arrived");
  return {
    cpuUs: cpuUs / report.messages,
    perSecond: report.busyMs === 0 ? 0 : (report.messages / report.busyMs) * 1000,
    p50: report.p50,
    p99: report.p99,
    ...(figures !== undefined && { loopP99: figures.delayP99Ms, loopMax: figures.delayMaxMs }),
    deliveredShare: (report.messages / (rounds.count * rounds.deliveries)) * 100,
    clientShare: (report.cpuMs / wallMs / cpus().length) * 100,
  };
}

async function paced(count: number, everyMs: number, act: () => Promise<void>): Promise<void> {
  const startMs = performance.now();
  for (let i = 0; i < count; i++) {
    await sleep(Math.max(0, startMs + i * everyMs - performance.now()));
    await act();
  }
}
