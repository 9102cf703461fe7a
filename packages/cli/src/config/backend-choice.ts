/**
 * The choice of the backend: which kind the settings name, and what that means for other settings.
 *
 * The only file that asks whether `redis` is set, and where its parts are. A new kind is a kind here with its
 * traits, a file in backends/, and a case in compose.ts.
 */
import { parseRedisUrl } from "@holdfast/redis/target";
import type { Settings } from "./schema.js";

/** A kind, with the settings that only this kind has. */
export type BackendChoice =
  | { readonly kind: "embedded" }
  | { readonly kind: "redis"; readonly urls: RedisUrls };

/** Where Redis is, by the settings that say it; a part that is left out is at `redis`. */
export type RedisUrls = Partial<Record<PartKey, string>> & { readonly redis: string };

type PartKey = "redisHistory" | "redisPresence";
const PART_KEYS: readonly PartKey[] = ["redisHistory", "redisPresence"];

/** What the rest of the settings may rely on. */
export interface BackendTraits {
  /** Whether other instances may join; what joins them lies outside, where other programs may read it. */
  readonly joinsInstances: boolean;
  /** Whether backends can be told of events. */
  readonly takesEvents: boolean;
}

/** The settings that choose. */
type Choosing = Partial<Pick<Settings, "redis" | PartKey | "redisSharded" | "redisSubscriptions">>;

const TRAITS: Readonly<Record<BackendChoice["kind"], BackendTraits>> = Object.freeze({
  embedded: { joinsInstances: false, takesEvents: false },
  redis: { joinsInstances: true, takesEvents: true },
});

export function backendChoice({ redis, redisHistory, redisPresence }: Choosing): BackendChoice {
  if (redis === undefined) return { kind: "embedded" };
  const history = redisHistory === undefined ? {} : { redisHistory };
  const presence = redisPresence === undefined ? {} : { redisPresence };
  return { kind: "redis", urls: { redis, ...history, ...presence } };
}

export function backendTraits(settings: Choosing): BackendTraits {
  return TRAITS[backendChoice(settings).kind];
}

/** Workers from which on `redisSubscriptions` `auto` is `instance` (docs/adr/0058). */
const WORKERS_TO_SHARE = 4;

/**
 * `redisSubscriptions`, with `auto` resolved for that many workers. A Cluster that may shard keeps `worker`:
 * shared subscriptions are plain ones, which end sharded pub/sub for all of the cluster.
 */
export function subscriptionsOf(settings: Choosing, workers: number): "instance" | "worker" {
  const { redisSubscriptions = "auto", redisSharded } = settings;
  if (redisSubscriptions !== "auto") return redisSubscriptions;
  const choice = backendChoice(settings);
  if (choice.kind === "embedded" || workers < WORKERS_TO_SHARE) return "worker";
  // What lies on a server of its own is not shared, and may shard either way.
  const target = parseRedisUrl(choice.urls.redis);
  const mayShard = "kind" in target && target.kind === "cluster" && redisSharded !== "off";
  return mayShard ? "worker" : "instance";
}

const NOT_A_CLUSTER = Object.freeze({
  key: "redisSharded",
  message:
    "on is for a Redis Cluster: set redis, redisHistory or redisPresence to redis+cluster://…, or leave redisSharded at auto",
} as const);

const NOT_SHARED = Object.freeze({
  key: "redisSharded",
  message: "on is for redisSubscriptions worker or auto: subscriptions that workers share are plain ones",
} as const);

interface Problem {
  readonly key: "redis" | "redisSharded" | PartKey;
  readonly message: string;
}

/** What is wrong with the choice: the setting and the sentence after its name; undefined: nothing. */
export function backendProblem(settings: Choosing): Problem | undefined {
  const choice = backendChoice(settings);
  const isSharded = settings.redisSharded === "on";
  if (choice.kind === "embedded") {
    const [key] = PART_KEYS.filter((each) => settings[each] !== undefined);
    if (key !== undefined)
      return { key, message: "is a part of Redis beside redis: set redis, or leave it out" };
    return isSharded ? NOT_A_CLUSTER : undefined;
  }
  const kinds = new Set<string>();
  for (const key of ["redis", ...PART_KEYS] as const) {
    const url = choice.urls[key];
    if (url === undefined) continue;
    const target = parseRedisUrl(url);
    if ("problem" in target) return { key, message: target.problem };
    kinds.add(target.kind);
  }
  if (!isSharded) return undefined;
  if (!kinds.has("cluster")) return NOT_A_CLUSTER;
  return settings.redisSubscriptions === "instance" ? NOT_SHARED : undefined;
}
