/**
 * What `publish` and `broadcast` share: sending.
 */
import { BROADCAST, channelTopic } from "@holdfast/core";
import { normalizeData } from "@holdfast/protocol";
import { maskedUrl } from "../masked-url.js";
import { type JsonOption, sayOutcome } from "../output/outcome.js";
import { withRedis } from "../redis-direct.js";
import type { Terminal } from "../terminal.js";
import { adminOf, adminUrlOf, type DestinationOptions, redisOf } from "./destination.js";

/** More than any gateway may be set to take. */
const MAX_INPUT_BYTES = 8 * 1024 * 1024;

/** The data of an argument; `-` is standard input, without the newline at its end. */
export async function dataOf(argument: string, terminal: Terminal): Promise<string> {
  return argument === "-" ? (await terminal.input(MAX_INPUT_BYTES)).replace(/\r?\n$/, "") : argument;
}

/** `channel` undefined: to every connection. Data that is not JSON is sent as a string. */
export async function send(
  terminal: Terminal,
  options: DestinationOptions & JsonOption,
  channel: string | undefined,
  text: string,
): Promise<void> {
  const data = normalizeData(text);
  const to = channel === undefined ? "everybody" : channel;
  const what = `${Buffer.byteLength(data)} bytes ${isJson(text) ? "of JSON" : "as a JSON string"}`;
  const facts = { channel: channel ?? null, bytes: Buffer.byteLength(data) };
  const redis = redisOf(options, terminal);
  if (redis !== undefined) {
    const topic = channel === undefined ? BROADCAST : channelTopic(channel);
    const where = await withRedis(redis, ({ broker }) => broker.publish(topic, data));
    const line = `published to ${to} (${what}) into ${where}, channel ${redis.prefix}${topic}`;
    return sayOutcome(terminal, options, line, { ...facts, redis: where });
  }
  const client = adminOf(options, terminal);
  const position = await (channel === undefined ? client.broadcast(data) : client.publish(channel, data));
  const gateway = maskedUrl(adminUrlOf(options));
  const line = `published to ${to} (${what}) through ${gateway}`;
  return sayOutcome(terminal, options, line, { ...facts, gateway, ...position });
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
