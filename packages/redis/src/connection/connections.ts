/**
 * Connections: what a target needs to be published to and listened to, and what opening them takes.
 */
import type { Clock } from "@holdfast/core";
import type { Redis } from "ioredis";
import type { ClientScope } from "./client.js";
import type { Pings } from "./pings.js";
import type { Roles } from "./role.js";
import type { Script } from "./script.js";

export interface Connections {
  readonly subscriber: Redis;
  /** PUBLISH, in the order of all calls. Undefined where only a script can be routed to the right server. */
  readonly publish: ((channel: string, data: string) => Promise<unknown>) | undefined;
  /** Runs a script on the server that has its keys, likewise. */
  script(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown>;
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

export interface ConnectSettings extends ClientScope {
  /** For one step with one address, ms. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly random: () => number;
  /** A channel that no other connection uses. */
  readonly probeChannel: string;
  readonly roles: Roles;
  readonly pings: Pings;
}
