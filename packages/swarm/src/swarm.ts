/**
 * A run from its first connection to its report: prepare, play the steps, end.
 *
 * Invariant: when it settles, well or not, no agent process of it is left.
 */
import { randomBytes } from "node:crypto";
import { checkChannels } from "./channels.js";
import { Crew } from "./fleet/crew.js";
import { type RunMachine, thisMachine } from "./fleet/machines.js";
import { type SpreadMachine, spread } from "./fleet/spread.js";
import { Gateway } from "./measure/gateway.js";
import { kernelBytes } from "./measure/kernel.js";
import { readMachine } from "./measure/limits.js";
import type { MachineLimits } from "./plan.js";
import { probe } from "./probe.js";
import { SwarmProblem } from "./problem.js";
import type { Progress } from "./progress.js";
import type { HostAddress } from "./remote/host-address.js";
import { Hosts, type RunHost } from "./remote/hosts.js";
import type { Pass } from "./remote/visit-host.js";
import type { Report } from "./report/report.js";
import { playSteps } from "./run/play.js";
import { Recorder } from "./run/recorder.js";
import { reportOfRun } from "./run/run-report.js";
import { Stage } from "./run/stage.js";
import { Steering } from "./run/steering.js";
import type { RunStep } from "./step.js";
import { parseTarget, type Target } from "./target.js";
import type { TokenSource } from "./tokens.js";
import type { RunTransport } from "./transport.js";

export interface SwarmOptions {
  readonly target: string;
  readonly transport: RunTransport;
  readonly connections: number;
  /** Connections opened a second. */
  readonly rate: number;
  /** Agent processes of this machine; of each host, where there are hosts. */
  readonly agents: number | "auto";
  readonly channels: string;
  readonly tokens: TokenSource;
  /** How long everything is held once it is open, ms. */
  readonly holdMs: number;
  /** Messages that all clients together send a second while everything is held; 0: they only listen. */
  readonly sendRate: number;
  /** Connections that end and are opened again a second while everything is held; 0: none. */
  readonly churnRate: number;
  /** Whether a session that ends by itself is opened again. */
  readonly reopen: boolean;
  /** Broadcasts, the last one at the end of the hold. */
  readonly broadcasts: number;
  readonly admin: string;
  readonly adminKey: string | undefined;
  readonly gatewayPid: number | undefined;
  /** Load machines; undefined: the agents are children of this process. */
  readonly hosts?: (Pass & { readonly addresses: readonly HostAddress[] }) | undefined;
  /** Whether other agents open what one had that died. */
  readonly redistribute: boolean;
  /** In place of one ramp and one hold. */
  readonly scenario?: { readonly name: string; readonly steps: readonly RunStep[] } | undefined;
}

export interface SwarmHooks {
  /** Called every half second. */
  onProgress(progress: Progress): void;
  /** Something that a person should know at once. */
  onWarning(line: string): void;
  /** Aborts the run: it still ends its agents and reports. */
  readonly signal: AbortSignal;
}

interface Plan {
  readonly target: Target;
  readonly machine: MachineLimits;
  readonly steps: readonly RunStep[];
  /** The most that there are at once. */
  readonly connections: number;
}

/** Throws a `SwarmProblem` that says what of the options is wrong, or more than this machine has. */
export function planSwarm(options: SwarmOptions): Plan {
  const target = parseTarget(options.target, options.transport);
  checkChannels(options.channels);
  const machine = readMachine();
  const steps = options.scenario?.steps ?? plainSteps(options);
  const connections = steps.reduce(
    (most, step) => (step.do === "ramp" ? Math.max(most, step.connections) : most),
    0,
  );
  if (options.hosts === undefined) {
    const here: SpreadMachine = { name: "this machine", limits: machine, cores: undefined, held: 0 };
    spread(target, { first: 0, connections }, [here], options.agents);
  }
  return { target, machine, steps, connections };
}

/** A run of flags alone. */
function plainSteps(options: SwarmOptions): RunStep[] {
  const { connections, rate, holdMs, sendRate, churnRate, broadcasts } = options;
  return [
    { do: "ramp", name: "ramp", expect: [], connections, rate },
    { do: "hold", name: "hold", expect: [], holdMs, sendRate, churnRate, broadcasts },
  ];
}

