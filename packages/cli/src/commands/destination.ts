/**
 * Where commands that speak to a cluster go: to the admin API of a running gateway, or straight into Redis.
 */
import { type Command, Option } from "commander";
import { AdminClient, DEFAULT_ADMIN_URL } from "../admin-client.js";
import { settings } from "../config/schema.js";
import { envOf } from "../config/setting.js";
import type { DirectRedisOptions } from "../redis-direct.js";
import type { Terminal } from "../terminal.js";

export interface AdminDestination {
  readonly url: string;
  /** The old name of `url`. */
  readonly admin?: string;
  readonly adminKey?: string;
}

export interface DestinationOptions extends AdminDestination {
  readonly redis?: string;
  readonly redisPrefix?: string;
}

const REDIS_TIMEOUT_MS = 5000;

export function addAdminOptions(command: Command): Command {
  return command
    .addOption(new Option("--url <url>", "a gateway's admin port").default(DEFAULT_ADMIN_URL))
    .addOption(new Option("--admin <url>", "the old name of --url").hideHelp())
    .addOption(new Option("--admin-key <key>", `key of the admin API (env: ${envOf("adminKey")})`));
}

export function addDestinationOptions(command: Command): Command {
  return addAdminOptions(command)
    .addOption(new Option("--redis <url>", "go into this Redis instead of through a gateway"))
    .addOption(
      new Option(
        "--redis-prefix <text>",
        `what the cluster's channels in Redis start with (default: ${settings.redisPrefix.default}, env: ${envOf("redisPrefix")})`,
      ),
    );
}

/** Where the admin port is. */
export function adminUrlOf({ url, admin }: AdminDestination): string {
  return admin ?? url;
}

/** The key of the admin API; undefined where none is said. */
export function adminKeyOf({ adminKey }: AdminDestination, { env }: Terminal): string | undefined {
  return adminKey ?? (env[envOf("adminKey")] || undefined);
}

/** `signal` ends its requests. */
export function adminOf(options: AdminDestination, terminal: Terminal, signal?: AbortSignal): AdminClient {
  const key = adminKeyOf(options, terminal);
  return new AdminClient({ url: adminUrlOf(options), key, ...(signal !== undefined && { signal }) });
}

/** Undefined: through a gateway. */
export function redisOf(
  { redis, redisPrefix }: DestinationOptions,
  { env }: Terminal,
): DirectRedisOptions | undefined {
  if (redis === undefined) return undefined;
  const prefix = redisPrefix ?? (env[envOf("redisPrefix")] || String(settings.redisPrefix.default));
  return { url: redis, prefix, timeoutMs: REDIS_TIMEOUT_MS };
}
