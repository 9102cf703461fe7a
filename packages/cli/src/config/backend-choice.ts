/**
 * The choice of the backend: which kind the settings name, and what that means for other settings.
 *
 * The only file that asks whether `redis` is set. A new kind is a kind here with its traits, a file in
 * backends/, and a case in compose.ts.
 */
import { parseRedisUrl } from "@holdfast/redis/target";
import type { Settings } from "./schema.js";

/** A kind, with the settings that only this kind has. */
export type BackendChoice = { readonly kind: "embedded" } | { readonly kind: "redis"; readonly url: string };

/** What the rest of the settings may rely on. */
export interface BackendTraits {
  /** Whether other instances may join; what joins them lies outside, where other programs may read it. */
  readonly joinsInstances: boolean;
  /** Whether backends can be told of events. */
  readonly takesEvents: boolean;
}

/** The settings that choose. */
type Choosing = Partial<Pick<Settings, "redis" | "redisSharded" | "redisSubscriptions">>;

const TRAITS: Readonly<Record<BackendChoice["kind"], BackendTraits>> = Object.freeze({
  embedded: { joinsInstances: false, takesEvents: false },
  redis: { joinsInstances: true, takesEvents: true },
});

export function backendChoice({ redis }: Choosing): BackendChoice {
  return redis === undefined ? { kind: "embedded" } : { kind: "redis", url: redis };
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
  const target = parseRedisUrl(choice.url);
  const mayShard = "kind" in target && target.kind === "cluster" && redisSharded !== "off";
  return mayShard ? "worker" : "instance";
}

const NOT_A_CLUSTER = Object.freeze({
  key: "redisSharded",
  message: "on is for a Redis Cluster: set redis to redis+cluster://…, or leave redisSharded at auto",
} as const);

const NOT_SHARED = Object.freeze({
  key: "redisSharded",
  message: "on is for redisSubscriptions worker or auto: subscriptions that workers share are plain ones",
} as const);

/** What is wrong with the choice: the setting and the sentence after its name; undefined: nothing. */
export function backendProblem(
  settings: Choosing,
): { readonly key: "redis" | "redisSharded"; readonly message: string } | undefined {
  const choice = backendChoice(settings);
  const isSharded = settings.redisSharded === "on";
  if (choice.kind === "embedded") return isSharded ? NOT_A_CLUSTER : undefined;
  const target = parseRedisUrl(choice.url);
  if ("problem" in target) return { key: "redis", message: target.problem };
  if (!isSharded) return undefined;
  if (target.kind !== "cluster") return NOT_A_CLUSTER;
  return settings.redisSubscriptions === "instance" ? NOT_SHARED : undefined;
}
