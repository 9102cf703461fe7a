/**
 * The agent as it runs on an instance: its parts together, a turn every few seconds, a report each minute.
 *
 * Invariant: it ends only by `signal`. A start without instance metadata waits for them.
 */
import { setTimeout } from "node:timers/promises";
import { type AgentLog, InstanceAgent } from "./agent.js";
import { Imds } from "./instance-metadata.js";
import { AutoScalingHook } from "./lifecycle-hook.js";
import { AdminPort } from "./local-gateway.js";
import { CloudWatchReporter, EmbeddedReporter, type Reporter } from "./reporter.js";
import { Reports } from "./reports.js";

export interface RunOptions {
  /** Of the gateway's admin port: `http://host:port`. */
  readonly url: string;
  readonly adminKey?: string | undefined;
  /** Name of the Auto Scaling group. */
  readonly group: string;
  /** Name of its terminating lifecycle hook. */
  readonly hook: string;
  /** Between two heartbeats while the gateway drains, ms; a third of the hook's timeout. */
  readonly heartbeatMs: number;
  /** Between two looks at the instance metadata, ms. A Spot notice comes 2 minutes before the end. */
  readonly pollMs: number;
  readonly onRebalance: "log" | "drain";
  readonly metrics: "cloudwatch" | "emf" | "off";
  readonly log: AgentLog;
  /** Takes one line of the embedded metric format. */
  readonly writeLine: (line: string) => void;
  readonly signal: AbortSignal;
  /** Where the services are, for tests. */
  readonly endpoints?: {
    readonly metadata?: string;
    readonly autoScaling?: string;
    readonly cloudWatch?: string;
  };
}

export async function runAgent(options: RunOptions): Promise<void> {
  const { url, adminKey, group, hook: hookName, log, signal, endpoints = {} } = options;
  const metadata = new Imds(endpoints.metadata);
  const identity = await untilKnown(metadata, options);
  if (identity === undefined) return;
  const gateway = new AdminPort({ url, adminKey });
  const hook = new AutoScalingHook({
    ...identity,
    group,
    hook: hookName,
    ...(endpoints.autoScaling === undefined ? {} : { endpoint: endpoints.autoScaling }),
  });
  const reporter = reporterOf(options, identity.region);
  const { heartbeatMs, onRebalance } = options;
  const agent = new InstanceAgent({
    ...{ metadata, gateway, hook, log, heartbeatMs, onRebalance },
    now: () => performance.now(),
    wallNow: Date.now,
  });
  log.info(`watching instance ${identity.instanceId} of ${group} in ${identity.region}`);
  const reports = new Reports(gateway, reporter, log);
  try {
    while (!signal.aborted) {
      await agent.turn();
      await reports.turn(performance.now());
      await pause(options.pollMs, signal);
    }
  } finally {
    hook.close();
    reporter?.close();
  }
}

function reporterOf(options: RunOptions, region: string): Reporter | undefined {
  const { metrics, group, writeLine, endpoints } = options;
  if (metrics === "off") return undefined;
  if (metrics === "emf") return new EmbeddedReporter(group, writeLine);
  const endpoint = endpoints?.cloudWatch;
  return new CloudWatchReporter({ region, group, ...(endpoint === undefined ? {} : { endpoint }) });
}

/** The instance's name and place; undefined when the agent is stopped before they are known. */
async function untilKnown(
  metadata: Imds,
  { log, pollMs, signal }: RunOptions,
): Promise<{ readonly instanceId: string; readonly region: string } | undefined> {
  let said: string | undefined;
  while (!signal.aborted) {
    try {
      const [instanceId, region] = await Promise.all([metadata.instanceId(), metadata.region()]);
      return { instanceId, region };
    } catch (error) {
      const sentence = error instanceof Error ? error.message : String(error);
      if (sentence !== said) log.warn(`instance metadata: ${sentence}; tried again`);
      said = sentence;
      await pause(pollMs, signal);
    }
  }
  return undefined;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { signal }).catch(() => {});
}
