/**
 * The durations of a drain and of everything that must wait for it: deregistration, hook, stop timeout,
 * cooldown.
 *
 * They are derived together because each bounds the next. Order on EC2: the group deregisters the
 * instance, the deregistration delay passes, the hook's wait begins, the agent drains, the agent
 * completes the hook. Invariant: `drainProblems(drainTimings(x))` is empty for every place and every
 * reachable window.
 */
import { EC2 } from "./limits/ec2.js";
import { ECS } from "./limits/ecs.js";
import { GATEWAY } from "./limits/gateway.js";
import { LOAD_BALANCER } from "./limits/load-balancer.js";
import { roundUpTo } from "./rounding.js";

/** Where the instance runs: what ends it, and how long it may take. */
export type DrainPlace = "ec2" | "spot" | "fargate";

export interface DrainTimingOptions {
  readonly place: DrainPlace;
  /** Connections of the instance that leaves. */
  readonly connections: number;
  /** Returning clients a second that the other instances take together. */
  readonly returnsPerSecond: number;
  readonly healthIntervalSeconds?: number;
  readonly unhealthyThreshold?: number;
}

export interface DrainTimings {
  readonly place: DrainPlace;
  readonly drainDelaySeconds: number;
  readonly drainWindowSeconds: number;
  readonly deregistrationSeconds: number;
  /** Heartbeat timeout of the terminating lifecycle hook; 0 where there is none. */
  readonly hookSeconds: number;
  /** Between two heartbeats of the agent. */
  readonly heartbeatSeconds: number;
  /** `TimeoutStopSec=` of the unit, `stopTimeout` of the container. */
  readonly stopSeconds: number;
  /** Least time between two steps of scaling in. */
  readonly scaleInSeconds: number;
}

const LEAST_WINDOW_SECONDS = 30;

/**
 * Timings for an instance that leaves. The window is as long as the others need, within what the place
 * allows.
 */
export function drainTimings(options: DrainTimingOptions): DrainTimings {
  const {
    place,
    connections,
    returnsPerSecond,
    healthIntervalSeconds = 10,
    unhealthyThreshold = 2,
  } = options;
  const wanted = roundUpTo(Math.max(LEAST_WINDOW_SECONDS, connections / Math.max(1, returnsPerSecond)), 5);
  // The group or the service deregisters first; what remains is for a drain by hand, which the health
  // check tells.
  const delay = place === "ec2" ? healthIntervalSeconds * unhealthyThreshold + 5 : 0;
  return timingsFor(place, delay, Math.min(wanted, mostWindow(place, delay)));
}

/** All timings that follow from a delay and a window. */
export function timingsFor(place: DrainPlace, delaySeconds: number, windowSeconds: number): DrainTimings {
  const drain = delaySeconds + windowSeconds;
  const hook = Math.max(roundUpTo(drain + EC2.hookReserve.value, 30), 120);
  return {
    place,
    drainDelaySeconds: delaySeconds,
    drainWindowSeconds: windowSeconds,
    deregistrationSeconds: place === "spot" ? LOAD_BALANCER.deregistrationLeast.value : 20,
    hookSeconds: place === "fargate" ? 0 : Math.min(hook, EC2.hookHeartbeatMost.value),
    heartbeatSeconds: place === "fargate" ? 0 : Math.floor(Math.min(hook, EC2.hookHeartbeatMost.value) / 3),
    stopSeconds: place === "fargate" ? ECS.stopTimeoutMost.value : drain + GATEWAY.stopReserveSeconds.value,
    scaleInSeconds: roundUpTo(drain + 30, 60),
  };
}

function mostWindow(place: DrainPlace, delay: number): number {
  switch (place) {
    case "fargate":
      return ECS.drainWindowMost.value;
    case "spot":
      return EC2.spotDrainMost.value - delay;
    case "ec2":
      // Within one heartbeat: nothing depends on a heartbeat that is lost.
      return EC2.hookHeartbeatMost.value - EC2.hookReserve.value - delay;
  }
}

/** What is wrong with timings that an operator chose, one sentence each. */
export function drainProblems(timings: DrainTimings): string[] {
  const { place, drainDelaySeconds, drainWindowSeconds, deregistrationSeconds, hookSeconds } = timings;
  const drain = drainDelaySeconds + drainWindowSeconds;
  const problems: string[] = [];
  const { deregistrationLeast, deregistrationMost } = LOAD_BALANCER;
  if (deregistrationSeconds < deregistrationLeast.value || deregistrationSeconds > deregistrationMost.value) {
    problems.push(
      `a deregistration delay of ${deregistrationSeconds} s: the lifecycle hook begins after it and load balancers need seconds to notice, so ${deregistrationLeast.value} to ${deregistrationMost.value} s`,
    );
  }
  if (place === "fargate") {
    if (drain > ECS.drainWindowMost.value) {
      problems.push(
        `a drain of ${drain} s: Fargate kills a task ${ECS.stopTimeoutMost.value} s after SIGTERM, so at most ${ECS.drainWindowMost.value} s`,
      );
    }
    return problems;
  }
  if (place === "spot" && drain > EC2.spotDrainMost.value) {
    problems.push(
      `a drain of ${drain} s: a Spot instance ends ${EC2.spotNotice.value} s after its notice, so at most ${EC2.spotDrainMost.value} s`,
    );
  }
  const least = drain + EC2.hookReserve.value;
  if (hookSeconds < least) {
    problems.push(
      `a lifecycle hook of ${hookSeconds} s ends before the drain of ${drain} s: at least ${least} s (drainDelay + drainWindow + ${EC2.hookReserve.value} s)`,
    );
  }
  if (hookSeconds > EC2.hookHeartbeatMost.value) {
    problems.push(`a lifecycle hook of ${hookSeconds} s: at most ${EC2.hookHeartbeatMost.value} s`);
  }
  if (timings.stopSeconds < drain + GATEWAY.stopReserveSeconds.value) {
    problems.push(
      `a stop timeout of ${timings.stopSeconds} s kills the gateway before its drain of ${drain} s has ended: at least ${drain + GATEWAY.stopReserveSeconds.value} s`,
    );
  }
  if (timings.scaleInSeconds < drainWindowSeconds) {
    problems.push(
      `a scale-in period of ${timings.scaleInSeconds} s: the next instance leaves before the clients of the last one (drainWindow ${drainWindowSeconds} s) have come back`,
    );
  }
  return problems;
}

/** Longest time that a hook can hold an instance by heartbeats. */
export function longestHookSeconds(heartbeatTimeoutSeconds: number): number {
  return Math.min(EC2.hookMaxSeconds.value, heartbeatTimeoutSeconds * EC2.hookMaxHeartbeats.value);
}
