/**
 * What may not be said of a Fargate service. As in checks.ts, all problems are told at once.
 */
import { connectionsPerInstance, drainProblems, ECS, LOAD_BALANCER, timingsFor } from "@holdfast/platform";
import { checkSettings, type Problem, type Report } from "./checks.js";

export interface FargateNumbers {
  readonly connections: number;
  readonly image: string;
  readonly cpu: number;
  readonly memoryMiB: number;
  readonly tasks: number;
  readonly maxTasks: number;
  readonly targetPercent: number;
  readonly certificates?: readonly unknown[];
  readonly ports: number;
  readonly drainWindowSeconds: number;
  readonly settings?: Readonly<Record<string, string>>;
}

/** Problems of a Fargate service's props. */
export function fargateProblems(props: FargateNumbers): Problem[] {
  const problems: Problem[] = [];
  const report: Report = (path, problem) => problems.push({ path, problem });
  const { connections, image, cpu, memoryMiB, tasks, ports, drainWindowSeconds } = props;
  if (!Number.isInteger(connections) || connections < 1)
    report("connections", `a whole number above 0, not ${connections}`);
  if (tasks < 2) report("tasks", "one task: its clients have nowhere to go in a deployment. At least 2");
  if (!Number.isInteger(props.maxTasks) || props.maxTasks < tasks)
    report("maxTasks", `${props.maxTasks} is less than tasks, ${tasks}`);
  const targets = props.maxTasks * ports;
  if (targets > LOAD_BALANCER.nlbTargets.value)
    report("maxTasks", `${targets} targets: the load balancer takes ${LOAD_BALANCER.nlbTargets.value}`);
  if (!(props.targetPercent >= 10 && props.targetPercent <= 90))
    report("targetPercent", `10 to 90, not ${props.targetPercent}`);
  if ((props.certificates ?? []).length > 25) report("certificates", "a listener takes 25 certificates");
  if (!/@sha256:[\da-f]{64}$|:(?!latest$)[\w.-]+$/.test(image)) {
    report("image", `${image}: say an exact tag or a digest, so that all tasks run the same code`);
  }
  const most = ECS.targetGroupsPerService.value;
  if (ports > most) report("tasks", `${ports} ports: a service takes ${most} target groups. More tasks`);
  for (const problem of drainProblems(timingsFor("fargate", 0, drainWindowSeconds)))
    report("drainWindowSeconds", problem);
  const type = {
    name: "a task",
    cpus: cpu / 1024,
    memoryBytes: memoryMiB * 1024 ** 2,
    architecture: "arm64",
    pricePerHour: undefined,
  } as const;
  const capacity = connectionsPerInstance(type, Math.max(1, ports));
  const share = Math.ceil(connections / Math.max(1, tasks - 1));
  if (share > capacity.connections) {
    report(
      "tasks",
      `${share} connections a task while another one is gone, and it takes ${capacity.connections}: ${capacity.first.reason}`,
    );
  }
  checkSettings(
    { connections, ...(props.settings === undefined ? {} : { settings: props.settings }) },
    report,
  );
  return problems;
}
