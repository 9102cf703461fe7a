/**
 * Scripts: the Lua files of this package, each one atomic command on Redis.
 *
 * They are files of the npm package, at the same place seen from the sources and from what was built. A server is told
 * their texts when it is connected to and then called by their digests; should it have forgotten, it is told once more.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { isNativeError } from "node:util/types";
import type { Cluster, Redis } from "ioredis";

/** The files in packages/redis/lua, without `.lua`. Each says what its KEYS and ARGV are. */
export type ScriptName =
  | "touch"
  | "publish"
  | "publish-once"
  | "read"
  | "secret"
  | "events-add"
  | "revoke"
  | "revoked"
  | "spend"
  | "ingest-take"
  | "ingest-settle"
  | "ingest-release"
  | "presence"
  | "presence-change"
  | "presence-end"
  | "presence-read"
  | "presence-renew"
  | "presence-index"
  | "directory-announce"
  | "directory-find"
  | "directory-withdraw";

export interface Script {
  readonly text: string;
  readonly sha: string;
}

/** The script of these files, one after the other. */
function load(...names: readonly ScriptName[]): Script {
  const text = names
    .map((name) => readFileSync(new URL(`../lua/${name}.lua`, import.meta.url), "utf8"))
    .join("\n");
  return Object.freeze({ text, sha: createHash("sha1").update(text).digest("hex") });
}

export const SCRIPTS = Object.freeze({
  publish: load("touch", "publish"),
  publishOnce: load("publish-once"),
  read: load("touch", "read"),
  secret: load("secret"),
  eventsAdd: load("events-add"),
  revoke: load("revoke"),
  revoked: load("revoked"),
  spend: load("spend"),
  ingestTake: load("ingest-take"),
  ingestSettle: load("ingest-settle"),
  ingestRelease: load("ingest-release"),
  presenceChange: load("presence", "presence-change"),
  presenceEnd: load("presence", "presence-end"),
  presenceRead: load("presence-read"),
  presenceRenew: load("presence-renew"),
  presenceIndex: load("presence-index"),
  directoryAnnounce: load("directory-announce"),
  directoryFind: load("directory-find"),
  directoryWithdraw: load("directory-withdraw"),
});

/** Tells one server all scripts, so that none of the first calls is overtaken while it is told. */
export async function loadScripts(server: Redis): Promise<void> {
  await Promise.all(Object.values(SCRIPTS).map(({ text }) => server.script("LOAD", text)));
}

/** Whether Redis answered with this kind of error: the first word of its message. */
export function isError(error: unknown, kind: "NOSCRIPT" | "READONLY"): boolean {
  return isNativeError(error) && error.message.startsWith(`${kind} `);
}

export async function runScript(
  client: Redis | Cluster,
  { text, sha }: Script,
  keys: readonly string[],
  args: readonly string[],
): Promise<unknown> {
  try {
    return await client.evalsha(sha, keys.length, ...keys, ...args);
  } catch (error) {
    if (!isError(error, "NOSCRIPT")) throw error;
    return await client.eval(text, keys.length, ...keys, ...args);
  }
}
