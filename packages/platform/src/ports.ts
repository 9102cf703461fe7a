/**
 * How many ports an instance needs behind a load balancer, and how many instances a load balancer then
 * takes.
 *
 * A load balancer reaches about 55,000 connections of one target address and port, so an instance listens
 * on a range and is registered once for each port. Each registration counts against the quota of targets.
 * Invariant: `connectionsOnPorts(portsNeeded(n)) >= n`.
 */
import { EC2 } from "./limits/ec2.js";
import { GATEWAY } from "./limits/gateway.js";
import { LOAD_BALANCER } from "./limits/load-balancer.js";
import { positive } from "./rounding.js";

export type LoadBalancerKind = "nlb" | "alb";

/** Ports for so many connections of one instance. */
export function portsNeeded(connections: number): number {
  return Math.ceil(positive(connections, "connections") / LOAD_BALANCER.connectionsPerTargetPort.value);
}

/** Connections that a load balancer reaches on so many ports of one instance. */
export function connectionsOnPorts(ports: number): number {
  return ports * LOAD_BALANCER.connectionsPerTargetPort.value;
}

/** Most ports of an instance behind one listener of this kind of load balancer. */
export function mostPorts(kind: LoadBalancerKind): number {
  return kind === "alb" ? LOAD_BALANCER.albGroupsPerAction.value : GATEWAY.maxPorts.value;
}

export interface FleetShape {
  readonly kind: LoadBalancerKind;
  readonly ports: number;
  /** Cross-zone load balancing of an NLB; an ALB always has it. */
  readonly crossZone: boolean;
  /** Availability zones that the load balancer is in. */
  readonly zones: number;
}

/** Most instances that the quotas of targets allow. */
export function mostInstances({ kind, ports, crossZone, zones }: FleetShape): number {
  const { albTargets, nlbTargets, nlbTargetsCrossZone, nlbTargetsPerZone } = LOAD_BALANCER;
  if (kind === "alb") return Math.floor(albTargets.value / ports);
  if (crossZone) return Math.floor(nlbTargetsCrossZone.value / ports);
  return Math.min(zones * Math.floor(nlbTargetsPerZone.value / ports), Math.floor(nlbTargets.value / ports));
}

/**
 * Target groups of each listener, in order: ports are spread evenly over as few listeners as the quota
 * allows.
 */
export function groupsOfListeners(kind: LoadBalancerKind, ports: number): number[] {
  const { albGroupsPerAction, nlbGroupsPerListener } = LOAD_BALANCER;
  const most = kind === "alb" ? albGroupsPerAction.value : nlbGroupsPerListener.value;
  const listeners = Math.ceil(ports / most);
  const least = Math.floor(ports / listeners);
  const more = ports % listeners;
  return Array.from({ length: listeners }, (_, n) => least + (n < more ? 1 : 0));
}

/**
 * The timeout of connection tracking for an instance's network interface: never below the load balancer's
 * idle timeout, and never the five days that let dead peers fill it.
 */
export function conntrackTimeoutSeconds(idleSeconds: number): number {
  const { conntrackLeast, conntrackMost, conntrackNitro6 } = EC2;
  return Math.min(
    Math.max(idleSeconds + 60, conntrackNitro6.value, conntrackLeast.value),
    conntrackMost.value - 1,
  );
}
