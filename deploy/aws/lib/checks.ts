/**
 * What may not be said together. Every problem is a path and a sentence, and all are told in one message.
 *
 * Pure. Invariant: a synth either ends with all problems, or makes a template that holds every fact of
 * docs/aws.md.
 */
import {
  connectionsPerInstance,
  drainProblems,
  idleTimers,
  instanceType,
  knownFamilies,
  LOAD_BALANCER,
  mostInstances,
  mostPorts,
  pingProblem,
} from "@holdfast/platform";
import type { HoldfastClusterProps } from "./props.js";
import { type ClusterShape, defaultProtocol, idleSecondsOf, shapeOf, timerProtocol } from "./shape.js";

export interface Problem {
  readonly path: string;
  readonly problem: string;
}

/** Thrown by a construct: all problems of its props at once. */
export class InvalidProps extends Error {
  readonly problems: readonly Problem[];
  constructor(construct: string, problems: readonly Problem[]) {
    const lines = problems.map(({ path, problem }) => `  ${path}: ${problem}`);
    super(
      `${construct}: ${problems.length === 1 ? "a problem" : `${problems.length} problems`}\n${lines.join("\n")}`,
    );
    this.name = "InvalidProps";
    this.problems = problems;
  }
}

export type Report = (path: string, problem: string) => void;

/** The shape of a cluster, or all that is wrong with its props. */
export function checkedShape(props: HoldfastClusterProps, zones: number): ClusterShape {
  const problems: Problem[] = [];
  const report: Report = (path, problem) => problems.push({ path, problem });
  checkNumbers(props, report);
  checkTypes(props, report);
  checkListener(props, report);
  checkRedis(props, report);
  checkScaling(props, report);
  checkAdmin(props, report);
  checkPackage(props, report);
  checkSettings(props, report);
  checkIdle(props, report);
  // What depends on derived numbers is checked only where they can be derived.
  const derivable = !problems.some(({ path }) =>
    /^(connections|instanceTypes|ports|m..Instances|traffic)/.test(path),
  );
  const shape = derivable ? tryShape(props, zones, report) : undefined;
  if (shape !== undefined) checkFleet(props, shape, zones, report);
  if (problems.length > 0 || shape === undefined) throw new InvalidProps("HoldfastCluster", problems);
  return shape;
}

