/**
 * ECS and Fargate: stop timeout, target groups, task protection, kernel settings.
 */
import { limit } from "../limit.js";

const GUIDE = "amazon-ecs-developer-guide";

export const ECS = Object.freeze({
  stopTimeoutMost: limit(
    "ecs.stop-timeout-most-seconds",
    120,
    "seconds",
    "documented",
    `${GUIDE}, task_definition_parameters`,
    "From SIGTERM to SIGKILL on Fargate. Longer has been asked for since 2020 (containers-roadmap#1020).",
  ),
  drainWindowMost: limit(
    "ecs.drain-window-most-seconds",
    100,
    "seconds",
    "rule",
    "this project",
    "Leaves 20 s of the stop timeout for the last clients and the end of the processes.",
  ),
  targetGroupsPerService: limit(
    "ecs.target-groups-per-service",
    5,
    "target groups",
    "documented",
    `${GUIDE}, service load balancing`,
    "So at most 5 ports of a task.",
  ),
  protectionLeast: limit(
    "ecs.protection-least-minutes",
    1,
    "minutes",
    "documented",
    `${GUIDE}, task-scale-in-protection-endpoint`,
    "Expiry of task protection. Short, and renewed: an expiry that is left behind holds a deployment up.",
  ),
  protectionMost: limit(
    "ecs.protection-most-minutes",
    2880,
    "minutes",
    "documented",
    `${GUIDE}, task-scale-in-protection-endpoint`,
    "Range 1 to 2880; default 120.",
  ),
  openFilesDefault: limit(
    "ecs.open-files-default",
    65_535,
    "files",
    "documented",
    `${GUIDE}, Fargate task resource limits`,
    "`nofile` of a Fargate task without `ulimits`.",
  ),
  deregistrationBeforeSigterm: limit(
    "ecs.deregistration-before-sigterm",
    true,
    "yes or no",
    "documented",
    `${GUIDE}, task-lifecycle`,
    "The task leaves its target groups in DEACTIVATING, before SIGTERM: `drainDelay` would only be lost time.",
  ),
});
