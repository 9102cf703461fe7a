/**
 * The report of a run that has been held to its end: what was found, and what it was found with.
 *
 * Pure but for the machine, which it asks what it is. Invariant: it says nothing of the admin key or a token.
 */
import { availableParallelism, cpus, release, totalmem } from "node:os";
import type { Fleet } from "../fleet/fleet.js";
import type { Gateway } from "../measure/gateway.js";
import type { MachineLimits } from "../plan.js";
import type { Report, ReportHost } from "../report/report.js";
import type { Played } from "./play.js";
import type { Recorder } from "./recorder.js";

/** What the run noted on its way. */
export interface RunFacts {
  /** ISO 8601. */
  readonly started: string;
  readonly machine: MachineLimits;
  readonly agents: number;
  readonly notes: readonly string[];
  /** PSS of the gateway before the first connection; null when its processes are not known. */
  readonly emptyGatewayBytes: number | null;
  readonly played: Played;
  readonly hosts: readonly Omit<ReportHost, "agents" | "connected" | "lost" | "clockErrorMs">[];
  readonly ending: Report["ending"];
}

/** What took part. */
export interface RunParts {
  readonly fleet: Fleet;
  readonly gateway: Gateway;
  readonly recorder: Recorder;
}

export function reportOfRun(options: Report["options"], facts: RunFacts, parts: RunParts): Report {
  const { started, machine, notes, played } = facts;
  const { fleet, gateway, recorder } = parts;
  const { held } = played;
  const rest = held?.atRest ?? recorder.samples.at(-1);
  return {
    version: 1,
    started,
    ending: facts.ending,
    options: optionsOf(options),
    machine: machineOf(machine),
    agents: facts.agents,
    hosts: facts.hosts.map((host) => ({ ...host, ...ofHost(fleet, host.address) })),
    steps: played.steps,
    gatewayProcesses: gateway.pids().length,
    notes,
    problems: played.problems,
    ...opening(fleet, played.rampSeconds),
    memory: {
      gatewayBytes: rest?.gatewayBytes ?? null,
      emptyGatewayBytes: facts.emptyGatewayBytes,
      agentsBytes: rest?.agentsBytes ?? 0,
      kernelBytes: rest?.kernelBytes ?? 0,
      connections: rest?.connected ?? 0,
    },
    idle: held?.idle ?? null,
    messages: held?.messages ?? null,
    rounds: held?.rounds ?? [],
    samples: recorder.samples,
  };
}

function ofHost(
  fleet: Fleet,
  address: string,
): Pick<ReportHost, "agents" | "connected" | "lost" | "clockErrorMs"> {
  const agents = fleet.members.map(({ agent }) => agent).filter(({ host }) => host === address);
  return {
    agents: agents.filter(({ works }) => works).length,
    connected: agents.reduce((sum, { report }) => sum + report.connected, 0),
    lost: agents.reduce((sum, { report }) => sum + report.lost, 0),
    clockErrorMs: Math.max(0, ...agents.map(({ clock }) => clock.errorMicros)) / 1000,
  };
}

/** Of the options only those that a report has. */
function optionsOf(options: Report["options"]): Report["options"] {
  const { target, transport, connections, rate, channels, holdMs, sendRate, broadcasts } = options;
  const { churnRate, reopen, scenario } = options;
  const load = { target, transport, connections, rate, channels, holdMs, sendRate, broadcasts };
  return { ...load, churnRate, reopen, scenario };
}

function machineOf({ openFiles }: MachineLimits): Report["machine"] {
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    kernel: release(),
    node: process.version,
    openFiles,
  };
}

type Opening = Pick<
  Report,
  | "connected"
  | "givenUp"
  | "lost"
  | "again"
  | "moved"
  | "failures"
  | "rampSeconds"
  | "handshakesPerSecond"
  | "handshakeP50Ms"
  | "handshakeP99Ms"
>;

/** How the connections were opened, and what became of them. */
function opening(fleet: Fleet, rampSeconds: number): Opening {
  const { connected, givenUp, lost, again, moved, failures } = fleet.totals();
  const handshakes = fleet.handshakes.all;
  return {
    connected,
    givenUp,
    lost,
    again,
    moved,
    failures,
    rampSeconds: Math.round(rampSeconds * 100) / 100,
    handshakesPerSecond: Math.round(handshakes.total / Math.max(0.001, rampSeconds)),
    handshakeP50Ms: handshakes.quantile(0.5) / 1000,
    handshakeP99Ms: handshakes.quantile(0.99) / 1000,
  };
}
