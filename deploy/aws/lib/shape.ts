/**
 * The shape of a cluster: every number that the constructs need, derived from the props and
 * @holdfast/platform.
 *
 * Pure. Invariant: nothing below this file computes a limit; what was asked for wins over what is
 * derived, and checks.ts says whether it may.
 */
import {
  type DrainPlace,
  type DrainTimings,
  drainTimings,
  groupsOfListeners,
  type IdleTimer,
  idleTimers,
  instanceType,
  LOAD_BALANCER,
  mostPingSeconds,
  type Plan,
  plan,
  portsNeeded,
  returnsPerSecond,
  timingsFor,
} from "@holdfast/platform";
import type { HoldfastClusterProps, ListenerKind } from "./props.js";

export interface ClusterShape {
  readonly kind: "nlb" | "alb";
  readonly protocol: ListenerKind;
  readonly listenerPort: number;
  readonly idleSeconds: number;
  readonly timers: readonly IdleTimer[];
  readonly pingSeconds: number;
  readonly proxyProtocol: boolean;
  readonly instanceTypes: readonly string[];
  readonly architecture: "arm64" | "x86_64";
  /** Ports of an instance: firstPort and so many. */
  readonly firstPort: number;
  readonly ports: number;
  /** Target groups of each listener. */
  readonly groups: readonly number[];
  readonly minInstances: number;
  readonly maxInstances: number;
  /** Connections that an instance takes at most: while another one is gone. */
  readonly connectionsPerInstance: number;
  readonly drain: DrainTimings;
  readonly plan: Plan;
}

export const FIRST_PORT = 8080;
export const ADMIN_PORT = 9080;
export const HEALTH_SECONDS = 10;
export const UNHEALTHY_COUNT = 2;
const DEFAULT_TYPE = "m8g.xlarge";
/** Room for growth before somebody has to change the stack. */
const MAX_FACTOR = 2;
const ALB_IDLE_SECONDS = 120;

/** Call it when checks.ts has found nothing: it throws for what it cannot compute. */
export function shapeOf(props: HoldfastClusterProps, zones: number): ClusterShape {
  const kind = props.loadBalancer ?? "nlb";
  const secure = (props.listener?.certificates?.length ?? 0) > 0;
  const protocol = props.listener?.protocol ?? defaultProtocol(kind, secure);
  const idleSeconds = idleSecondsOf(props, kind);
  const timers = idleTimers(kind, timerProtocol(protocol), idleSeconds);
  const instanceTypes = props.instanceTypes ?? [DEFAULT_TYPE];
  const pingSeconds = props.pingIntervalSeconds ?? Math.min(25, mostPingSeconds(timers));
  const planned = plan({
    connections: props.connections,
    instanceType: instanceTypes[0] ?? DEFAULT_TYPE,
    loadBalancer: kind,
    protocol: timerProtocol(protocol),
    zones,
    crossZone: props.crossZone ?? false,
    pingIntervalSeconds: pingSeconds,
    ...props.traffic,
  });
  const minInstances = props.minInstances ?? planned.instances;
  const without = Math.ceil((props.connections * 11) / (10 * Math.max(1, minInstances - 1)));
  const ports = props.ports ?? portsNeeded(without);
  return {
    kind,
    protocol,
    listenerPort: props.listener?.port ?? (secure ? 443 : 80),
    idleSeconds,
    timers,
    pingSeconds,
    proxyProtocol: props.listener?.clientAddress === "proxy-protocol",
    instanceTypes,
    architecture: instanceType(instanceTypes[0] ?? "")?.architecture ?? "arm64",
    firstPort: FIRST_PORT,
    ports,
    groups: groupsOfListeners(kind, ports),
    minInstances,
    maxInstances: props.maxInstances ?? minInstances * MAX_FACTOR,
    connectionsPerInstance: without,
    drain: drainOf(props, planned, minInstances),
    plan: planned,
  };
}

export function defaultProtocol(kind: "nlb" | "alb", secure: boolean): ListenerKind {
  if (kind === "alb") return secure ? "https" : "http";
  return secure ? "tls" : "tcp";
}

export function idleSecondsOf(props: HoldfastClusterProps, kind: "nlb" | "alb"): number {
  return (
    props.listener?.idleTimeoutSeconds ??
    (kind === "alb" ? ALB_IDLE_SECONDS : LOAD_BALANCER.nlbIdleDefault.value)
  );
}

export function timerProtocol(protocol: ListenerKind): "tcp" | "tls" | "http" | "https" {
  return protocol === "tls" || protocol === "http" || protocol === "https" ? protocol : "tcp";
}

function drainOf(props: HoldfastClusterProps, planned: Plan, instances: number): DrainTimings {
  const place: DrainPlace = props.spot === true ? "spot" : "ec2";
  const type = instanceType(planned.instanceType);
  const derived = drainTimings({
    place,
    connections: Math.ceil(props.connections / instances),
    returnsPerSecond: returnsPerSecond(type?.cpus ?? 2) * Math.max(1, instances - 1),
    healthIntervalSeconds: HEALTH_SECONDS,
    unhealthyThreshold: UNHEALTHY_COUNT,
  });
  const asked = props.drain ?? {};
  const timings = timingsFor(
    place,
    asked.delaySeconds ?? derived.drainDelaySeconds,
    asked.windowSeconds ?? derived.drainWindowSeconds,
  );
  const hookSeconds = asked.hookSeconds ?? timings.hookSeconds;
  return {
    ...timings,
    hookSeconds,
    heartbeatSeconds: Math.floor(hookSeconds / 3),
    deregistrationSeconds: asked.deregistrationSeconds ?? timings.deregistrationSeconds,
    stopSeconds: asked.stopSeconds ?? timings.stopSeconds,
    scaleInSeconds: asked.scaleInSeconds ?? timings.scaleInSeconds,
  };
}
