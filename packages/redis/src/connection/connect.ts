/**
 * Opens the connections to one Redis: one for commands and one that subscribes.
 *
 * They are two, because the answers to commands must not wait behind a burst of publications. A Cluster has
 * one connection per master for commands: see cluster.ts.
 */

import type { Cluster, Redis } from "ioredis";
import { withDeadline } from "../runtime/deadline.js";
import type { RedisAddress, RedisTarget } from "../target.js";
import {
  type ClientScope,
  type ConnectionOptions,
  connectionOptions,
  newServer,
  RedisClient,
} from "./client.js";
import { newCluster, openCluster } from "./cluster.js";
import type { Connections, ConnectSettings } from "./connections.js";
import { hangUp } from "./hang-up.js";
import { loadScripts, runScript } from "./script.js";
import { ServerClocks } from "./server-clocks.js";
import { hearStreamErrors } from "./stream-errors.js";

/** Connects to the target. Rejects with the reason when that fails; the caller then ends what was begun. */
export function openConnections(target: RedisTarget, settings: ConnectSettings): Promise<Connections> {
  hearStreamErrors();
  return target.kind === "cluster"
    ? openCluster(target, shuffled(target.nodes, settings.random), settings)
    : openPair(settings, serverOptions(target, settings));
}

/** What `openReader` needs: less than a link. */
export type ReaderSettings = ClientScope & Pick<ConnectSettings, "timeoutMs" | "random">;

/** One client more, for commands that wait. It is to be ended by the signal. */
export async function openReader(
  target: RedisTarget,
  settings: ReaderSettings,
): Promise<RedisClient<Redis | Cluster>> {
  hearStreamErrors();
  const { timeoutMs, random, handshakes } = settings;
  const raw =
    target.kind === "cluster"
      ? newCluster(target, shuffled(target.nodes, random), timeoutMs, handshakes)
      : newServer(serverOptions(target, settings));
  const client = new RedisClient<Redis | Cluster>(raw, settings);
  await client.connect();
  return client;
}

/** The options of a connection to the one server, or to the master that Sentinels name. */
function serverOptions(
  target: Exclude<RedisTarget, { kind: "cluster" }>,
  { timeoutMs, random, handshakes }: Pick<ConnectSettings, "timeoutMs" | "random" | "handshakes">,
): ConnectionOptions {
  const options = connectionOptions(target, timeoutMs, handshakes);
  if (target.kind === "single") return { ...options, ...target.address, db: target.db };
  return {
    ...options,
    // Another order each time: a Sentinel that is gone costs its timeout only now and then.
    sentinels: shuffled(target.sentinels, random),
    name: target.master,
    db: target.db,
    sentinelPassword: target.sentinelPassword,
    sentinelCommandTimeout: timeoutMs,
    sentinelRetryStrategy: () => null,
    sentinelTLS: target.tls ? handshakes.tlsOptions : undefined,
    enableTLSForSentinelMode: target.tls,
  };
}

/** The longest that opening the target can take when every address is as slow as it may be, ms. */
export function openingTimeoutMs(target: RedisTarget, timeoutMs: number): number {
  const addresses =
    target.kind === "cluster"
      ? target.nodes.length
      : target.kind === "sentinel"
        ? target.sentinels.length
        : 0;
  return timeoutMs * (addresses + 1);
}

async function openPair(settings: ConnectSettings, options: ConnectionOptions): Promise<Connections> {
  const { clock, timeoutMs, roles, pings, serverIds } = settings;
  const commands = new RedisClient(newServer(options), settings);
  const subscriber = new RedisClient(newServer(options), settings);
  const both = [commands, subscriber];
  await Promise.all(both.map((client) => client.connect()));
  // Both: behind one name there may be two servers for a while.
  const masters = Promise.all(both.map(({ raw }) => roles.check(raw)));
  await withDeadline(clock, timeoutMs, "ROLE", masters);
  const clocks = new ServerClocks(clock);
  // Answered before the scripts are.
  void clocks.ask(commands.raw);
  await withDeadline(clock, timeoutMs, "SCRIPT LOAD", loadScripts(commands.raw));
  await withDeadline(clock, timeoutMs, "a script", serverIds.check(commands.raw));
  return {
    subscriber: subscriber.raw,
    sharding: undefined,
    publish: (channel, data) => commands.raw.publish(channel, data),
    script: (script, keys, args) => runScript(commands.raw, script, keys, args),
    ping: () => withDeadline(clock, timeoutMs, "PING", pings.ping(commands.raw)),
    deadline: (_key, until) => clocks.deadline(commands.raw, until),
    checkRole: () => {
      void clocks.ask(commands.raw);
      return withDeadline(clock, timeoutMs, "ROLE", roles.check(commands.raw));
    },
    overdue: () => hangUp(commands.raw),
    lost: Promise.race(both.map(({ ended }) => ended)),
  };
}

function shuffled(addresses: readonly RedisAddress[], random: () => number): RedisAddress[] {
  return addresses
    .map((address) => ({ address: { ...address }, rank: random() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ address }) => address);
}
