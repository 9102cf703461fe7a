/**
 * The gateway's settings on an instance, from the shape of the cluster.
 *
 * Pure. Invariant: what the load balancer is told and what the gateway is told come from the same value.
 */
import type { HoldfastClusterProps } from "./props.js";
import { ADMIN_PORT, type ClusterShape } from "./shape.js";

export function gatewaySettings(
  props: HoldfastClusterProps,
  shape: ClusterShape,
  network: string,
): Record<string, string> {
  const { firstPort, ports, drain, proxyProtocol, kind } = shape;
  const auth = props.auth ?? {};
  return {
    HOLDFAST_HOST: "0.0.0.0",
    HOLDFAST_PORT: ports === 1 ? String(firstPort) : `${firstPort}-${firstPort + ports - 1}`,
    HOLDFAST_ADMIN_HOST: (props.admin?.from ?? []).length > 0 ? "0.0.0.0" : "127.0.0.1",
    HOLDFAST_ADMIN_PORT: String(ADMIN_PORT),
    HOLDFAST_MAX_CONNECTIONS: String(Math.min(shape.connectionsPerInstance, shape.plan.capacity.connections)),
    HOLDFAST_PING_INTERVAL: `${shape.pingSeconds}s`,
    HOLDFAST_DRAIN_DELAY: `${drain.drainDelaySeconds}s`,
    HOLDFAST_DRAIN_WINDOW: `${drain.drainWindowSeconds}s`,
    HOLDFAST_BACKLOG: "16384",
    HOLDFAST_LOG_FORMAT: "json",
    ...(proxyProtocol ? { HOLDFAST_PROXY_PROTOCOL: "true" } : {}),
    ...(proxyProtocol || kind === "alb" ? { HOLDFAST_TRUSTED_PROXIES: network } : {}),
    ...("anonymous" in auth ? { HOLDFAST_ANONYMOUS: "true" } : {}),
    ...("jwksUrl" in auth ? { HOLDFAST_JWKS_URL: auth.jwksUrl } : {}),
    ...props.settings,
  };
}
