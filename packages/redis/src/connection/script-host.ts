/**
 * The script host: what runs the scripts of the seams on Redis. `RedisConnection` is one.
 *
 * A seam holds this and no connection, so that it does not matter to it which connection it was given.
 */
import type { BrokerState, Topic } from "@holdfast/core";
import type { ScriptCall } from "./script.js";

export interface ScriptHost {
  readonly state: BrokerState;
  /**
   * Runs a script over the link of the moment; `understand` makes its reply a value, or throws. Rejects with
   * `BrokerUnavailable`, at once while there is no link.
   */
  ask<T>(call: ScriptCall, understand: (reply: unknown) => T): Promise<T>;
  /** Where scripts publish on a topic now: what lua/tell.lua takes. */
  destination(topic: Topic): string;
}
