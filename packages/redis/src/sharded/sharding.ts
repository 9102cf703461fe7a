/**
 * Sharding: sharded pub/sub on a Redis Cluster, beside plain pub/sub (docs/adr/0052).
 *
 * PUBLISH goes to every member of a Cluster; SPUBLISH to the master that has the channel's slot. A listener
 * subscribes to both: by the plain channel come publications of backends, of instances that do not shard,
 * and those that found no listener at the slot's master. So each publication takes one of two ways, and a
 * listener hears either. Invariant: nothing is published by SPUBLISH that a listener of this cluster cannot
 * hear. Each worker listens to `control`, and each that shards to a mark as well, in one command: as long
 * as more connections listen to `control` than to the mark, PUBLISH is used.
 */

import { CONTROL } from "@holdfast/core";
import type { Redis } from "ioredis";
import type { ConnectSettings, PingedSide } from "../connection/connections.js";
import { isReply } from "../connection/pings.js";
import { withDeadline } from "../runtime/deadline.js";
import type { ShardSubscriptions } from "./shard-subscriptions.js";

export interface ShardingParts {
  readonly subscriptions: ShardSubscriptions;
  readonly masters: () => readonly Redis[];
  readonly settings: ConnectSettings;
}

export class Sharding implements PingedSide {
  readonly #parts: ShardingParts;
  #isPublishing = false;
  #isFirst = true;

  constructor(parts: ShardingParts) {
    this.#parts = parts;
  }

  get isPublishing(): boolean {
    return this.#isPublishing;
  }

  plain(channels: readonly string[]): readonly string[] {
    const { keys } = this.#parts.settings;
    return channels.includes(keys.channel(CONTROL)) ? [keys.sharded.mark, ...channels] : channels;
  }

  async subscribe(channels: readonly string[]): Promise<void> {
    await this.#parts.subscriptions.subscribe(this.#sharded(channels));
  }

  async unsubscribe(channels: readonly string[]): Promise<void> {
    await this.#parts.subscriptions.unsubscribe(this.#sharded(channels));
  }

  /** Looks at the connections and counts the listeners again. Never rejects. */
  async ping(): Promise<void> {
    await Promise.all([this.#parts.subscriptions.ping(), this.count()]);
  }

  /** Whether every listener hears sharded channels: decides how to publish. Never rejects. */
  async count(): Promise<void> {
    const { logger } = this.#parts.settings;
    const others = await this.#plainListeners();
    const publishes = others === 0;
    if (publishes !== this.#isPublishing || (this.#isFirst && !publishes)) {
      if (publishes) logger.info({}, "Redis Cluster: publications go to sharded channels");
      else logger.warn({ listeners: others }, PLAIN_MESSAGE);
    }
    this.#isFirst = false;
    this.#isPublishing = publishes;
  }

  /** Connections that hear plain channels only; Infinity where that is not known. */
  async #plainListeners(): Promise<number> {
    const { keys, clock, timeoutMs } = this.#parts.settings;
    const names = [keys.channel(CONTROL), keys.sharded.mark] as const;
    const asked = this.#parts.masters().map((node) => node.pubsub("NUMSUB", ...names));
    try {
      const replies = await withDeadline(clock, timeoutMs, "PUBSUB NUMSUB", Promise.all(asked));
      let others = 0;
      for (const [, all, , sharding] of replies) others += Number(all) - Number(sharding);
      return Math.max(0, others);
    } catch {
      // A master is away: what was true is taken to be true.
      return this.#isPublishing ? 0 : Number.POSITIVE_INFINITY;
    }
  }

  #sharded(channels: readonly string[]): string[] {
    const { keys } = this.#parts.settings;
    return channels.map((channel) => keys.sharded.of(channel)).filter((channel) => channel !== undefined);
  }
}

/** Answers of a server that knows the command. */
const KNOWN = /^(MOVED|ASK|CLUSTERDOWN|TRYAGAIN|LOADING|MASTERDOWN|BUSY|MISCONF) /;

const PLAIN_MESSAGE =
  "Redis Cluster: some listeners hear plain channels only (an earlier version, redisSharded off, redisSubscriptions instance): publications go there, to every member, until none is left";

/** Why these servers cannot shard; undefined where they can. */
export async function shardingProblem(
  masters: readonly Redis[],
  settings: ConnectSettings,
): Promise<string | undefined> {
  const { keys, clock, timeoutMs, reasonOf } = settings;
  const trial = keys.sharded.trial;
  const asked = [
    ...masters.map((node) => node.call("SPUBLISH", trial, "")),
    ...masters.map((node) => node.pubsub("NUMSUB", keys.sharded.mark)),
  ];
  const outcomes = await withDeadline(clock, timeoutMs, "SPUBLISH", Promise.allSettled(asked));
  for (const outcome of outcomes) {
    if (outcome.status === "fulfilled") continue;
    const { reason } = outcome;
    // By MOVED it knows the command, and another has the slot. One that is away says nothing about itself.
    if (isReply(reason) && !KNOWN.test(reason.message)) return reasonOf(reason);
  }
  return undefined;
}
