/**
 * Connections to a Redis Cluster.
 *
 * A Cluster hands every PUBLISH to all its members, so one connection to any of them hears everything. Where
 * servers and listeners can, publications go to sharded channels instead (sharded/sharding.ts). Publishing
 * needs care: through two members, two publications could reach two subscribers in different
 * orders. Invariant: a topic's publications, kept or not, go through the master that has its log.
 */
import { Cluster, Redis } from "ioredis";
import { withDeadline } from "../runtime/deadline.js";
import type { RedisAccess, RedisAddress } from "../target.js";
import { connectionOptions, RedisClient } from "./client.js";
import type { Connections, ConnectSettings } from "./connections.js";
import { hangUp } from "./hang-up.js";
import { Probe } from "./probe.js";
import { NotMaster } from "./role.js";
import { loadScripts, runScript } from "./script.js";
import { ServerClocks } from "./server-clocks.js";
import { slotOf } from "./slot.js";
import type { Handshakes } from "./stream-errors.js";

/** How often the members are asked who they are, ms. A moved slot is noticed at once in any case. */
const TOPOLOGY_INTERVAL_MS = 15_000;

export async function openCluster(
  access: RedisAccess,
  nodes: RedisAddress[],
  settings: ConnectSettings,
): Promise<Connections> {
  const { timeoutMs, random, clock, handshakes } = settings;
  const options = connectionOptions(access, timeoutMs, handshakes);
  const cluster = newCluster(access, nodes, timeoutMs, handshakes);
  const commands = new RedisClient<Cluster>(cluster, settings);
  await commands.connect();
  const clocks = new ServerClocks(clock);
  const alive = await openMasters(cluster, clocks, settings);
  const member = alive[Math.floor(random() * alive.length)];
  const { host, port } = member?.options ?? {};
  if (member === undefined || host === undefined || port === undefined) {
    throw new Error("no master of the cluster can be reached");
  }
  const subscriber = new RedisClient(new Redis({ ...options, host, port }), settings);
  await subscriber.connect();

  const probe = await Probe.start(subscriber.raw, settings.probeChannel, clock, timeoutMs);
  await probe.run(alive, random);
  const sharding = await settings.openSharded({ cluster, masters: alive, options }, settings);

  let refreshedAt = clock.monotonic();
  return {
    subscriber: subscriber.raw,
    sharding,
    // PUBLISH has no key for the Cluster to route by; a script has.
    publish: undefined,
    script: (script, keys, args) => runScript(cluster, script, keys, args),
    ping: async () => {
      if (clock.monotonic() - refreshedAt > TOPOLOGY_INTERVAL_MS) {
        refreshedAt = clock.monotonic();
        cluster.refreshSlotsCache();
      }
      const masters = cluster.nodes("master");
      await Promise.all([
        ...masters.map((node) => ping(node, settings)),
        probe.run(masters, random),
        sharding?.ping(),
      ]);
    },
    // Where a key has moved meanwhile, another server's clock is meant: they have to agree within the
    // deadline.
    deadline: (key, until) => clocks.deadline(ownerOf(cluster, key), until),
    checkRole: async () => {
      const nodes = cluster.nodes("master").filter(({ status }) => status === "ready");
      for (const node of nodes) void clocks.ask(node);
      const checks = nodes.map((node) => checkMember(node, settings));
      // A member that is no master any more sends keys on by itself: it has only to be known.
      if ((await Promise.all(checks)).includes(false)) cluster.refreshSlotsCache();
    },
    overdue: (key) => {
      const owner = ownerOf(cluster, key);
      if (owner !== undefined) hangUp(owner);
    },
    lost: Promise.race([commands.ended, subscriber.ended, left(cluster, member)]),
  };
}

/** The master that has the key, as far as is known. */
function ownerOf(cluster: Cluster, key: string): Redis | undefined {
  const [owner] = cluster.slots[slotOf(key)] ?? [];
  return cluster.nodes().find(({ options }) => `${options.host}:${options.port}` === owner);
}

/** Connects to the masters and tells them the scripts. Returns those that can be reached. */
async function openMasters(
  cluster: Cluster,
  clocks: ServerClocks,
  { clock, timeoutMs, serverIds }: ConnectSettings,
): Promise<Redis[]> {
  const masters = cluster.nodes("master");
  await Promise.allSettled(masters.map((node) => (node.status === "wait" ? node.connect() : undefined)));
  const alive = masters.filter((node) => node.status !== "end");
  // Answered before the scripts are.
  for (const node of alive) void clocks.ask(node);
  await Promise.allSettled(
    alive.map((node) => {
      const known = loadScripts(node).then(() => serverIds.check(node));
      return withDeadline(clock, timeoutMs, "SCRIPT LOAD", known);
    }),
  );
  return alive;
}

/** A client of the whole Cluster, not connected. */
export function newCluster(
  access: RedisAccess,
  nodes: RedisAddress[],
  timeoutMs: number,
  handshakes: Handshakes,
): Cluster {
  return new Cluster(nodes, {
    lazyConnect: true,
    clusterRetryStrategy: () => null,
    slotsRefreshTimeout: timeoutMs,
    // ioredis forgets to end this timer when it is closed early: ours does its work.
    slotsRefreshInterval: 0,
    // A master that joins later is connected to by its first command, which must not be overtaken meanwhile.
    enableOfflineQueue: true,
    redisOptions: connectionOptions(access, timeoutMs, handshakes),
    // Never: what was sent on a connection that ended may have been done, and what was answered as failed
    // must not be done later.
    retryDelayOnFailover: 0,
    // A certificate names hosts: their addresses would not match it.
    ...(access.tls ? { dnsLookup: (host, done) => done(null, host) } : {}),
  });
}

/**
 * One silent master is not the end of the cluster: only its connection goes, and with it what waited there.
 */
async function ping(node: Redis, { clock, timeoutMs, pings }: ConnectSettings): Promise<void> {
  if (node.status !== "ready") return;
  await withDeadline(clock, timeoutMs, "PING", pings.ping(node)).catch(() => hangUp(node));
}

/** False when it says that it is no master. No sign of life is the pings' business. */
async function checkMember(node: Redis, { clock, timeoutMs, roles }: ConnectSettings): Promise<boolean> {
  if (node.status !== "ready") return true;
  return await withDeadline(clock, timeoutMs, "ROLE", roles.check(node)).then(
    () => true,
    (error) => !(error instanceof NotMaster),
  );
}

/** Settles when the member is no longer part of the cluster: it may run on, but hears nothing any more. */
function left(cluster: Cluster, member: Redis): Promise<string> {
  return new Promise((resolve) => {
    cluster.on("-node", (node: Redis) => {
      if (node.options.host !== member.options.host || node.options.port !== member.options.port) return;
      resolve("the member that was listened to left the cluster");
    });
  });
}
