/**
 * Settings → what holds for a channel, for the parts that have no core: the primary, and the ingest of Redis.
 */
import { Namespaces, type Retention } from "@holdfast/core";
import type { CompleteSettings } from "../config/complete.js";
import { coreOptions } from "./core-options.js";

export interface ChannelRules {
  /** What is kept of a channel's past; undefined: nothing. */
  readonly retention: (channel: string) => Retention | undefined;
  /** Whether a channel has presence. */
  readonly hasPresence: (channel: string) => boolean;
}

/** By the same rules as the workers' cores. */
export function channelRules(settings: CompleteSettings): ChannelRules {
  const options = coreOptions(settings);
  const namespaces = new Namespaces(options.namespaces, options);
  return {
    retention: (channel) => namespaces.retention(channel),
    hasPresence: (channel) => namespaces.presence(channel) !== undefined,
  };
}
