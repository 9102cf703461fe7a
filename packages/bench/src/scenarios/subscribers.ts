/**
 * What the fan-out scenarios share: a fleet of subscribers, and rounds of publishing of which each is paid
 * for: CPU of all processes, receipts, loop delay.
 *
 * A round begins when the one before has arrived. So what a server does while nothing is published is not in
 * the price of a delivery: the idle scenario measures that.
 */
import { cpus } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { totalCpuMicros } from "@holdfast/swarm/measure";
import { Fleet, type FleetOptions } from "../load/fleet-client.js";
import { allProcesses, type PeerServer } from "../peers/peer.js";
import type { Metric } from "../result.js";

/** As fast as the server answers, or this. */
const CONNECTS_PER_SECOND = 3_000;
/** Before the first counted round. */
const SETTLE_MS = 1_000;
/** Between two looks at what has arrived, ms. */
const LOOK_MS = 5;
/** A round that brings nothing more for so long is over, ms: something was lost, or came twice before. */
const QUIET_MS = 3_000;

export interface Rounds {
  readonly count: number;
  /** Time between their starts at least, ms. Default 0. */
  readonly everyMs?: number;
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

/**
 * Publishes in rounds and returns DELIVERY_METRICS. The first rounds (`warmUp`) are not counted: hot code is
 * compiled then.
 */
export async function measureRounds(
  server: PeerServer,
  fleet: Fleet,
  rounds: Rounds,
  warmUp: number,
): Promise<Record<string, number>> {
  const pids = allProcesses(server);
  await fleet.reset();
  await publishRounds(fleet, rounds, warmUp);
  await sleep(SETTLE_MS);
  await fleet.reset();
  await server.probe?.watch(server.workers);
  const before = totalCpuMicros(pids);
  const startMs = performance.now();
  await publishRounds(fleet, rounds, rounds.count);
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

async function publishRounds(fleet: Fleet, rounds: Rounds, count: number): Promise<void> {
  const { everyMs = 0, deliveries, publish } = rounds;
  const startMs = performance.now();
  for (let i = 0; i < count; i++) {
    await sleep(Math.max(0, startMs + i * everyMs - performance.now()));
    await publish();
    await arrived(fleet, deliveries * (i + 1));
  }
}

/** Waits for so many messages since the reset, or until no more come. */
async function arrived(fleet: Fleet, messages: number): Promise<void> {
  let seen = await fleet.count();
  for (let lastMs = performance.now(); seen < messages; ) {
    await sleep(LOOK_MS);
    const now = await fleet.count();
    if (now > seen) lastMs = performance.now();
    else if (performance.now() - lastMs > QUIET_MS) return;
    seen = now;
  }
}
