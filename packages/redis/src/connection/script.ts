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
  | "late"
  | "tell"
  | "publish"
  | "publish-plain"
  | "batch"
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
  /** Several calls of it in one step: lua/batch.lua. Undefined for scripts whose order does not matter. */
  readonly batch?: Script;
  /** Whether its replies are bytes, because they hold data. Otherwise they are text. */
  readonly isBinary?: boolean;
}

/** Text as UTF-8, or bytes as they are. */
export type ScriptArgument = string | Buffer;

/** A script with what it is told. */
export interface ScriptCall {
  readonly script: Script;
  readonly keys: readonly string[];
  readonly args: readonly ScriptArgument[];
  /**
   * Calls of one lane are carried out in their order (lanes.ts), and not after their deadline, which the link
   * adds as the last argument (lua/late.lua). Undefined where order does not matter.
   */
  readonly lane?: string;
}

/** The script of these files, one after the other. */
function load(...names: readonly ScriptName[]): Script {
  return scriptOf(textOf(names));
}

/** Likewise, with replies of bytes. */
function loadBinary(...names: readonly ScriptName[]): Script {
  return Object.freeze({ ...load(...names), isBinary: true });
}

/** Likewise, with its batch. */
function loadOrdered(...names: readonly ScriptName[]): Script {
  const text = textOf(names);
  const batch = scriptOf(`local function call(KEYS, ARGV)\n${text}\nend\n${textOf(["batch"])}`);
  return Object.freeze({ ...scriptOf(text), batch });
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
  publish: loadOrdered("late", "server-id", "touch", "tell", "publish"),
  publishOnce: loadOrdered("late", "tell", "publish-once"),
  publishPlain: loadOrdered("late", "tell", "publish-plain"),
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
  const texts = scripts.flatMap(({ text, batch }) => (batch === undefined ? [text] : [text, batch.text]));
  await Promise.all(texts.map((text) => server.script("LOAD", text)));
}

/** Calls of one script as one call: see lua/batch.lua. */
export function batchOf(calls: readonly ScriptCall[]): ScriptCall {
  const script = calls[0]?.script.batch;
  if (script === undefined) throw new Error("this script has no batch");
  const args: ScriptArgument[] = [String(calls.length)];
  for (const call of calls) args.push(String(call.keys.length), String(call.args.length), ...call.args);
  return { script, keys: calls.flatMap(({ keys }) => keys), args };
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
