/**
 * Faults: what goes wrong in a simulation, how badly, and when. Each seed has some of them and not others, so
 * that a rare one is not always hidden behind a common one.
 */
import type { Random } from "./random.js";

/** What a seed's world is like. */
export interface Climate {
  readonly workers: number;
  readonly clients: number;
  readonly channels: number;
  /** Publications a second over all channels. */
  readonly publicationRate: number;
  readonly historySize: number;
  readonly historyTtlMs: number;
  readonly maxRecovered: number;
  readonly maxTailChars: number;
  /** Bytes of one page of a log. */
  readonly maxReadBytes: number;
  readonly maxOutboxBytes: number;
  readonly resumeWindowMs: number;
  /** How long a worker's lease of presence is, and a lost connection's member stays. */
  readonly presenceLeaseMs: number;
  readonly presenceGraceMs: number;
  /** The share of clients that follow the members of their channels. */
  readonly watching: number;
  /** How long a worker may take to notice that a client has gone, ms. */
  readonly maxUnnoticedMs: number;
  /** Earlier epochs that the broker remembers. */
  readonly maxLineage: number;
  /** Share of publications that pub/sub loses for one worker. */
  readonly pubSubLoss: number;
  /** Share of commands to the broker that are lost, and of answers. */
  readonly commandLoss: number;
  /** The longest delay of each direction, ms. */
  readonly pubSubDelayMs: number;
  readonly commandDelayMs: number;
  readonly clientDelayMs: number;
  /** How often each misfortune strikes, times a second. */
  readonly rates: Readonly<Record<Misfortune, number>>;
}

export const MISFORTUNES = [
  /** The broker is away for one worker. */
  "partition",
  /** A replica takes over that lags; all links break. */
  "failover",
  /** The same, and no link notices. */
  "silent-failover",
  /** The broker comes back without data. */
  "restart",
  /** The broker loses who is where, and no link notices. */
  "amnesia",
  /** A worker dies. */
  "crash",
  /** A worker sends its clients away and is replaced. */
  "drain",
  /** A client's connection breaks. */
  "cut",
  /**
   * A client goes to another worker, which may have lost the broker, and back at once; neither has noticed.
   */
  "detour",
  /** A client does not read for a while. */
  "stall",
  /** A worker's event loop is long in coming round. */
  "busy",
  /** Many publications at once. */
  "burst",
] as const;

export type Misfortune = (typeof MISFORTUNES)[number];

const USUAL_RATES: Readonly<Record<Misfortune, number>> = {
  partition: 0.5,
  failover: 0.4,
  "silent-failover": 0.4,
  restart: 0.15,
  amnesia: 0.3,
  crash: 0.3,
  drain: 0.2,
  cut: 2,
  detour: 2,
  stall: 1,
  busy: 4,
  burst: 1,
};

const NO_RATES = Object.fromEntries(MISFORTUNES.map((each) => [each, 0])) as unknown as Climate["rates"];

export function climateOf(random: Random): Climate {
  const often = (value: number, otherwise = 0, probability = 0.5): number =>
    random.chance(probability) ? value : otherwise;
  return {
    workers: random.int(1, 3),
    clients: random.int(2, 5),
    channels: random.int(1, 2),
    publicationRate: random.pick([5, 20, 60]),
    historySize: random.pick([5, 20, 200]),
    historyTtlMs: random.pick([500, 3000, 60_000]),
    maxRecovered: random.pick([5, 20, 1000]),
    maxTailChars: random.pick([0, 100, 1_000_000]),
    maxReadBytes: random.pick([300, 1000, 100_000]),
    maxOutboxBytes: random.pick([600, 2000, 100_000]),
    resumeWindowMs: random.pick([0, 500, 5000]),
    presenceLeaseMs: random.pick([1500, 2500]),
    presenceGraceMs: random.pick([0, 300, 1000]),
    watching: random.pick([0, 0.3, 1]),
    maxUnnoticedMs: random.pick([100, 600, 2500]),
    maxLineage: random.pick([1, 3, 8]),
    pubSubLoss: often(random.pick([0.02, 0.2, 0.6])),
    commandLoss: often(random.pick([0.01, 0.1]), 0, 0.4),
    pubSubDelayMs: random.pick([1, 10, 200]),
    commandDelayMs: random.pick([1, 10, 200]),
    clientDelayMs: random.pick([1, 20]),
    rates: Object.fromEntries(
      MISFORTUNES.map((each) => [each, often(USUAL_RATES[each])]),
    ) as unknown as Climate["rates"],
  };
}

/** A world in which clients move, and nothing but presence's own promises mends what that breaks. */
export const RESTLESS: Partial<Climate> = {
  workers: 2,
  clients: 5,
  channels: 1,
  publicationRate: 5,
  clientDelayMs: 20,
  maxUnnoticedMs: 2500,
  watching: 0,
  rates: { ...NO_RATES, partition: 0.5, restart: 0.3, amnesia: 0.3, crash: 0.2, detour: 3 },
};
