/**
 * Facts of the Redis or Valkey that joins the instances.
 *
 * Owns their form. Invariant: each was answered by the server that the URL leads to, or says why not.
 */
import type { Fact } from "./fact.js";

export interface RedisFacts {
  /** As a log would name it. */
  readonly where: string;
  /** What the URL says that it is. */
  readonly kind: "single" | "sentinel" | "cluster";
  readonly isTls: boolean;
  readonly hasPassword: boolean;
  /** Whether the address is of this machine or of a private network. */
  readonly isNear: boolean;
  /** Resolves to its greeting once it answers. */
  readonly answers: Fact<true>;
  readonly product: Fact<{ readonly name: "Redis" | "Valkey"; readonly version: string }>;
  /** `standalone`, `cluster` or `sentinel`. */
  readonly mode: Fact<string>;
  readonly role: Fact<string>;
  /** Undefined where `INFO` has none. */
  readonly replicationId: Fact<string | undefined>;
  readonly policy: Fact<string>;
  /** 0 for no limit. */
  readonly maxMemoryBytes: Fact<number>;
  readonly usedMemoryBytes: Fact<number>;
  readonly pubsubLimit: Fact<{
    readonly hardBytes: number;
    readonly softBytes: number;
    readonly softSeconds: number;
  }>;
  readonly persistence: Fact<{
    readonly appendOnly: boolean;
    readonly snapshots: boolean;
    /** What failed last, if anything. */
    readonly problem: string | undefined;
  }>;
  readonly replicas: Fact<number>;
  /** Commands that the gateway needs and this user may not give. */
  readonly denied: Fact<readonly string[]>;
  readonly roundTripP99Ms: Fact<number>;
  /** Its clock less ours, ms. */
  readonly clockSkewMs: Fact<number>;
  readonly clients: Fact<{ readonly open: number; readonly most: number }>;
  /** Seconds after which it ends idle connections; 0 for never. */
  readonly idleSeconds: Fact<number>;
  readonly shardedPubSub: Fact<boolean>;
  readonly forkMs: Fact<number>;
}
