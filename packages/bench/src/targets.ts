/**
 * What we promise: targets of a figure, or of its ratio to a peer's, with the number that must and the one
 * that should.
 *
 * A target whose figure was not measured is said to be so; none is dropped because it was missed.
 */
import { type BenchResult, OURS, ratioOf, ratioOfCases, summaryOf } from "./result.js";
import type { Summary } from "./statistics.js";

export interface Target {
  readonly what: string;
  readonly scenario: string;
  readonly case: string;
  readonly metric: string;
  /** The peer that ours is divided by; unset: our own figure counts. */
  readonly against?: string;
  /** The case of ours that this one is divided by; unset: none is. */
  readonly againstCase?: string;
  readonly better: "lower" | "higher";
  readonly must: number;
  readonly aim?: number;
}

const BURST = "20,000 at 60,000/s, 2 workers";
const BURST_SID = "20,000 at 60,000/s, 2 workers, sid";
const BURST_16 = "20,000 at 60,000/s, 16 workers";
const BURST_22 = "20,000 at 60,000/s, 2 workers, Node 22";
const BURST_22_SHARED = "20,000 at 60,000/s, 2 workers, Node 22, reuseport";

const storm = (name: string, label: string, must: number, aim: number): Target[] => {
  const own = { scenario: "storm", case: name };
  const cluster = { ...own, against: "ws-cluster" };
  return [
    {
      ...cluster,
      what: `${label}: handshakes/s by cluster's`,
      metric: "perSecond",
      better: "higher",
      must,
      aim,
    },
    { ...cluster, what: `${label}: p99 by cluster's`, metric: "p99", better: "lower", must: 1 },
    { ...own, what: `${label}: failed, %`, metric: "failedShare", better: "lower", must: 0 },
    { ...own, what: `${label}: skew between workers, %`, metric: "skew", better: "lower", must: 5 },
  ];
};

const IDLE = "5,000 to 18,000 connections";

const idle = (against: string, must: number, aim?: number): Target => ({
  what: `idle connection: user-space bytes by ${against}'s`,
  scenario: "idle",
  case: IDLE,
  metric: "userBytes",
  against,
  better: "lower",
  must,
  ...(aim !== undefined && { aim }),
});

const cpuPerDelivery = (
  scenario: string,
  name: string,
  against: string,
  must: number,
  aim: number,
): Target => ({
  what: `${scenario}, ${name}: CPU per delivery by ${against}'s`,
  scenario,
  case: name,
  metric: "cpuUs",
  against,
  better: "lower",
  must,
  aim,
});

const besideNoTimer = (what: string, metric: string, must: number): Target => ({
  what: `collections on a timer: ${what} by that of none`,
  scenario: "gc",
  case: "timer, in turns",
  metric,
  againstCase: "off",
  better: "lower",
  must,
});

