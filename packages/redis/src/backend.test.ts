/**
 * The backend on Redis keeps the contract of backends, on one server and on a Redis Cluster.
 */
import { CONTROL, noMetrics, silentLogger, systemClock } from "@holdfast/core";
import { type BackendWorlds, BrokerListener, backendContract } from "@holdfast/core/testing";
import { afterAll, beforeAll, describe } from "@jest/globals";
import { type Cluster, Redis } from "ioredis";
import type { RedisOptions } from "./options.js";
import { SeamsOnRedis } from "./seams-on-redis.js";
import { parseRedisUrl, type RedisTarget } from "./target.js";
import { age, RedisCluster, RedisServer } from "./testing/index.js";

const SEAMS = { clock: systemClock, logger: silentLogger, metrics: noMetrics, random: Math.random };
const FAST = { commandTimeoutMs: 2000, pingIntervalMs: 50, minRetryDelayMs: 10, maxRetryDelayMs: 50 };
/** Impatient, for outages that a test waits out. */
const IMPATIENT = { ...FAST, commandTimeoutMs: 400 };
const EVENTS = { maxLength: 100_000, maxBytes: 100_000_000 };
const MAX_REVOCATIONS = 1500;

const close = async (): Promise<void> => {};

describe("on one server", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server.close());

  backendContract("on Redis", {
    ...worldsOn(() => ({ url: server.url, ports: [server.port] })),
    async outage() {
      const own = await RedisServer.start();
      return {
        create: () => new SeamsOnRedis({ target: targetOf(own.url), ...IMPATIENT }, SEAMS).broker,
        away: () => own.kill(),
        back: () => own.restart(),
        close: () => own.close(),
      };
    },
  });
});

describe("on a Redis Cluster", () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await RedisCluster.start();
  }, 30_000);
  afterAll(() => cluster.close());

  backendContract(
    "on a Redis Cluster",
    worldsOn(() => ({ url: cluster.url, ports: cluster.members.map(({ port }) => port) })),
  );
});

/** Where a target's servers are: `ports` are those of all masters. */
interface Servers {
  readonly url: string;
  readonly ports: readonly number[];
}

/** Each world has a prefix of its own on these servers, which are there when a test runs. */
function worldsOn(servers: () => Servers): BackendWorlds {
  let worlds = 0;
  const worldOf = () => new World(servers(), `world${worlds++}:`);
  return {
    broker() {
      const world = worldOf();
      return { create: () => world.create().broker, close };
    },
    log() {
      const world = worldOf();
      return {
        create: () => world.create().broker,
        pass: (ms) => world.onEach((server) => age(server, world.prefix, ms)),
        close,
      };
    },
    secret() {
      const world = worldOf();
      return {
        async create() {
          const { seams } = await world.ready();
          return () => seams.sharedSecret();
        },
        close: () => world.close(),
      };
    },
    async revocations() {
      const world = worldOf();
      const { seams, listener } = await world.ready();
      await seams.broker.subscribe(CONTROL);
      let told = 0;
      return {
        create: async () => (await world.ready()).seams.revocations(),
        now: () => Date.now(),
        pass: (ms) => world.onEach((server) => ageRevocations(server, world.prefix, ms)),
        async told() {
          told++;
          const ends: string[] = [];
          // Behind what each server has published before: over two of them there is no order.
          await world.onEach(async (server) => {
            const end = `end ${told} of ${server.options.port}`;
            await server.publish(`${world.prefix}${CONTROL}`, end);
            ends.push(end);
          });
          await Promise.all(ends.map((end) => listener.upTo(end)));
          return listener.received.map(({ data }) => String(data)).filter((data) => !data.startsWith("end "));
        },
        close: () => world.close(),
      };
    },
    presence() {
      const world = worldOf();
      return {
        store: async () => (await world.ready()).seams.presence(),
        broker: () => world.create().broker,
        pass: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
        leftovers: () => leftPresence(world),
        close: () => world.close(),
      };
    },
    async events() {
      const world = worldOf();
      const { seams } = await world.ready();
      const reader = readerOf(servers());
      return {
        sink: seams.events(EVENTS),
        read: (atLeast) => readEvents(reader, `${world.prefix}events`, atLeast),
        async close() {
          reader.disconnect();
          await world.close();
        },
      };
    },
  };
}

/** The workers of one cluster, which has the prefix to itself. */
class World {
  readonly prefix: string;
  readonly #servers: Servers;
  readonly #started: SeamsOnRedis[] = [];

  constructor(servers: Servers, prefix: string) {
    this.#servers = servers;
    this.prefix = prefix;
  }

  /** The seams of another worker, not started. */
  create(): SeamsOnRedis {
    const options: Partial<RedisOptions> = { prefix: this.prefix, maxRevocations: MAX_REVOCATIONS, ...FAST };
    return new SeamsOnRedis({ target: targetOf(this.#servers.url), ...options }, SEAMS);
  }

  /** Likewise, once they can be used. */
  async ready(): Promise<{ seams: SeamsOnRedis; listener: BrokerListener }> {
    const seams = this.create();
    this.#started.push(seams);
    const listener = new BrokerListener(seams.broker);
    await listener.reach("ready");
    return { seams, listener };
  }

  async onEach(act: (server: Redis) => Promise<void>): Promise<void> {
    for (const port of this.#servers.ports) {
      const server = new Redis(port, "127.0.0.1");
      try {
        await act(server);
      } finally {
        server.disconnect();
      }
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#started.map(({ broker }) => broker.close()));
  }
}

function targetOf(url: string): RedisTarget {
  const target = parseRedisUrl(url);
  if ("problem" in target) throw new Error(target.problem);
  return target;
}

function readerOf({ ports }: Servers): Redis | Cluster {
  const [first = 0] = ports;
  return ports.length === 1
    ? new Redis(first, "127.0.0.1")
    : new Redis.Cluster(ports.map((port) => ({ host: "127.0.0.1", port })));
}

async function readEvents(
  reader: Redis | Cluster,
  stream: string,
  atLeast: number,
): Promise<Record<string, string>[]> {
  for (;;) {
    const entries = await reader.xrange(stream, "-", "+");
    if (entries.length >= atLeast) return entries.map(([, fields]) => withoutId(fields));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function withoutId(fields: readonly string[]): Record<string, string> {
  const pairs = fields.flatMap((name, i) => (i % 2 === 0 ? [[name, fields[i + 1] ?? ""] as const] : []));
  return Object.fromEntries(pairs.filter(([name]) => name !== "id"));
}

/** Keys that are still there, save what ends by itself: that a lease is over. */
async function leftPresence(world: World): Promise<string[]> {
  const found: string[] = [];
  await world.onEach(async (server) => {
    for (const key of await server.keys(`${world.prefix}*`))
      if (!key.includes("ended:") || (await server.pttl(key)) < 0) found.push(key);
  });
  return found;
}

/** Lets time pass for the revocations: their ends come nearer, and so do the ends of the keys. */
async function ageRevocations(server: Redis, prefix: string, ms: number): Promise<void> {
  for (const key of await server.keys(`${prefix}*`)) {
    const left = await server.pttl(key);
    if ((await server.type(key)) === "zset") {
      const members = await server.zrange(key, "0", "-1", "WITHSCORES");
      for (let at = 0; at < members.length; at += 2)
        await server.zadd(key, String(Number(members[at + 1]) - ms), String(members[at]));
    }
    await server.pexpire(key, left - ms);
  }
}
