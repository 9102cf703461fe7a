/**
 * Connections: what a target needs to be published to and listened to, and what opening them takes.
 */
import type { Clock, Logger } from "@holdfast/core";
import type { Cluster, Redis } from "ioredis";
import type { RedisKeys } from "../keys.js";
import type { ShardedSetting } from "../options.js";
import type { ClientScope, ConnectionOptions } from "./client.js";
import type { Pings } from "./pings.js";
import type { Roles } from "./role.js";
import type { Script, ScriptArgument } from "./script.js";
import type { ServerIds } from "./server-ids.js";

export interface Connections {
  readonly subscriber: Redis;
  /** Sharded channels beside the plain ones. Undefined where there are none. */
  readonly sharding: ShardedSide | undefined;
  /** PUBLISH, in the order of all calls. Undefined where only a script can be routed to the right server. */
  readonly publish: ((channel: string, data: string | Buffer) => Promise<unknown>) | undefined;
  /** Runs a script on the server that has its keys, likewise. */
  script(script: Script, keys: readonly string[], args: readonly ScriptArgument[]): Promise<unknown>;
  /** Rejects when the command side gives no sign of life in time. */
  ping(): Promise<unknown>;
  /** The last argument of a script for `key` that no caller wants after `until`, monotonic ms. */
  deadline(key: string, until: number): string;
  /** Rejects with `NotMaster` when nothing should be published there any more. */
  checkRole(): Promise<unknown>;
  /**
   * A call with this key had no answer in time: its connection is reset, before the call can be carried out
   * late.
   */
  overdue(key: string): void;
  /** Settles with the reason when any of the connections that matter has ended. Never rejects. */
  readonly lost: Promise<string>;
}

/** Sharded pub/sub as a link uses it; channels have their plain names. */
export interface ShardedSide {
  /** Whether publications go to sharded channels now. */
  readonly isPublishing: boolean;
  /** The plain channels to subscribe to, or to unsubscribe from, for these. */
  plain(channels: readonly string[]): readonly string[];
  /** Rejects when it is refused. What cannot be confirmed in time is told as skipped, once it is. */
  subscribe(channels: readonly string[]): Promise<void>;
  unsubscribe(channels: readonly string[]): Promise<void>;
}

/** A Cluster that sharded pub/sub is opened on. */
export interface ShardedServers {
  readonly cluster: Cluster;
  /** Those that can be reached. */
  readonly masters: readonly Redis[];
  readonly options: ConnectionOptions;
}

/** What the signs of life of a link ask as well. */
export interface PingedSide extends ShardedSide {
  /** Never rejects. */
  ping(): Promise<void>;
}

/** Undefined where the setting or the servers do not allow it. */
export type OpenSharded = (
  servers: ShardedServers,
  settings: ConnectSettings,
) => Promise<PingedSide | undefined>;

export interface ConnectSettings extends ClientScope {
  /** For one step with one address, ms. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly keys: RedisKeys;
  readonly sharded: ShardedSetting;
  readonly openSharded: OpenSharded;
  /** What is told of sharded channels, by their plain names. */
  readonly events: {
    message(channel: string, payload: Buffer): void;
    skipped(channel: string): void;
  };
  /** The link is of no use any more. */
  readonly lose: (error: unknown) => void;
  /** A channel that no other connection uses. */
  readonly probeChannel: string;
  readonly roles: Roles;
  readonly serverIds: ServerIds;
  readonly pings: Pings;
}
