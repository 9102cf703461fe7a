/**
 * All limits as one list, in the order in which documents show them.
 */
import type { Limit } from "../limit.js";
import { EC2 } from "./ec2.js";
import { ECS } from "./ecs.js";
import { GATEWAY } from "./gateway.js";
import { LINUX } from "./linux.js";
import { LOAD_BALANCER } from "./load-balancer.js";
import { MACHINE_THRESHOLDS } from "./machine-thresholds.js";
import { NODE } from "./node.js";
import { PRICES } from "./prices.js";
import { REDIS } from "./redis.js";
import { WAY_THRESHOLDS } from "./way-thresholds.js";

export const LIMIT_GROUPS: readonly { readonly title: string; readonly limits: readonly Limit[] }[] =
  Object.freeze([
    { title: "Holdfast", limits: Object.values(GATEWAY) },
    { title: "Linux", limits: Object.values(LINUX) },
    { title: "Node.js", limits: Object.values(NODE) },
    { title: "Load balancers", limits: Object.values(LOAD_BALANCER) },
    { title: "EC2 and Auto Scaling", limits: Object.values(EC2) },
    { title: "ECS and Fargate", limits: Object.values(ECS) },
    { title: "Redis and Valkey", limits: Object.values(REDIS) },
    {
      title: "From where on `holdfast doctor` warns",
      limits: [...Object.values(MACHINE_THRESHOLDS), ...Object.values(WAY_THRESHOLDS)],
    },
    { title: "Prices", limits: Object.values(PRICES) },
  ]);

/** The limit with an id, for commands that name one. */
export function limitById(id: string): Limit | undefined {
  for (const { limits } of LIMIT_GROUPS) {
    const found = limits.find((each) => each.id === id);
    if (found !== undefined) return found;
  }
  return undefined;
}
