/**
 * Redis URLs: where Redis is and how to be let in, as text and as a value.
 *
 *   redis://[user[:password]@]host[:port][/db]           one server; rediss:// for TLS
 *   redis+sentinel://[…@]host[:port],…/master[/db]       Sentinels that name the master
 *   redis+cluster://[…@]host[:port],…                    members of a Redis Cluster
 *
 * Written by hand because the URL class knows one host. Invariant: no problem sentence repeats what was read,
 * so that a password in the wrong place cannot end in a log.
 */

export interface RedisAddress {
  readonly host: string;
  readonly port: number;
}

/** What every kind of target has. */
export interface RedisAccess {
  readonly tls: boolean;
  readonly username?: string;
  readonly password?: string;
}

export type RedisTarget =
  | (RedisAccess & { readonly kind: "single"; readonly address: RedisAddress; readonly db: number })
  | (RedisAccess & {
      readonly kind: "sentinel";
      readonly sentinels: readonly RedisAddress[];
      /** The name under which the Sentinels watch the master. */
      readonly master: string;
      readonly db: number;
      /** Of the Sentinels themselves, which have their own. */
      readonly sentinelPassword?: string;
    })
  | (RedisAccess & { readonly kind: "cluster"; readonly nodes: readonly RedisAddress[] });

const PARTS =
  /^(redis|rediss)(?:\+(sentinel|cluster))?:\/\/(?:([^/?#]*)@)?([^/?#@]*)(\/[^?#]*)?(?:\?([^#]*))?$/;
const HOST = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]{1,253}))(?::([0-9]{1,5}))?$/;
const MAX_HOSTS = 64;
const MAX_DB = 65_535;

/** `text` as a target, or the problem with it as the end of a sentence: "the Redis URL …". */
export function parseRedisUrl(text: string): RedisTarget | { readonly problem: string } {
  const [matched, scheme, kind = "single", user, hosts = "", path = "", query] = PARTS.exec(text) ?? [];
  if (matched === undefined) {
    return {
      problem:
        "must read redis://host:6379, rediss://…, redis+sentinel://host:26379,…/master or redis+cluster://host:6379,… " +
        "with / ? # @ in a password percent-encoded",
    };
  }
  const addresses = parseHosts(hosts, kind === "sentinel" ? 26_379 : 6379);
  if (typeof addresses === "string") return { problem: addresses };
  const access = parseUser(user);
  if (access === undefined) return { problem: "has a user or password that is not percent-encoded properly" };
  const secure = { tls: scheme === "rediss", ...access };

  const segments = path.split("/").slice(1);
  if (segments.at(-1) === "") segments.pop();
  const sentinelPassword = kind === "sentinel" ? parseQuery(query) : undefined;
  if (query !== undefined && sentinelPassword === undefined) {
    return { problem: "has a query; only redis+sentinel:// takes one: ?sentinelPassword=…" };
  }
  if (kind === "cluster") {
    if (segments.length > 0) return { problem: "names a database, but a Redis Cluster has only one" };
    return { kind, nodes: addresses, ...secure };
  }
  const master = kind === "sentinel" ? decode(segments.shift() ?? "") : undefined;
  if (kind === "sentinel" && !master)
    return { problem: "must name the master after the hosts: …:26379/mymaster" };
  const db = parseDb(segments);
  if (db === undefined) return { problem: `must end in a database number from 0 to ${MAX_DB}, or in none` };
  if (master !== undefined) {
    const sentinel = sentinelPassword === undefined ? {} : { sentinelPassword };
    return { kind: "sentinel", sentinels: addresses, master, db, ...secure, ...sentinel };
  }
  const [address] = addresses;
  if (address === undefined || addresses.length > 1) {
    return {
      problem: "names several hosts: write redis+cluster:// or redis+sentinel:// if that is what they are",
    };
  }
  return { kind: "single", address, db, ...secure };
}

/** The number of its database: a Cluster has only one. */
export function databaseOf(target: RedisTarget): number {
  return target.kind === "cluster" ? 0 : target.db;
}

/** The target for a log: a URL without user and passwords. */
export function describeTarget(target: RedisTarget): string {
  const scheme = target.tls ? "rediss" : "redis";
  const db = databaseOf(target);
  const database = db === 0 ? "" : `/${db}`;
  switch (target.kind) {
    case "single":
      return `${scheme}://${describeHosts([target.address])}${database}`;
    case "sentinel": {
      const master = encodeURIComponent(target.master);
      return `${scheme}+sentinel://${describeHosts(target.sentinels)}/${master}${database}`;
    }
    case "cluster":
      return `${scheme}+cluster://${describeHosts(target.nodes)}`;
  }
}

function describeHosts(addresses: readonly RedisAddress[]): string {
  return addresses.map(({ host, port }) => `${host.includes(":") ? `[${host}]` : host}:${port}`).join(",");
}

function parseHosts(text: string, defaultPort: number): RedisAddress[] | string {
  const addresses: RedisAddress[] = [];
  for (const part of text.split(",")) {
    const [matched, v6, name, port = String(defaultPort)] = HOST.exec(part) ?? [];
    const host = v6 ?? name;
    if (matched === undefined || host === undefined)
      return "must have hosts like redis.example, 10.0.0.1:6379 or [::1]:6379";
    if (Number(port) < 1 || Number(port) > 65_535) return "has a port outside 1 to 65535";
    addresses.push({ host, port: Number(port) });
  }
  return addresses.length > MAX_HOSTS ? `names more than ${MAX_HOSTS} hosts` : addresses;
}

function parseUser(text = ""): Pick<RedisAccess, "username" | "password"> | undefined {
  const colon = text.indexOf(":");
  const username = decode(colon === -1 ? text : text.slice(0, colon));
  const password = decode(colon === -1 ? "" : text.slice(colon + 1));
  if (username === undefined || password === undefined) return undefined;
  return { ...(username === "" ? {} : { username }), ...(password === "" ? {} : { password }) };
}

/** The Sentinels' password of a query that has nothing else. */
function parseQuery(query: string | undefined): string | undefined {
  const name = "sentinelPassword=";
  return query?.startsWith(name) && !query.includes("&") ? decode(query.slice(name.length)) : undefined;
}

function parseDb(segments: readonly string[]): number | undefined {
  const [text = "0", ...rest] = segments;
  return rest.length === 0 && /^[0-9]{1,5}$/.test(text) && Number(text) <= MAX_DB ? Number(text) : undefined;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
