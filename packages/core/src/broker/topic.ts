/**
 * Topics: what a worker can listen to at the broker.
 *
 * A channel, a channel's members, one user's connections, all connections, or the workers themselves
 * (`control`: orders, `canary`: signs of delivery, which core does not hear). One string names one,
 * `channel:news`, `presence:news`, `user:42`, `broadcast`, and is also the part of the Redis channel after
 * the prefix: any Redis client can publish to it.
 */
import { channelProblem } from "@holdfast/protocol";

export type Topic =
  | `channel:${string}`
  | `presence:${string}`
  | `user:${string}`
  | "broadcast"
  | "control"
  | "canary";

export const BROADCAST: Topic = "broadcast";
/** Orders to every worker (`control-message.ts`). */
export const CONTROL: Topic = "control";
/** Canaries of instances: the gateway's own, by which it measures delivery. */
export const CANARY: Topic = "canary";

export function channelTopic(channel: string): Topic {
  return `channel:${channel}`;
}

export function presenceTopic(channel: string): Topic {
  return `presence:${channel}`;
}

export function userTopic(user: string): Topic {
  return `user:${user}`;
}

/** The channel's name, or undefined when the topic is not a channel. */
export function channelOf(topic: Topic): string | undefined {
  return topic.startsWith("channel:") ? topic.slice("channel:".length) : undefined;
}

/** The channel whose members' coming and going is told there, or undefined for another topic. */
export function presenceOf(topic: Topic): string | undefined {
  return topic.startsWith("presence:") ? topic.slice("presence:".length) : undefined;
}

/**
 * `text` as a topic, or undefined when it is none: the check at every boundary that topics come in through.
 */
export function parseTopic(text: string): Topic | undefined {
  if (text === "broadcast" || text === "control" || text === "canary") return text;
  if (text.startsWith("user:") && text.length > "user:".length) return text as Topic;
  for (const kind of ["channel:", "presence:"]) {
    if (text.startsWith(kind) && channelProblem(text.slice(kind.length)) === undefined) return text as Topic;
  }
  return undefined;
}
