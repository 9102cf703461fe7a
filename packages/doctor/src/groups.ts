/**
 * All checks in their groups, and which of them a start can have before it.
 *
 * Invariant: a code is in one place.
 */
import type { Check } from "./check.js";
import { RUNNING_CHECKS, SETTINGS_CHECKS } from "./gateway/gateway.js";
import { MACHINE_CHECKS } from "./machine/machine.js";
import { NODE_CHECKS } from "./node/node.js";
import { OUTSIDE_CHECKS } from "./outside/outside.js";
import { REDIS_CHECKS } from "./redis/redis.js";

export interface CheckGroup {
  readonly title: string;
  /** Of the codes, such as `M`. */
  readonly letter: string;
  readonly checks: readonly Check[];
}

export const CHECK_GROUPS: readonly CheckGroup[] = Object.freeze([
  { title: "Machine", letter: "M", checks: MACHINE_CHECKS },
  { title: "Node.js", letter: "N", checks: NODE_CHECKS },
  { title: "Gateway", letter: "G", checks: [...SETTINGS_CHECKS, ...RUNNING_CHECKS] },
  { title: "Redis", letter: "R", checks: REDIS_CHECKS },
  { title: "From outside", letter: "O", checks: OUTSIDE_CHECKS },
]);

/** Machine, Node.js and settings: what can be judged before a start. */
export const START_GROUPS: readonly CheckGroup[] = Object.freeze([
  { title: "Machine", letter: "M", checks: MACHINE_CHECKS },
  { title: "Node.js", letter: "N", checks: NODE_CHECKS },
  { title: "Settings", letter: "G", checks: SETTINGS_CHECKS },
]);
