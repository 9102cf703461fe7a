/**
 * Facts of Redis: what it answers about itself, how fast, and what it refuses this user.
 *
 * Owns the questions. None changes anything: what the user may do is asked by `ACL DRYRUN`, or by commands
 * that do nothing. Invariant: each answer that does not come is unknown, with the server's reason.
 */
import { isIP } from "node:net";
import { type Fact, isKnown, known, mapped, type RedisFacts, unknown } from "@holdfast/doctor";
import { describeTarget, parseRedisUrl, RedisInspector, type RedisTarget } from "@holdfast/redis";
import { sentence } from "../failure.js";
import { deniedCommands, isRefusal } from "./redis-permissions.js";

export interface RedisReaderOptions {
  readonly url: string;
  readonly prefix: string;
  /** Wall clock, ms since 1970. */
  readonly now: () => number;
  /** Called before each round trip, with how many are done of how many. */
  readonly onProgress: (done: number, all: number) => void;
}

const TIMEOUT_MS = 5000;
const ROUND_TRIPS = 100;

export async function readRedis(options: RedisReaderOptions): Promise<Fact<RedisFacts>> {
  const target = parseRedisUrl(options.url);
  if ("problem" in target) return unknown(`the Redis URL ${target.problem}`);
  const base = baseOf(target);
  let inspector: RedisInspector;
  try {
    inspector = await RedisInspector.open({ target, timeoutMs: TIMEOUT_MS });
  } catch (error) {
    const denied = await deniedAtMembers(target, options.prefix);
    return known({ ...base, ...allUnknown(sentence(error)), ...(denied && { denied }) });
  }
  try {
    return known({
      ...base,
      answers: known(true as const),
      ...(await answersOf(inspector, options, target.kind === "cluster")),
    });
  } finally {
    await inspector.close();
  }
}

type Base = Pick<RedisFacts, "where" | "kind" | "isTls" | "hasPassword" | "isNear">;
type Answers = Omit<RedisFacts, keyof Base | "answers">;

function baseOf(target: RedisTarget): Base {
  const addresses =
    target.kind === "single"
      ? [target.address]
      : target.kind === "sentinel"
        ? target.sentinels
        : target.nodes;
  return {
    where: describeTarget(target),
    kind: target.kind,
    isTls: target.tls,
    hasPassword: target.password !== undefined,
    isNear: addresses.every(({ host }) => isNear(host)),
  };
}

/** Loopback, private networks, link-local; names without a dot or of a private zone. */
export function isNear(host: string): boolean {
  if (isIP(host) === 0)
    return !host.includes(".") || /\.(?:internal|local|lan|svc|cluster\.local|amazonaws\.com)$/.test(host);
  return (
    /^(?:127|10|169\.254|192\.168)\.|^172\.(?:1[6-9]|2\d|3[01])\.|^100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\./.test(
      host,
    ) || /^(?:::1$|f[cd]|fe[89ab])/i.test(host)
  );
}

/**
 * What a member refuses of a Cluster that cannot be used: its map of slots may be among that. Undefined where
 * no member answers either, or nothing is refused.
 */
async function deniedAtMembers(
  target: RedisTarget,
  prefix: string,
): Promise<Fact<readonly string[]> | undefined> {
  if (target.kind !== "cluster") return undefined;
  const { nodes, ...access } = target;
  for (const address of nodes) {
    const member = { ...access, kind: "single", address, db: 0 } as const;
    const inspector = await RedisInspector.open({ target: member, timeoutMs: TIMEOUT_MS }).catch(
      () => undefined,
    );
    if (inspector === undefined) continue;
    try {
      const denied = await deniedCommands(inspector, prefix, true);
      return isKnown(denied) && denied.value.length > 0 ? denied : undefined;
    } finally {
      await inspector.close();
    }
  }
  return undefined;
}

async function answersOf(
  inspector: RedisInspector,
  options: RedisReaderOptions,
  isCluster: boolean,
): Promise<Answers> {
  const info = await textOf(inspector, "INFO");
  const said = (name: string): Fact<string> => fieldOf(info, name);
  const number = (name: string): Fact<number> => mapped(said(name), Number);
  const config = (name: string): Promise<Fact<string>> => configOf(inspector, name);
  const [policy, limits, append, save, most, idle] = await Promise.all([
    config("maxmemory-policy"),
    config("client-output-buffer-limit"),
    config("appendonly"),
    config("save"),
    config("maxclients"),
    config("timeout"),
  ]);
  const maxClients = isKnown(number("maxclients")) ? number("maxclients") : mapped(most, Number);
  return {
    product: productOf(info),
    mode: said("redis_mode"),
    role: said("role"),
    // A server that refuses INFO hides the id.
    replicationId:
      !isKnown(info) && isRefusal(info.unknown)
        ? known(undefined)
        : mapped(info, (text) => lineOf(text, "master_replid")),
    policy: isKnown(said("maxmemory_policy")) ? said("maxmemory_policy") : policy,
    maxMemoryBytes: number("maxmemory"),
    usedMemoryBytes: number("used_memory"),
    pubsubLimit: pubsubOf(limits),
    persistence: persistenceOf(info, append, save),
    replicas: number("connected_slaves"),
    denied: await deniedCommands(inspector, options.prefix, isCluster),
    roundTripP99Ms: await roundTripsOf(inspector, options.onProgress),
    clockSkewMs: await skewOf(inspector, options.now),
    clients: both(number("connected_clients"), maxClients, (open, all) => ({ open, most: all })),
    idleSeconds: mapped(idle, Number),
    shardedPubSub: mapped(
      await asked(inspector, "COMMAND", "INFO", "SPUBLISH"),
      (reply) => Array.isArray(reply) && reply[0] !== null,
    ),
    forkMs: mapped(number("latest_fork_usec"), (micros) => micros / 1000),
  };
}