export const TARGETS: readonly Target[] = [
  ...storm(BURST, "storm", 1.1, 1.2),
  {
    what: "storm: primary's RSS afterwards, MB more",
    scenario: "storm",
    case: BURST,
    metric: "primaryGrowthMB",
    better: "lower",
    must: 20,
  },
  ...storm(BURST_SID, "storm with sid", 1, 1.2),
  ...storm(BURST_16, "storm on 16 workers", 1.1, 1.2),
  ...storm(BURST_22, "storm on Node 22", 1, 1.2),
  ...storm(BURST_22_SHARED, "storm on Node 22, reuseport", 1.25, 1.4),
  {
    what: "steady 1,000/s: p50 by cluster's",
    scenario: "storm",
    case: "steady 1,000/s",
    metric: "p50",
    against: "ws-cluster",
    better: "lower",
    must: 1.5,
  },
  {
    what: "growth: time for 40,000 by that for 10,000",
    scenario: "storm",
    case: "growth",
    metric: "linearity",
    better: "lower",
    must: 4.4,
  },
  {
    what: "growth: failed, %",
    scenario: "storm",
    case: "growth",
    metric: "failedShare",
    better: "lower",
    must: 0,
  },
  idle("ws", 1, 0.6),
  idle("socket.io", 0.4),
  idle("nchan", 0.5),
  {
    what: "idle CPU at 18,000 connections, % of a core",
    scenario: "idle",
    case: IDLE,
    metric: "cpuShare",
    better: "lower",
    must: 1.2,
    aim: 1,
  },
  {
    what: "a worker before its first connection, MiB of its own",
    scenario: "idle",
    case: "before the first connection, 4 workers",
    metric: "baseMiB",
    better: "lower",
    must: 20,
    aim: 16,
  },
  {
    what: "full GC at 18,000 connections by ws's",
    scenario: "idle",
    case: IDLE,
    metric: "fullGcMs",
    against: "ws",
    better: "lower",
    must: 1,
    aim: 0.5,
  },
  cpuPerDelivery("fan-out", "5,000 subscribers", "ws", 0.8, 0.7),
  cpuPerDelivery("fan-out", "5,000 subscribers", "bun", 1.1, 1),
  cpuPerDelivery("fan-out", "5,000 subscribers", "c", 1.25, 1.1),
  cpuPerDelivery("fan-out", "18,000 subscribers", "bun", 1.1, 1),
  cpuPerDelivery("burst", "20 × 5,000", "ws", 0.25, 0.1),
  cpuPerDelivery("burst", "20 × 5,000", "bun", 1.5, 1),
  cpuPerDelivery("many-channels", "5,000 × 10 channels", "bun", 2, 1.3),
  {
    what: "loop delay p99 while broadcasting to 18,000, ms",
    scenario: "fan-out",
    case: "18,000 subscribers",
    metric: "loopP99",
    better: "lower",
    must: 20,
    aim: 10,
  },
  {
    what: "across instances: p99 by a bare ioredis round trip's",
    scenario: "cross",
    case: "1,000 messages/s",
    metric: "p99",
    against: "ioredis",
    better: "lower",
    must: 3,
    aim: 2,
  },
  {
    what: "ingest into one channel: entries/s",
    scenario: "ingest",
    case: "one channel with a history",
    metric: "perSecond",
    better: "higher",
    must: 15_000,
    aim: 30_000,
  },
  ...["1 client", "16 clients"].map(
    (name): Target => ({
      what: `publish, ${name}: publications/s by the script's own`,
      scenario: "publish",
      case: name,
      metric: "perSecond",
      against: "script",
      better: "higher",
      must: 0.5,
    }),
  ),
  ...["offline as a browser says it", "offline unknown to them"].map(
    (how): Target => ({
      what: `10,000 clients ${how}: catch-up p99 by Socket.IO's`,
      scenario: "jitter",
      case: `10,000 clients, ${how}`,
      metric: "catchUpP99",
      against: "socket.io-recovery",
      better: "lower",
      must: 0.7,
      aim: 0.5,
    }),
  ),
  {
    what: "across instances: p99 by Socket.IO's",
    scenario: "cross",
    case: "1,000 messages/s",
    metric: "p99",
    against: "socket.io-redis",
    better: "lower",
    must: 1,
    aim: 0.8,
  },
  besideNoTimer("RSS, median", "rssMB", 1),
  besideNoTimer("p99.9", "p999", 1.1),
  besideNoTimer("RSS two intervals after all have left", "leftMB", 1),
  cpuPerDelivery("comet", "held polls", "http", 1.2, 1),
  {
    what: "held polls: deliveries/s by plain http's",
    scenario: "comet",
    case: "held polls",
    metric: "perSecond",
    against: "http",
    better: "higher",
    must: 0.6,
  },
  {
    what: "held poll: user-space bytes by plain http's",
    scenario: "comet",
    case: "held polls",
    metric: "userBytes",
    against: "http",
    better: "lower",
    must: 1.2,
  },
  {
    what: "event stream: user-space bytes by plain http's",
    scenario: "comet",
    case: "event streams",
    metric: "userBytes",
    against: "http",
    better: "lower",
    must: 1,
  },
  {
    what: "presence of 20,000: Redis commands idle, per worker and lease third",
    scenario: "presence",
    case: "20,000 members, 200 channels",
    metric: "leaseCommands",
    better: "lower",
    must: 2,
  },
];

export interface Verdict {
  readonly target: Target;
  /** Undefined when it was not measured. */
  readonly value: number | undefined;
  readonly verdict: "aim" | "must" | "miss" | "not measured";
}

/** Of the scenarios that were run. */
export function judge(result: BenchResult, targets: readonly Target[] = TARGETS): Verdict[] {
  const measured = new Set(result.scenarios.map(({ name }) => name));
  const own = targets.filter(({ scenario }) => measured.has(scenario));
  return own.map((target) => {
    const value = figureOf(result, target)?.median;
    return { target, value, verdict: value === undefined ? "not measured" : verdictOn(target, value) };
  });
}

function figureOf(result: BenchResult, target: Target): Summary | undefined {
  const { against, againstCase, scenario, metric } = target;
  const figure = { scenario, case: target.case, metric, peer: against ?? OURS };
  if (againstCase !== undefined) return ratioOfCases(result, figure, againstCase);
  return (against === undefined ? summaryOf : ratioOf)(result, figure);
}

function verdictOn({ better, must, aim }: Target, value: number): "aim" | "must" | "miss" {
  const reaches = (limit: number): boolean => (better === "lower" ? value <= limit : value >= limit);
  if (!reaches(must)) return "miss";
  return aim === undefined || reaches(aim) ? "aim" : "must";
}
