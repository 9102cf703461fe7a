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
    redis: isBefore ? unknown(BEFORE) : await redisOf(read, onProgress),
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

async function redisOf(
  { complete }: SettingsRead,
  onProgress: VisitOptions["onProgress"],
): Promise<Fact<RedisFacts>> {
  if (complete === undefined) return unknown("the settings are wrong (HF-G001)");
  const choice = backendChoice(complete);
  if (choice.kind === "embedded") return unknown("no redis is set: the broker is the embedded one");
  onProgress("asking Redis");
  return readRedis({
    url: choice.url,
    prefix: complete.redisPrefix,
    now: () => Date.now(),
    onProgress: (done, all) => onProgress(`asking Redis: ${done} of ${all} round trips`),
  });
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
