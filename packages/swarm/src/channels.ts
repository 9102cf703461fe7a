/**
 * The pattern of channels: `news,room:{i%1000}`. `{i}` is the connection's number from 0, `{i%1000}` its
 * remainder.
 *
 * Invariant: each connection's names are those of the pattern with its number, so a run can be repeated
 * exactly.
 */
import { channelProblem } from "@holdfast/protocol";
import { SwarmProblem } from "./problem.js";

const PLACE = /\{i(?:%([1-9]\d{0,8}))?\}/g;

/** One channel for each thousandth connection: many subscribers to a channel, and many channels. */
export const DEFAULT_CHANNELS = "swarm:{i%1000}";

/** Throws a `SwarmProblem` unless every name that comes of the pattern is one. */
export function checkChannels(pattern: string): void {
  for (const name of pattern.split(",")) {
    const largest = name.replaceAll(PLACE, "999999999");
    const why = /[{}]/.test(largest)
      ? "in braces there may be {i} or {i%1000}"
      : channelProblem(largest)
        ? "this is no channel name: 1 to 255 printable bytes, `namespace:rest` or plain"
        : undefined;
    if (why !== undefined) throw new SwarmProblem("wrong", `channels: ${JSON.stringify(name)}: ${why}`);
  }
}

/** The value of the parameter `channels` for one connection, ready for a URL. */
export function channelsQuery(pattern: string, connection: number): string {
  return channelNames(pattern, connection).map(encodeURIComponent).join(",");
}

/** The channels of one connection. */
export function channelNames(pattern: string, connection: number): string[] {
  return pattern.split(",").map((name) => withNumber(name, connection));
}

/** The channel that a connection sends to: its first one. */
export function firstChannel(pattern: string, connection: number): string {
  return withNumber(pattern.split(",", 1)[0] ?? "", connection);
}

/** The pattern with the number of a connection in its places. */
export function withNumber(name: string, connection: number): string {
  return name.replaceAll(PLACE, (_, modulus?: string) =>
    String(modulus === undefined ? connection : connection % Number(modulus)),
  );
}
