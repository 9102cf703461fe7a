/**
 * Opens the sharded side of a link to a Redis Cluster, where the setting and the servers allow it.
 *
 * Invariant: a server that cannot shard leaves plain pub/sub in use, and says why; with `on` the link does
 * not come up.
 */
import type { ConnectSettings, ShardedServers } from "../connection/connections.js";
import { ShardConnection } from "./shard-connection.js";
import { ShardSubscriptions } from "./shard-subscriptions.js";
import { Sharding, shardingProblem } from "./sharding.js";
import { SlotOwners } from "./slot-owners.js";

export async function openSharding(
  { cluster, masters, options }: ShardedServers,
  settings: ConnectSettings,
): Promise<Sharding | undefined> {
  const { sharded, keys, clock, random, timeoutMs, signal, reasonOf, handshakes, pings } = settings;
  if (sharded === "off") return undefined;
  const problem = await shardingProblem(masters, settings);
  if (problem !== undefined) {
    if (sharded === "on") throw new Error(`redisSharded is on, and a member refuses it: ${problem}`);
    settings.logger.info(
      { reason: problem },
      "Redis Cluster without sharded channels: PUBLISH goes to every member",
    );
    return undefined;
  }
  const ends = new Ends(settings);
  const subscriptions = new ShardSubscriptions({
    owners: new SlotOwners(cluster),
    open: (address, events) =>
      ShardConnection.open(
        address,
        { options, timeoutMs, clock, pings, signal, ends: ends.next(), reasonOf, handshakes },
        events,
      ),
    refresh: () => cluster.refreshSlotsCache(),
    message: (channel, payload) => settings.events.message(keys.sharded.plain(channel), payload),
    skipped: (channel) => settings.events.skipped(keys.sharded.plain(channel)),
    lose: settings.lose,
    clock,
    random,
    timeoutMs,
    signal,
  });
  cluster.on("refresh", () => subscriptions.refreshed());
  const sharding = new Sharding({
    subscriptions,
    masters: () => cluster.nodes("master").filter(({ status }) => status === "ready"),
    settings,
  });
  await sharding.count();
  return sharding;
}

/**
 * The ends of shard connections, of which there may be many in the life of a link: as one end of the link,
 * and without those that are over.
 */
class Ends {
  #open: readonly Promise<string>[][] = [];

  constructor({ signal, ends }: Pick<ConnectSettings, "signal" | "ends">) {
    const aborted = new Promise<void>((resolve) =>
      signal.addEventListener("abort", () => resolve(), { once: true }),
    );
    ends.push(aborted.then(() => Promise.all(this.#open.flat())).then(() => "closed"));
  }

  /** For one connection. */
  next(): Promise<string>[] {
    const own: Promise<string>[] = [];
    this.#open = [...this.#open, own];
    // The client adds its end at once.
    queueMicrotask(() => {
      void Promise.all(own).then(() => {
        this.#open = this.#open.filter((each) => each !== own);
      });
    });
    return own;
  }
}
