/**
 * What Redis refuses this user of all that a gateway does there.
 *
 * Owns the list of commands, each in a form that changes nothing: it reads, or works on a key and a channel
 * of our prefix that do not exist. Invariant: only a refusal by an ACL (`NOPERM`) or an unknown command
 * counts.
 */
import { type Fact, known } from "@holdfast/doctor";
import type { RedisInspector } from "@holdfast/redis";
import { sentence } from "../failure.js";

const REFUSED = /^NOPERM|unknown command|has no permissions|no permission/i;

/** Whether a sentence says that the server refused a command. */
export function isRefusal(text: string): boolean {
  return REFUSED.test(text);
}

/** What is asked of a member of a Cluster besides: where slots are, and whether all are there. */
const OF_MEMBERS = [["CLUSTER", "SLOTS"], ["CLUSTER", "INFO"], ["ASKING"]] as const;

/** The commands of docs/operations.md, Redis, Users. `key`: one that does not exist. */
function trials(key: string, channel: string): readonly (readonly [command: string, ...args: string[]])[] {
  return [
    ["INFO", "server"],
    ["ROLE"],
    ["TIME"],
    ["PUBLISH", channel, ""],
    ["GET", key],
    ["DEL", key],
    ["EXPIRE", key, "1"],
    ["HGETALL", key],
    ["HDEL", key, "x"],
    ["SMEMBERS", key],
    ["SREM", key, "x"],
    ["ZRANGE", key, "0", "0"],
    ["ZREM", key, "x"],
    ["XRANGE", key, "-", "+", "COUNT", "1"],
    ["XDEL", key, "1-0"],
    ["XLEN", key],
    ["EVAL", "return 1", "1", key],
    ["EVALSHA", "0".repeat(40), "1", key],
    ["SCRIPT", "LOAD", "return 1"],
    ["MEMORY", "USAGE", key],
    ["CLIENT", "ID"],
  ];
}

export async function deniedCommands(
  inspector: RedisInspector,
  prefix: string,
  isCluster: boolean,
): Promise<Fact<readonly string[]>> {
  const key = `${prefix}doctor:{none}`;
  const denied: string[] = [];
  const tried = [...trials(key, `${prefix}doctor`), ...(isCluster ? OF_MEMBERS : [])];
  for (const [command, ...args] of tried) {
    try {
      await inspector.ask(command, ...args);
    } catch (error) {
      // EVALSHA of no script says NOSCRIPT, which is a permission.
      if (isRefusal(sentence(error)))
        denied.push(
          ["SCRIPT", "MEMORY", "CLIENT", "CLUSTER"].includes(command) ? `${command} ${args[0]}` : command,
        );
    }
  }
  return known(denied);
}
