/**
 * All facts that checks judge.
 *
 * Invariant: plain values, so that a test can break any one of them.
 */
import type { Fact } from "./fact.js";
import type { GatewayFacts } from "./gateway.js";
import type { MachineFacts } from "./machine.js";
import type { NodeFacts } from "./node.js";
import type { OutsideFacts } from "./outside.js";
import type { RedisFacts } from "./redis.js";

export interface Facts {
  /** What the machine is to hold: the settings' `maxConnections` and `workers`, or what was said. */
  readonly wanted: Fact<{ readonly connections: number; readonly workers: number }>;
  readonly machine: MachineFacts;
  readonly node: NodeFacts;
  readonly gateway: GatewayFacts;
  readonly redis: Fact<RedisFacts>;
  /** Of the servers that parts have of their own, by the settings' names: none where all is at `redis`. */
  readonly redisParts: Readonly<Record<string, Fact<RedisFacts>>>;
  readonly outside: Fact<OutsideFacts>;
}
