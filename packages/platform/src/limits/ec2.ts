/**
 * EC2 and Auto Scaling: connection tracking, lifecycle hooks, interruptions.
 */
import { limit } from "../limit.js";

const GUIDE = "docs.aws.amazon.com/autoscaling/ec2/userguide";

export const EC2 = Object.freeze({
  conntrackLeast: limit(
    "ec2.conntrack-least-seconds",
    60,
    "seconds",
    "documented",
    "EC2 API ConnectionTrackingConfiguration",
    "Least `TcpEstablishedTimeout` of a network interface.",
  ),
  conntrackMost: limit(
    "ec2.conntrack-most-seconds",
    432_000,
    "seconds",
    "documented",
    "EC2 API ConnectionTrackingConfiguration",
    "The default before Nitro v6: dead peers fill the allowance of the interface (nibrun#311, fck-nat#39).",
  ),
  conntrackNitro6: limit(
    "ec2.conntrack-nitro6-seconds",
    350,
    "seconds",
    "documented",
    "EC2 API ConnectionTrackingConfiguration",
    "Default on Nitro v6: shorter than a longer idle timeout of the NLB, and state is dropped in silence.",
  ),
  conntrackAllowanceObserved: limit(
    "ec2.conntrack-allowance-observed",
    76_952,
    "connections",
    "observed",
    "public run with a million connections on one m7i-flex.large, 2026-09-30",
    "Tracked connections of an interface: unpublished, differs by type. Flows of an NLB are always tracked. Watch `conntrack_allowance_available`.",
  ),
  hookMaxSeconds: limit(
    "ec2.hook-max-seconds",
    172_800,
    "seconds",
    "documented",
    "Auto Scaling API LifecycleHook",
    "48 hours or 100 heartbeats, whichever is less.",
  ),
  hookMaxHeartbeats: limit(
    "ec2.hook-max-heartbeats",
    100,
    "heartbeats",
    "documented",
    "Auto Scaling API LifecycleHook",
    "The timeout of the hook × 100 must hold the longest drain.",
  ),
  hookHeartbeatLeast: limit(
    "ec2.hook-heartbeat-least-seconds",
    30,
    "seconds",
    "documented",
    "Auto Scaling API LifecycleHook",
    "Range 30 to 7200.",
  ),
  hookHeartbeatMost: limit(
    "ec2.hook-heartbeat-most-seconds",
    7200,
    "seconds",
    "documented",
    "Auto Scaling API LifecycleHook",
    "Range 30 to 7200.",
  ),
  hookReserve: limit(
    "ec2.hook-reserve-seconds",
    30,
    "seconds",
    "rule",
    "this project",
    "Between the end of the drain and that of the hook: the agent notices, asks and repeats.",
  ),
  spotNotice: limit(
    "ec2.spot-notice-seconds",
    120,
    "seconds",
    "documented",
    "EC2 user guide, Spot interruption notices",
    "From the notice to the end of the instance. No hook makes it longer.",
  ),
  spotDrainMost: limit(
    "ec2.spot-drain-most-seconds",
    90,
    "seconds",
    "rule",
    "ecs-drain-lambda#6",
    "Longest `drainDelay` and `drainWindow` together that end before the instance does.",
  ),
  cooldownStart: limit(
    "ec2.cooldown-start",
    "end of deregistration",
    "event",
    "documented",
    `${GUIDE}/ec2-auto-scaling-scaling-cooldowns.html`,
    "Not the end of the hook: scale in by one, with a period of at least the drain.",
  ),
  targetLifecyclePath: limit(
    "ec2.target-lifecycle-path",
    "/latest/meta-data/autoscaling/target-lifecycle-state",
    "path",
    "documented",
    `${GUIDE}/retrieving-target-lifecycle-state-through-imds.html`,
    "Says `Terminated` when the group wants the instance to end. It has no token of the hook: complete by instance id.",
  ),
});
