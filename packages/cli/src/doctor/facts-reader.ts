/**
 * All facts of a doctor's visit, read one group after the other.
 *
 * Owns the order, and what is left out with its reason. Invariant: a group that cannot be read stops no
 * other.
 */
import {
  type Fact,
  type Facts,
  known,
  mapped,
  type OutsideFacts,
  type RedisFacts,
  type TakenFor,
  unknown,
} from "@holdfast/doctor";
import { backendChoice } from "../config/backend-choice.js";
import { cpuQuota } from "../machine/cpu-quota.js";
import type { Machine } from "../machine/machine.js";
import type { Terminal } from "../terminal.js";
import { readMachineFacts } from "./machine-reader.js";
import { readNode } from "./node-reader.js";
import { readRedis } from "./redis-reader.js";
import { readRunning, readSeen } from "./running-reader.js";
import { readService } from "./service-reader.js";
import { readSettings, type SettingsRead } from "./settings-reader.js";
import { SYSTEM_SOURCE } from "./system-source.js";
import { readWay } from "./way/way.js";

export interface VisitOptions {
  /** What commander read: the settings' flags. */
  readonly flags: Readonly<Record<string, unknown>>;
  /** Only what can be judged before a start. */
  readonly isBefore: boolean;
  readonly url: URL | undefined;
  readonly token: string | undefined;
  /** Name of the systemd unit. */
  readonly unit: string;
  readonly idleTimeoutMs: number;
  readonly silenceMs: number;
  readonly onProgress: (text: string) => void;
}

const BEFORE = "it is not looked at before a start (--pre)";

export async function readFacts(options: VisitOptions, terminal: Terminal, machine: Machine): Promise<Facts> {
  const { flags, isBefore, unit, idleTimeoutMs, onProgress } = options;
  const read = readSettings(flags, terminal, machine);
  const { settings, problems, warnings } = read;
  onProgress("reading the machine");
  const service = await readService(SYSTEM_SOURCE, unit);
  const running = isBefore ? unknown(BEFORE) : await runningOf(read, onProgress);
  return {
    wanted: mapped(settings, ({ maxConnections, workers }) => ({ connections: maxConnections, workers })),
    machine: await readMachineFacts(SYSTEM_SOURCE, machine, service, cpuQuota()),
    node: readNode(terminal),
    gateway: { settings, problems, warnings, idleTimeoutMs, running },
    ...(isBefore ? noRedis(BEFORE) : await redisOf(read, onProgress)),
    outside: isBefore ? unknown(BEFORE) : await outsideOf(options, read, terminal),
  };
}

async function runningOf(
  { complete }: SettingsRead,
  onProgress: VisitOptions["onProgress"],
): Promise<Facts["gateway"]["running"]> {
  if (complete === undefined) return unknown("the settings are wrong (HF-G001)");
  onProgress("asking the gateway");
  return readRunning(complete);
}

/** The server of all, and those of parts. */
async function redisOf(
  { complete }: SettingsRead,
  onProgress: VisitOptions["onProgress"],
): Promise<Pick<Facts, "redis" | "redisParts">> {
  if (complete === undefined) return noRedis("the settings are wrong (HF-G001)");
  const choice = backendChoice(complete);
  if (choice.kind === "embedded") return noRedis("no redis is set: the broker is the embedded one");
  const read = (url: string): Promise<Fact<RedisFacts>> => {
    onProgress("asking Redis");
    return readRedis({
      url,
      prefix: complete.redisPrefix,
      now: () => Date.now(),
      onProgress: (done, all) => onProgress(`asking Redis: ${done} of ${all} round trips`),
    });
  };
  const { redis, ...parts } = choice.urls;
  const redisParts: Record<string, Fact<RedisFacts>> = {};
  const facts = await read(redis);
  for (const [key, url] of Object.entries(parts)) redisParts[key] = await read(url);
  return { redis: facts, redisParts };
}

function noRedis(why: string): Pick<Facts, "redis" | "redisParts"> {
  return { redis: unknown(why), redisParts: {} };
}

async function outsideOf(
  options: VisitOptions,
  { complete }: SettingsRead,
  terminal: Terminal,
): Promise<Fact<OutsideFacts>> {
  const { url, token, silenceMs, onProgress } = options;
  if (url === undefined) return unknown("no public URL was named: say --url wss://…");
  const askSeen = async (name: string): Promise<Fact<TakenFor>> =>
    complete === undefined ? unknown("the settings are wrong (HF-G001)") : readSeen(complete, name);
  const signal = terminal.interrupted();
  return known(await readWay({ url, token, silenceMs, signal, askSeen, onProgress }));
}
