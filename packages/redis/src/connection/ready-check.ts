/**
 * A client of one server whose ready check takes a server that does not answer INFO.
 *
 * ioredis asks INFO before it lets commands through: whether the data is loaded, and of a Sentinel's server
 * whether it is the master. A server without the command (`rename-command INFO ""`) would never be ready, and
 * for one that forbids it ioredis writes to stderr. Both are taken to be ready: the role is asked anyway, and
 * a server that loads its data says so to the first command. Invariant: any other answer is ioredis's own.
 */
import { Redis } from "ioredis";
import type { ConnectionOptions } from "./client.js";
import { isReply } from "./pings.js";

type Callback = (error: Error | null | undefined, text?: string) => void;

const REFUSED = /^NOPERM |^ERR unknown command/i;

/** Not connected yet, where the options say so. */
export function newServer(options: ConnectionOptions): Redis {
  const raw = new Redis(options);
  const info = raw.info.bind(raw) as (callback: Callback) => Promise<unknown>;
  const tolerant = (callback: Callback): Promise<unknown> =>
    info((error, text) =>
      isReply(error) && REFUSED.test(error.message) ? callback(null, "") : callback(error, text),
    );
  Object.defineProperty(raw, "info", { value: tolerant });
  return raw;
}
