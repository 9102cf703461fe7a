/**
 * Limits and formulas of platforms. Everything here is pure: numbers in, numbers and sentences out.
 */
export { AGENT, type AgentMetric } from "./agent-metrics.js";
export type { Limit, LimitTable, Standing } from "./limit.js";
export { LIMIT_GROUPS, limitById } from "./limits/all.js";
export { EC2 } from "./limits/ec2.js";
export { ECS } from "./limits/ecs.js";
export { GATEWAY } from "./limits/gateway.js";
export { LINUX } from "./limits/linux.js";
export { LOAD_BALANCER } from "./limits/load-balancer.js";
export { MACHINE_THRESHOLDS } from "./limits/machine-thresholds.js";
export { NODE } from "./limits/node.js";
export { HOURS_PER_MONTH, PRICES, PRICES_DATE } from "./limits/prices.js";
export { REDIS } from "./limits/redis.js";
export { WAY_THRESHOLDS } from "./limits/way-thresholds.js";
export { limitsMarkdown } from "./limits-table.js";
export {
  type Capacity,
  type CapacityLimit,
  type CapacityOptions,
  connectionsPerInstance,
} from "./capacity.js";
export { connectionsByCpu, coresBusy, QUIET, returnsPerSecond, type ExpectedTraffic } from "./cpu.js";
export {
  egressCost,
  type LoadBalancerCost,
  type LoadBalancerLoad,
  loadBalancerCost,
  monthly,
} from "./cost.js";
export {
  type DrainTimingOptions,
  type DrainPlace,
  type DrainTimings,
  drainProblems,
  drainTimings,
  longestHookSeconds,
  timingsFor,
} from "./drain-timings.js";
export { connectionsByFiles, openFilesNeeded } from "./files.js";
export {
  type IdleTimer,
  idleTimers,
  type ListenerProtocol,
  mostPingSeconds,
  pingProblem,
} from "./idle-timers.js";
export { type InstanceType, instanceType, knownFamilies } from "./instance-types.js";
export {
  connectionsInMemory,
  type MemoryLoad,
  type MemoryUse,
  measuredMemory,
  neededMemory,
} from "./memory.js";
export { type Plan, type PlanInput, plan } from "./plan.js";
export {
  connectionsOnPorts,
  conntrackTimeoutSeconds,
  type FleetShape,
  groupsOfListeners,
  type LoadBalancerKind,
  mostInstances,
  mostPorts,
  portsNeeded,
} from "./ports.js";
export {
  REDIS_NODES,
  REDIS_PARAMETERS,
  type RedisLoad,
  type RedisNode,
  type RedisPlan,
  redisFor,
  WORKERS_TO_SHARE,
} from "./redis-plan.js";
export {
  type ChannelClass,
  channelClasses,
  type Distribution,
  type DistributionInput,
  meanFanOut,
  meanInterested,
  type PublishedTo,
} from "./scale/distribution.js";
export { scaleMarkdown } from "./scale/markdown.js";
export {
  predict,
  type RedisCopies,
  type ScaleInput,
  type ScalePrediction,
  type ScaleWork,
} from "./scale/model.js";
export { type SysctlOptions, type SysctlSetting, sysctlFor, sysctlText } from "./sysctl.js";
export { type TuningFile, type TuningLine, type TuningOptions, tuningFor, tuningText } from "./tuning.js";