/** Throws a `SwarmProblem` when there is nothing to report. */
export async function runSwarm(options: SwarmOptions, hooks: SwarmHooks): Promise<Report> {
  const plan = planSwarm(options);
  const { target, steps } = plan;
  const run = randomBytes(6).toString("hex");
  const steering = new Steering(options.transport);
  const signal = AbortSignal.any([hooks.signal, steering.stopped]);
  // An agent elsewhere may reach what this machine does not, so it is asked only where agents are here.
  if (options.hosts === undefined) {
    await probe(target, options.transport, options.channels, options.tokens);
  }
  const gateway = new Gateway({ ...options, target, pid: options.gatewayPid });
  const notes = await missing(gateway, options, steps);
  const started = new Date().toISOString();
  const before = { kernel: kernelBytes(), gateway: (await gateway.read()).pssBytes };
  const hosts = await hostsOf(options, run, steering);
  const crew = crewOf(options, { run, plan, hosts, hooks, signal });
  const { fleet } = crew;
  const recorder = new Recorder(fleet, gateway, before.kernel);
  const onProgress = (progress: Progress): void => {
    hosts?.tell(progress);
    hooks.onProgress(progress);
  };
  const stage = new Stage(fleet, crew.opener, onProgress);
  try {
    await crew.start(plan.connections);
    await recorder.start();
    steering.steer(crew);
    const context = { run, fleet, gateway, recorder, signal, stage, crew };
    const played = await playSteps(steps, { ...context, drain: (admin) => gateway.drain(admin) });
    steering.steer(undefined);
    await recorder.sample();
    await recorder.stop();
    return reportOfRun(
      {
        ...options,
        connections: crew.opener.wanted || plan.connections,
        scenario: options.scenario?.name ?? null,
      },
      {
        started,
        machine: plan.machine,
        notes: [...notes, ...crew.deaths],
        emptyGatewayBytes: before.gateway ?? null,
        played,
        agents: fleet.members.length,
        hosts: (hosts?.all ?? []).map(factsOf),
        ending: hooks.signal.aborted ? "interrupted" : signal.aborted ? "stopped" : "complete",
      },
      { fleet, gateway, recorder },
    );
  } finally {
    stage.enter("ending");
    await recorder.stop();
    await crew.end(hooks.signal.aborted);
    stage.leave();
    hosts?.close();
  }
}
interface CrewParts {
  readonly run: string;
  readonly plan: Plan;
  readonly hosts: Hosts | undefined;
  readonly hooks: SwarmHooks;
  readonly signal: AbortSignal;
}

function crewOf(options: SwarmOptions, { run, plan, hosts, hooks, signal }: CrewParts): Crew {
  const { channels, tokens, transport, reopen, agents, redistribute } = options;
  const sending = plan.steps.some((step) => step.do === "hold" && step.sendRate > 0);
  const here = [thisMachine(plan.machine)];
  return new Crew({
    target: plan.target,
    common: { run, channels, tokens, transport, reopen, sending },
    agents,
    redistribute,
    machines: () =>
      hosts === undefined ? here : hosts.all.filter(({ gone }) => gone === undefined).map(machineOf),
    warn: (line) => hooks.onWarning(line),
    signal,
  });
}

function machineOf({ address, facts, open }: RunHost): RunMachine {
  return { address, limits: facts, cores: facts.cores, open };
}

function factsOf({ address, facts, gone }: RunHost): {
  readonly address: string;
  readonly node: string;
  readonly cores: number;
  readonly gone: string | null;
} {
  return { address, node: facts.node, cores: facts.cores, gone: gone ?? null };
}

async function hostsOf({ hosts }: SwarmOptions, run: string, steering: Steering): Promise<Hosts | undefined> {
  if (hosts === undefined) return undefined;
  return Hosts.connect(hosts.addresses, hosts, run, (order) => steering.take(order));
}

/** What will not be in the report, and why. Throws when broadcasts were asked for and cannot be sent. */
async function missing(
  gateway: Gateway,
  { admin }: SwarmOptions,
  steps: readonly RunStep[],
): Promise<string[]> {
  const notes: string[] = [];
  const problem = await gateway.adminProblem();
  if (problem !== undefined) {
    const what = `the gateway's admin port ${admin} cannot be used: ${problem}`;
    if (steps.some((step) => step.do === "hold" && step.broadcasts > 0)) {
      throw new SwarmProblem("failed", `${what}. Broadcasts go through it: name it with --admin <url>`);
    }
    notes.push(`${what}: no event-loop delay and no garbage collections in this report`);
  }
  if (gateway.pids().length === 0) {
    notes.push(
      "the gateway's processes were not found on this machine: no memory and no CPU of it in this report (--gateway-pid)",
    );
  }
  return notes;
}
