/**
 * @holdfast/aws: the agent that runs beside a gateway on an EC2 instance, and the one in an ECS task.
 *
 * Here live the watch for the instance's end, the lifecycle hook, task protection and the report of the load.
 * What the infrastructure looks like is deploy/aws; limits and names of metrics are @holdfast/platform.
 */
export { InstanceAgent, type AgentLog, type AgentOptions, type AgentState } from "./agent.js";
export { AdminPort, type GatewayDrain, type LocalGateway, type AdminPortOptions } from "./local-gateway.js";
export { Imds, type InstanceMetadata } from "./instance-metadata.js";
export { AutoScalingHook, type HookOptions, type HookState, type LifecycleHook } from "./lifecycle-hook.js";
export type { EndNotice } from "./end-notice.js";
export { type RunOptions, runAgent } from "./run.js";
export { type RunTaskOptions, runTask } from "./run-task.js";
export { TaskAgent, type TaskAgentOptions } from "./task-agent.js";
export { EcsTaskProtection, type TaskProtection } from "./task-protection.js";
