/**
 * What `publish` and `broadcast` share: where to send, and sending.
 *
 * Through the admin API of a running gateway, or straight into Redis.
 */
import { BROADCAST, channelTopic } from "@holdfast/core";
import { normalizeData } from "@holdfast/protocol";
import { type Command, Option } from "commander";
import { AdminClient, DEFAULT_ADMIN_URL } from "../admin-client.js";
import { settings } from "../config/schema.js";
import { envOf } from "../config/setting.js";
import { publishToRedis } from "../redis-publisher.js";
import type { Terminal } from "../terminal.js";

export interface PublishOptions {
  readonly admin: string;
  readonly adminKey?: string;
  readonly redis?: string;
  readonly redisPrefix?: string;
}

const REDIS_TIMEOUT_MS = 5000;

export function addPublishOptions(command: Command): Command {
  return command
    .addOption(new Option("--admin <url>", "a gateway's admin port").default(DEFAULT_ADMIN_URL))
    .addOption(new Option("--admin-key <key>", `key of the admin API (env: ${envOf("adminKey")})`))
    .addOption(new Option("--redis <url>", "publish into this Redis instead of through a gateway"))
    .addOption(
      new Option(
        "--redis-prefix <text>",
        `what the cluster's channels in Redis start with (default: ${settings.redisPrefix.default}, env: ${envOf("redisPrefix")})`,
      ),
    );
}

/** `channel` undefined: to every connection. Data that is not JSON is sent as a string. */
export async function send(
  terminal: Terminal,
  options: PublishOptions,
  channel: string | undefined,
  text: string,
): Promise<void> {
  const data = normalizeData(text);
  const to = channel === undefined ? "everybody" : channel;
  const what = `${Buffer.byteLength(data)} bytes ${isJson(text) ? "of JSON" : "as a JSON string"}`;
  if (options.redis !== undefined) {
    const prefix =
      options.redisPrefix ?? (terminal.env[envOf("redisPrefix")] || String(settings.redisPrefix.default));
    const topic = channel === undefined ? BROADCAST : channelTopic(channel);
    const where = await publishToRedis(
      { url: options.redis, prefix, timeoutMs: REDIS_TIMEOUT_MS },
      topic,
      data,
    );
    return terminal.out(`published to ${to} (${what}) into ${where}`);
  }
  const key = options.adminKey ?? (terminal.env[envOf("adminKey")] || undefined);
  const client = new AdminClient({ url: options.admin, key });
  await (channel === undefined ? client.broadcast(data) : client.publish(channel, data));
  return terminal.out(`published to ${to} (${what}) through ${options.admin}`);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
