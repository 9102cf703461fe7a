/**
 * The agent as it runs in an ECS task, beside the gateway's container: a turn every few seconds, a report
 * each minute as a line of the embedded metric format, which the task's log driver takes to CloudWatch.
 *
 * Invariant: it ends only by `signal`. Outside of ECS it reports, and says once that it protects nothing.
 */
import { setTimeout } from "node:timers/promises";
import type { AgentLog } from "./agent.js";
import { AdminPort } from "./local-gateway.js";
import { EmbeddedReporter } from "./reporter.js";
import { Reports } from "./reports.js";
import { TaskAgent } from "./task-agent.js";
import { EcsTaskProtection } from "./task-protection.js";

export interface RunTaskOptions {
  /** Of the gateway's admin port: `http://host:port`. */
  readonly url: string;
  readonly adminKey?: string | undefined;
  /** Name of the service, under which its policies and alarms find the reports. */
  readonly group: string;
  /** Between two looks at the gateway, ms. */
  readonly pollMs: number;
  readonly metrics: "emf" | "off";
  /** The value of `ECS_AGENT_URI`; undefined outside of ECS. */
  readonly agentUri: string | undefined;
  readonly log: AgentLog;
  /** Takes one line of the embedded metric format. */
  readonly writeLine: (line: string) => void;
  readonly signal: AbortSignal;
}

export async function runTask(options: RunTaskOptions): Promise<void> {
  const { url, adminKey, group, log, signal, agentUri } = options;
  const gateway = new AdminPort({ url, adminKey });
  const reporter = options.metrics === "off" ? undefined : new EmbeddedReporter(group, options.writeLine);
  const reports = new Reports(gateway, reporter, log);
  const clocks = { now: () => performance.now(), wallNow: Date.now };
  const agent =
    agentUri === undefined
      ? undefined
      : new TaskAgent({ gateway, log, ...clocks, protection: new EcsTaskProtection(agentUri) });
  if (agent === undefined)
    log.warn("there is no ECS_AGENT_URI: this is no container of an ECS task, and no drain is protected");
  log.info(`watching a task of ${group}`);
  while (!signal.aborted) {
    await agent?.turn();
    await reports.turn(performance.now());
    await setTimeout(options.pollMs, undefined, { signal }).catch(() => {});
  }
}
