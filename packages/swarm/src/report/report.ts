/**
 * What a run found: the JSON that is written, and from which the HTML page is made.
 *
 * Sizes are in bytes, times in the unit of the name, CPU as a share of one core. What could not be read is
 * null.
 */
import type { StepResult } from "../step.js";
import type { RunTransport } from "../transport.js";

export interface Sample {
  /** Seconds since the first connection. */
  readonly s: number;
  readonly connected: number;
  readonly undecided: number;
  readonly givenUp: number;
  readonly lost: number;
  /** Since the last sample. */
  readonly handshakesPerSecond: number;
  readonly handshakeP50Ms: number | null;
  readonly handshakeP99Ms: number | null;
  /** What clients heard of each other since the last sample. */
  readonly messagesPerSecond: number;
  readonly messageP50Ms: number | null;
  readonly messageP99Ms: number | null;
  readonly gatewayBytes: number | null;
  readonly agentsBytes: number;
  /** Of the whole machine, without what it had before. */
  readonly kernelBytes: number;
  readonly gatewayCpu: number | null;
  readonly agentsCpu: number;
  readonly loopDelayP99Ms: number | null;
  readonly loopDelayMaxMs: number | null;
  /** Of the time of one core, all workers together. */
  readonly gcShare: number | null;
  readonly gcLongestMs: number | null;
}

export interface Round {
  readonly round: number;
  /** Seconds since the first connection. */
  readonly sentS: number;
  readonly expected: number;
  readonly once: number;
  readonly missing: number;
  readonly repeated: number;
  readonly lost: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** From sending to the last receipt. */
  readonly durationMs: number;
  readonly loopDelayMaxMs: number | null;
  /** Time since sending in ms, and the share that had it by then. */
  readonly receipts: readonly (readonly [number, number])[];
}

export interface Memory {
  /** Primary and workers; null when they are not known. */
  readonly gatewayBytes: number | null;
  /**
   * The same before the first connection. What it had not collected yet is in it: no base to subtract in a
   * small run.
   */
  readonly emptyGatewayBytes: number | null;
  readonly agentsBytes: number;
  /** For both ends, without what the machine had before. */
  readonly kernelBytes: number;
  readonly connections: number;
}

/** A load machine of the run. */
export interface ReportHost {
  /** `host:port`. */
  readonly address: string;
  readonly node: string;
  readonly cores: number;
  /** Agent processes that work at the end. */
  readonly agents: number;
  readonly connected: number;
  readonly lost: number;
  /** How far its clock may be from what is thought of it; latencies from there are as exact as this. */
  readonly clockErrorMs: number;
  /** Why it is out of the run; null while it is in. */
  readonly gone: string | null;
}

export interface Report {
  readonly version: 1;
  readonly started: string;
  /** `stopped`: an operator ended it, which is no fault. */
  readonly ending: "complete" | "stopped" | "interrupted";
  readonly options: {
    readonly target: string;
    readonly transport: RunTransport;
    readonly connections: number;
    readonly rate: number;
    readonly channels: string;
    readonly holdMs: number;
    readonly sendRate: number;
    readonly broadcasts: number;
    readonly churnRate: number;
    readonly reopen: boolean;
    /** Name of the scenario; null for a run of flags alone. */
    readonly scenario: string | null;
  };
  readonly machine: {
    readonly cpu: string;
    readonly cores: number;
    readonly memoryBytes: number;
    readonly kernel: string;
    readonly node: string;
    readonly openFiles: number;
  };
  readonly agents: number;
  /** Empty where the agents ran on the machine of the coordinator. */
  readonly hosts: readonly ReportHost[];
  /** In their order. */
  readonly steps: readonly StepResult[];
  readonly gatewayProcesses: number;
  /** What is not in the figures, and why. */
  readonly notes: readonly string[];
  /** What kept the run from doing all that it was asked for. */
  readonly problems: readonly string[];
  readonly connected: number;
  readonly givenUp: number;
  readonly lost: number;
  /** Sessions that stood again: after a loss, a storm, or a turn of the churn. */
  readonly again: number;
  /** Connections of agents that died, which others opened in their place. */
  readonly moved: number;
  /** Failed attempts and lost sessions by reason. */
  readonly failures: Readonly<Record<string, number>>;
  readonly rampSeconds: number;
  readonly handshakesPerSecond: number;
  readonly handshakeP50Ms: number;
  readonly handshakeP99Ms: number;
  /** When everything is open and nothing happens. */
  readonly memory: Memory;
  /** While nothing happened but pings, and what clients sent; null when nothing was held. */
  readonly idle: {
    readonly seconds: number;
    readonly gatewayCpu: number | null;
    readonly agentsCpu: number;
    readonly pingsPerSecond: number;
    readonly loopDelayP99Ms: number | null;
  } | null;
  /** What clients sent while everything was held, and heard of each other; null when they only listened. */
  readonly messages: {
    readonly seconds: number;
    readonly sent: number;
    /** Of them. */
    readonly refused: number;
    readonly heard: number;
    /** From sending to receipt. */
    readonly p50Ms: number;
    readonly p99Ms: number;
    readonly maxMs: number;
    /** From sending to the answer. */
    readonly answerP50Ms: number;
    readonly answerP99Ms: number;
  } | null;
  readonly rounds: readonly Round[];
  readonly samples: readonly Sample[];
}

/**
 * Everything that was not as it should be, a sentence each; empty for a good run. A scenario that expects
 * something is judged by that alone.
 */
export function shortcomings(report: Report): string[] {
  const { steps, ending } = report;
  const found: string[] = [...report.problems];
  if (ending === "interrupted") found.push("the run was interrupted");
  const judged = steps.some(({ expected }) => expected > 0);
  found.push(...(judged ? steps.flatMap(({ unmet }) => unmet) : usualShortcomings(report)));
  if (found.length > 0 && Object.keys(report.failures).length > 0) found.push(failuresText(report.failures));
  return found;
}

function usualShortcomings({ options, connected, lost, rounds, ending, messages }: Report): string[] {
  const found: string[] = [];
  const never = options.connections - connected - (options.reopen ? 0 : lost);
  if (never > 0 && ending === "complete") {
    found.push(`${never} of ${options.connections} connections could not be opened`);
  }
  if (lost > 0) found.push(`${lost} sessions were lost`);
  if (messages !== null && messages.refused > 0) {
    found.push(`${messages.refused} of ${messages.sent} messages of clients were not taken`);
  }
  for (const { round, expected, once, missing, repeated } of rounds) {
    if (once === expected) continue;
    found.push(
      `broadcast ${round} reached ${once} of ${expected} exactly once (${missing} not at all, ${repeated} more than once)`,
    );
  }
  return found;
}

/** `ECONNREFUSED 12, HTTP 503 3`, the most frequent first; empty without any. */
export function failuresText(failures: Readonly<Record<string, number>>, most = 5): string {
  const sorted = Object.entries(failures).sort(([, a], [, b]) => b - a);
  const shown = sorted.slice(0, most).map(([reason, count]) => `${reason}: ${count}`);
  return shown.join(", ") + (sorted.length > most ? `, and ${sorted.length - most} more reasons` : "");
}
