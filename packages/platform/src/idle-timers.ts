/**
 * Idle timers on the way from a client to the gateway, and the ping interval that all of them bear.
 *
 * Invariant: the ping interval is at most half of the shortest timer. A ping equal to the timeout loses
 * the race (mattermost/docs#8929: 60 s and 60 s, 61 % errors).
 */
import { LINUX } from "./limits/linux.js";
import { LOAD_BALANCER } from "./limits/load-balancer.js";
import { conntrackTimeoutSeconds, type LoadBalancerKind } from "./ports.js";

export type ListenerProtocol = "tcp" | "tls" | "http" | "https";

export interface IdleTimer {
  readonly id: string;
  readonly seconds: number;
  /** Where it runs, and what sets it. */
  readonly where: string;
}

/** Timers behind a listener. `idleSeconds` is its own; a TLS listener of an NLB has no choice. */
export function idleTimers(
  kind: LoadBalancerKind,
  protocol: ListenerProtocol,
  idleSeconds: number,
): IdleTimer[] {
  const fixed = kind === "nlb" && protocol === "tls";
  const listener = fixed ? LOAD_BALANCER.nlbTlsIdleFixed.value : idleSeconds;
  return [
    {
      id: "lb.idle",
      seconds: listener,
      where: fixed ? "TLS listener of the NLB (fixed)" : `${kind.toUpperCase()}, its idle timeout`,
    },
    {
      id: "ec2.conntrack",
      seconds: conntrackTimeoutSeconds(listener),
      where: "network interface, TcpEstablishedTimeout of the launch template",
    },
    {
      id: "linux.conntrack",
      seconds: LINUX.conntrackEstablishedSeconds.value,
      where: "the instance's kernel, where connection tracking is loaded",
    },
  ];
}

/** Longest ping interval that all timers bear. */
export function mostPingSeconds(timers: readonly IdleTimer[]): number {
  return Math.floor(Math.min(...timers.map(({ seconds }) => seconds)) * LOAD_BALANCER.pingShare.value);
}

/** What is wrong with a ping interval, as a sentence, or undefined. */
export function pingProblem(pingSeconds: number, timers: readonly IdleTimer[]): string | undefined {
  const most = mostPingSeconds(timers);
  if (pingSeconds <= most) return undefined;
  const shortest = timers.reduce((a, b) => (b.seconds < a.seconds ? b : a));
  return `a ping every ${pingSeconds} s does not keep a connection alive through an idle timeout of ${shortest.seconds} s (${shortest.where}): at most ${most} s`;
}