function tryShape(props: HoldfastClusterProps, zones: number, report: Report): ClusterShape | undefined {
  try {
    return shapeOf(props, zones);
  } catch (error) {
    report("instanceTypes", error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

function checkNumbers(props: HoldfastClusterProps, report: Report): void {
  const whole = (path: string, value: number | undefined, least: number, most: number): void => {
    if (value === undefined || (Number.isInteger(value) && value >= least && value <= most)) return;
    report(path, `a whole number from ${least} to ${most}, not ${value}`);
  };
  whole("connections", props.connections, 1, 100_000_000);
  whole("ports", props.ports, 1, 256);
  whole("minInstances", props.minInstances, 1, 3000);
  whole("maxInstances", props.maxInstances, 1, 3000);
  whole("pingIntervalSeconds", props.pingIntervalSeconds, 1, 3600);
  whole("drain.delaySeconds", props.drain?.delaySeconds, 0, 3600);
  whole("drain.windowSeconds", props.drain?.windowSeconds, 0, 3600);
  whole("scaling.targetPercent", props.scaling?.targetPercent, 10, 90);
  const { minInstances, maxInstances } = props;
  if (minInstances !== undefined && maxInstances !== undefined && maxInstances < minInstances) {
    report("maxInstances", `${maxInstances} is less than minInstances, ${minInstances}`);
  }
}

function checkTypes({ instanceTypes = [] }: HoldfastClusterProps, report: Report): void {
  instanceTypes.forEach((name, n) => {
    const type = instanceType(name);
    if (type === undefined) {
      report(`instanceTypes[${n}]`, `${name}: unknown; a family of ${knownFamilies().join(", ")} and a size`);
    }
  });
}

function checkListener(props: HoldfastClusterProps, report: Report): void {
  const kind = props.loadBalancer ?? "nlb";
  const { protocol, certificates = [], idleTimeoutSeconds, clientAddress } = props.listener ?? {};
  const wanted = protocol ?? defaultProtocol(kind, certificates.length > 0);
  if (wanted === "quic" || wanted === "tcp_quic") {
    report(
      "listener.protocol",
      "QUIC listeners have no security groups and no dual stack, and WebSockets do not run on them: take tcp or tls",
    );
  } else if (wanted === "udp" || wanted === "tcp_udp") {
    report("listener.protocol", `${wanted}: WebSockets run on tcp or tls`);
  } else if ((kind === "alb") !== (wanted === "http" || wanted === "https")) {
    report("listener.protocol", `${wanted} is no protocol of an ${kind.toUpperCase()}`);
  }
  if ((wanted === "tls" || wanted === "https") && certificates.length === 0) {
    report("listener.certificates", `a listener of ${wanted} needs a certificate`);
  }
  if (certificates.length > 25) report("listener.certificates", "a listener takes 25 certificates");
  if (wanted === "tls" && idleTimeoutSeconds !== undefined) {
    report(
      "listener.idleTimeoutSeconds",
      `a TLS listener has an idle timeout of ${LOAD_BALANCER.nlbTlsIdleFixed.value} s and no other: leave it out, or take tcp`,
    );
  }
  if (kind === "alb" && clientAddress !== undefined) {
    report("listener.clientAddress", "an ALB names its clients in X-Forwarded-For: leave it out");
  }
}

function checkIdle(props: HoldfastClusterProps, report: Report): void {
  const kind = props.loadBalancer ?? "nlb";
  const idle = idleSecondsOf(props, kind);
  const { nlbIdleLeast, nlbIdleMost, albIdleMost } = LOAD_BALANCER;
  const [least, most] = kind === "nlb" ? [nlbIdleLeast.value, nlbIdleMost.value] : [1, albIdleMost.value];
  if (!Number.isInteger(idle) || idle < least || idle > most) {
    report("listener.idleTimeoutSeconds", `${least} to ${most} s, not ${idle}`);
    return;
  }
  if (props.pingIntervalSeconds === undefined) return;
  const secure = (props.listener?.certificates?.length ?? 0) > 0;
  const protocol = timerProtocol(props.listener?.protocol ?? defaultProtocol(kind, secure));
  const problem = pingProblem(props.pingIntervalSeconds, idleTimers(kind, protocol, idle));
  if (problem !== undefined) report("pingIntervalSeconds", problem);
}

function checkRedis({ redis, minInstances, connections }: HoldfastClusterProps, report: Report): void {
  if (redis?.kind === "serverless" && redis.acceptLimits !== true) {
    report(
      "redis.acceptLimits",
      "serverless Redis evicts keys with a time to live (volatile-lru), cuts subscribers off at 32 MiB and lets nothing be tuned: take nodes, or say acceptLimits: true",
    );
  }
  if (redis?.kind === "none" && (minInstances ?? 2) > 1) {
    report(
      "redis.kind",
      `without Redis each instance is alone, and ${connections} connections want several: take nodes, or say minInstances: 1 and maxInstances: 1`,
    );
  }
  if (
    redis?.kind === "nodes" &&
    redis.replicas !== undefined &&
    !(redis.replicas >= 0 && redis.replicas <= 5)
  ) {
    report("redis.replicas", `0 to 5, not ${redis.replicas}`);
  }
}

function checkScaling({ scaling }: HoldfastClusterProps, report: Report): void {
  const on = scaling?.on ?? ["connections", "loop-delay"];
  if (on.includes("requests")) {
    report(
      "scaling.on",
      "the count of requests says nothing of open connections, and a group in several target groups counts wrongly (aws-cdk#5667)",
    );
  }
  if (on.includes("cpu") && !on.includes("connections")) {
    report(
      "scaling.on",
      "CPU alone: an instance full of idle connections is not busy. Scale on connections and loop-delay",
    );
  }
  if (on.length === 0) report("scaling.on", "empty: connections, loop-delay, or both");
}

function checkAdmin({ admin }: HoldfastClusterProps, report: Report): void {
  (admin?.from ?? []).forEach((network, n) => {
    if (/\/0$/.test(network.trim()) || network.trim() === "") {
      report(
        `admin.from[${n}]`,
        `${network} opens the admin port to the world: name the VPC's network, a bastion's, or leave it out`,
      );
    } else if (!/^[\d.]+\/\d+$|^[\da-f:]+\/\d+$/i.test(network)) {
      report(`admin.from[${n}]`, `${network} is not a network such as 10.0.0.0/16`);
    }
  });
}

function checkPackage(props: HoldfastClusterProps, report: Report): void {
  const { version } = props.package ?? {};
  if (version !== undefined && !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) {
    report(
      "package.version",
      `${version} is not an exact version: instances of one group must run the same code`,
    );
  }
}

/** Settings that the kit itself makes; what contradicts one would be on one side only. */
const OWN_SETTINGS: Readonly<Record<string, string>> = {
  HOLDFAST_PORT: "ports",
  HOLDFAST_PROXY_PROTOCOL: "listener.clientAddress",
  HOLDFAST_TRUSTED_PROXIES: "listener.clientAddress",
  HOLDFAST_PING_INTERVAL: "pingIntervalSeconds",
  HOLDFAST_DRAIN_DELAY: "drain.delaySeconds",
  HOLDFAST_DRAIN_WINDOW: "drain.windowSeconds",
  HOLDFAST_REDIS: "redis",
  HOLDFAST_ADMIN_HOST: "admin.from",
  HOLDFAST_ADMIN_PORT: "admin",
  HOLDFAST_ADMIN_KEY: "admin",
  HOLDFAST_ANONYMOUS: "auth.anonymous",
  HOLDFAST_JWT_SECRET: "auth.jwtSecret",
  HOLDFAST_JWKS_URL: "auth.jwksUrl",
  HOLDFAST_SECRET: "auth",
  HOLDFAST_HOST: "listener",
};

export function checkSettings({ settings = {} }: HoldfastClusterProps, report: Report): void {
  for (const [name, value] of Object.entries(settings)) {
    const own = OWN_SETTINGS[name];
    if (name === "HOLDFAST_PROXY_PROTOCOL") {
      report(
        `settings.${name}`,
        "the PROXY protocol must be on at both ends or at none: say listener.clientAddress, which sets the target groups and the gateway",
      );
    } else if (own !== undefined)
      report(`settings.${name}`, `say ${own} instead, which the other side follows`);
    else if (!/^HOLDFAST_[A-Z_]+$/.test(name)) report(`settings.${name}`, "no setting of the gateway");
    else if (/[\n\r'"\\]/.test(value))
      report(`settings.${name}`, "quotes, backslashes and line ends cannot stand here");
  }
}

function checkFleet(props: HoldfastClusterProps, shape: ClusterShape, zones: number, report: Report): void {
  const { kind, ports, minInstances, maxInstances, drain, connectionsPerInstance: share } = shape;
  const crossZone = props.crossZone ?? false;
  if (ports > mostPorts(kind)) {
    report(
      "ports",
      `${ports} ports: an action of an ALB takes ${mostPorts(kind)} target groups. More instances, or an NLB`,
    );
  }
  const quota = mostInstances({ kind, ports, crossZone, zones });
  if (maxInstances > quota) {
    report(
      "maxInstances",
      `${ports} ports × ${maxInstances} instances are ${ports * maxInstances} targets: the load balancer takes ${quota} instances${crossZone ? " with cross-zone load balancing" : ""}`,
    );
  }
  if (shape.groups.length > LOAD_BALANCER.nlbListeners.value) {
    report("ports", `${shape.groups.length} listeners: an NLB has ${LOAD_BALANCER.nlbListeners.value}`);
  }
  if (minInstances < 2 && props.redis?.kind !== "none") {
    report("minInstances", "one instance: its clients have nowhere to go in a deployment. At least 2");
  }
  const capacity = connectionsPerInstance(shape.instanceTypes[0] ?? "", ports, {
    traffic: { pingIntervalSeconds: shape.pingSeconds },
  });
  if (share > capacity.connections) {
    report(
      capacity.first.id.startsWith("lb.") ? "ports" : "minInstances",
      `${share} connections an instance while another one is gone, and it takes ${capacity.connections}: ${capacity.first.reason}`,
    );
  }
  for (const problem of drainProblems(drain)) report("drain", problem);
  if (shape.plan.redis.problems.length > 0 && props.redis?.kind !== "given") {
    for (const problem of shape.plan.redis.problems) report("redis", problem);
  }
}
