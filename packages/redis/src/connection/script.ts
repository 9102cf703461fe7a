/**
 * Scripts: the Lua files of this package, each one atomic command on Redis.
 *
 * They are files of the npm package, at the same place seen from the sources and from what was built. A
 * server is told their texts when it is connected to and then called by their digests; should it have
 * forgotten, it is told once more.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { isNativeError } from "node:util/types";
import type { Cluster, Redis } from "ioredis";

/** The files in packages/redis/lua, without `.lua`. Each says what its KEYS and ARGV are. */
export type ScriptName =
  | "touch"
  | "server-id"
  | "server-says"
  | "run"
  | "tell"
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
  | "directory-withdraw"
  | "loads-exchange"
  | "loads-withdraw";

export interface Script {
  readonly text: string;
  readonly sha: string;
  /** Whether its replies are bytes, because they hold data. Otherwise they are text. */
  readonly isBinary?: boolean;
}

/** Text as UTF-8, or bytes as they are. */
export type ScriptArgument = string | Buffer;

/** A script with what it is told. What order matters to is a run instead (run.ts). */
export interface ScriptCall {
  readonly script: Script;
  readonly keys: readonly string[];
  readonly args: readonly ScriptArgument[];
}

/** The script of these files, one after the other. */
function load(...names: readonly ScriptName[]): Script {
  return scriptOf(textOf(names));
}

/** Likewise, with replies of bytes. */
function loadBinary(...names: readonly ScriptName[]): Script {
  return Object.freeze({ ...load(...names), isBinary: true });
}

function textOf(names: readonly ScriptName[]): string {
  return names
    .map((name) => readFileSync(new URL(`../../lua/${name}.lua`, import.meta.url), "utf8"))
    .join("\n");
}

function scriptOf(text: string): Script {
  return Object.freeze({ text, sha: createHash("sha1").update(text).digest("hex") });
}

export const SCRIPTS = Object.freeze({
  publish: load("run", "server-id", "touch", "tell", "publish"),
  publishOnce: load("run", "tell", "publish-once"),
  read: loadBinary("server-id", "touch", "read"),
  serverSays: load("server-id", "server-says"),
  secret: load("secret"),
  eventsAdd: load("events-add"),
  revoke: load("revoke"),
  revoked: load("revoked"),
  spend: load("spend"),
  ingestTake: loadBinary("ingest-take"),
  ingestSettle: load("ingest-settle"),
  ingestRelease: load("ingest-release"),
  presenceChange: load("tell", "presence", "presence-change"),
  presenceEnd: load("tell", "presence", "presence-end"),
  presenceRead: load("presence-read"),
  presenceRenew: load("presence-renew"),
  presenceIndex: load("presence-index"),
  directoryAnnounce: load("directory-announce"),
  directoryFind: load("directory-find"),
  directoryWithdraw: load("directory-withdraw"),
  loadsExchange: load("loads-exchange"),
  loadsWithdraw: load("loads-withdraw"),
});

/** Tells one server all scripts, so that none of the first calls is overtaken while it is told. */
export async function loadScripts(server: Redis): Promise<void> {
  const scripts: readonly Script[] = Object.values(SCRIPTS);
  await Promise.all(scripts.map(({ text }) => server.script("LOAD", text)));
}

/** Whether Redis answered with this kind of error: the first word of its message. */
export function isError(error: unknown, kind: "NOSCRIPT" | "READONLY" | "LATE"): boolean {
  return isNativeError(error) && error.message.startsWith(`${kind} `);
}

/** A call that has to be told again comes behind those that followed it: see lanes.ts. */
export async function runScript(
  client: Redis | Cluster,
  { text, sha, isBinary = false }: Script,
  keys: readonly string[],
  args: readonly ScriptArgument[],
): Promise<unknown> {
  try {
    return isBinary
      ? await client.callBuffer("evalsha", sha, keys.length, ...keys, ...args)
      : await client.evalsha(sha, keys.length, ...keys, ...args);
  } catch (error) {
    if (!isError(error, "NOSCRIPT")) throw error;
    return isBinary
      ? await client.callBuffer("eval", text, keys.length, ...keys, ...args)
      : await client.eval(text, keys.length, ...keys, ...args);
  }
}