function allUnknown(why: string): Answers & Pick<RedisFacts, "answers"> {
  const none = unknown(why);
  return {
    ...{ answers: none, product: none, mode: none, role: none, replicationId: none, policy: none },
    ...{ maxMemoryBytes: none, usedMemoryBytes: none, pubsubLimit: none, persistence: none, replicas: none },
    ...{ denied: none, roundTripP99Ms: none, clockSkewMs: none, clients: none, idleSeconds: none },
    ...{ shardedPubSub: none, forkMs: none },
  };
}

async function asked(inspector: RedisInspector, command: string, ...args: string[]): Promise<Fact<unknown>> {
  try {
    return known(await inspector.ask(command, ...args));
  } catch (error) {
    return unknown(`Redis does not answer ${[command, ...args].join(" ")}: ${sentence(error)}`);
  }
}

async function textOf(inspector: RedisInspector, command: string): Promise<Fact<string>> {
  return mapped(await asked(inspector, command), String);
}

async function configOf(inspector: RedisInspector, name: string): Promise<Fact<string>> {
  const reply = await asked(inspector, "CONFIG", "GET", name);
  if (!isKnown(reply)) return reply;
  const value = Array.isArray(reply.value) ? reply.value[1] : undefined;
  return typeof value === "string" ? known(value) : unknown(`Redis does not tell its setting ${name}`);
}

function lineOf(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(info)?.[1];
}

function fieldOf(info: Fact<string>, name: string): Fact<string> {
  if (!isKnown(info)) return info;
  const value = lineOf(info.value, name);
  return value === undefined ? unknown(`INFO has no ${name}`) : known(value);
}

function productOf(info: Fact<string>): RedisFacts["product"] {
  const valkey = fieldOf(info, "valkey_version");
  if (isKnown(valkey)) return known({ name: "Valkey", version: valkey.value });
  return mapped(fieldOf(info, "redis_version"), (version) => ({ name: "Redis" as const, version }));
}

/** `normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60`. */
function pubsubOf(limits: Fact<string>): RedisFacts["pubsubLimit"] {
  if (!isKnown(limits)) return limits;
  const [, hard, soft, seconds] = /pubsub (\d+) (\d+) (\d+)/.exec(limits.value) ?? [];
  if (hard === undefined) return unknown("Redis does not tell the output buffer limit of pubsub");
  return known({ hardBytes: Number(hard), softBytes: Number(soft), softSeconds: Number(seconds) });
}

function persistenceOf(
  info: Fact<string>,
  append: Fact<string>,
  save: Fact<string>,
): RedisFacts["persistence"] {
  const aof = fieldOf(info, "aof_enabled");
  const isAppending = isKnown(aof)
    ? mapped(aof, (text) => text === "1")
    : mapped(append, (text) => text === "yes");
  return both(isAppending, save, (appendOnly, text) => ({
    appendOnly,
    snapshots: text.trim() !== "",
    problem: problemOf(isKnown(info) ? info.value : ""),
  }));
}

function problemOf(info: string): string | undefined {
  const names = ["rdb_last_bgsave_status", "aof_last_write_status", "aof_last_bgrewrite_status"];
  const hit = names.find((name) => lineOf(info, name) === "err");
  return hit === undefined ? undefined : `the last write to disk failed (${hit})`;
}

async function roundTripsOf(
  inspector: RedisInspector,
  onProgress: RedisReaderOptions["onProgress"],
): Promise<Fact<number>> {
  const times: number[] = [];
  try {
    for (let n = 0; n < ROUND_TRIPS; n++) {
      onProgress(n, ROUND_TRIPS);
      times.push(await inspector.roundTrip());
    }
  } catch (error) {
    return unknown(`Redis does not answer PING: ${sentence(error)}`);
  }
  times.sort((a, b) => a - b);
  return known(times[Math.floor(times.length * 0.99)] ?? 0);
}

/** Half of the way there and back is taken off. */
async function skewOf(inspector: RedisInspector, now: () => number): Promise<Fact<number>> {
  const before = now();
  const reply = await asked(inspector, "TIME");
  const middle = (before + now()) / 2;
  return mapped(reply, (value) => {
    const [seconds, micros] = Array.isArray(value) ? value.map(Number) : [];
    return (seconds ?? 0) * 1000 + (micros ?? 0) / 1000 - middle;
  });
}

function both<One, Other, Made>(
  one: Fact<One>,
  other: Fact<Other>,
  make: (one: One, other: Other) => Made,
): Fact<Made> {
  if (!isKnown(one)) return one;
  return mapped(other, (value) => make(one.value, value));
}
