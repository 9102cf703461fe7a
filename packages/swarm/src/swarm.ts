/**
 * A run from its first connection to its report: prepare, open, hold, broadcast, end.
 *
 * Invariant: when it settles, well or not, no agent process of it is left.
 */
import { randomBytes } from "node:crypto";
import { availableParallelism, cpus, release, totalmem } from "node:os";
import { checkChannels } from "./channels.js";
import { Fleet } from "./fleet.js";
import { hold } from "./hold.js";
import { Gateway } from "./measure/gateway.js";
import { kernelBytes } from "./measure/kernel.js";
import { readMachine } from "./measure/limits.js";
import { type AgentPlan, type MachineLimits, planAgents } from "./plan.js";
import { probe } from "./probe.js";
import { SwarmProblem } from "./problem.js";
import { Recorder } from "./recorder.js";
import type { Report } from "./report/report.js";
import { type Progress, Stage } from "./stage.js";
import { parseTarget, type Target } from "./target.js";
import type { TokenSource } from "./tokens.js";
import type { RunTransport } from "./transport.js";

export interface SwarmOptions {
  readonly target: string;
  readonly transport: RunTransport;
  readonly connections: number;
  /** Connections opened a second. */
  readonly rate: number;
  readonly agents: number | "auto";
  readonly channels: string;
  readonly tokens: TokenSource;
  /** How long everything is held once it is open, ms. */
  readonly holdMs: number;
  /** Messages that all clients together send a second while everything is held; 0: they only listen. */
  readonly sendRate: number;
  /** Broadcasts, the last one at the end of the hold. */
  readonly broadcasts: number;
  readonly admin: string;
  readonly adminKey: string | undefined;
  readonly gatewayPid: number | undefined;
}

export interface SwarmHooks {
  /** Called every half second. */
  onProgress(progress: Progress): void;
  /** Aborts the run: it still ends its agents and reports. */
  readonly signal: AbortSignal;
}

interface Plan {
  readonly target: Target;
  readonly machine: MachineLimits;
  readonly agents: readonly AgentPlan[];
}

/** Throws a `SwarmProblem` that says what of the options is wrong, or more than this machine has. */
export function planSwarm({ target: text, transport, channels, connections, agents }: SwarmOptions): Plan {
  const target = parseTarget(text, transport);
  checkChannels(channels);
  const machine = readMachine();
  return { target, machine, agents: planAgents(target, connections, agents, machine) };
}

/** Throws a `SwarmProblem` when there is nothing to report. */
export async function runSwarm(options: SwarmOptions, hooks: SwarmHooks): Promise<Report> {
  const { target, machine, agents: plans } = planSwarm(options);
  const { signal } = hooks;
  await probe(target, options.transport, options.channels, options.tokens);
  const gateway = new Gateway({ ...options, target, pid: options.gatewayPid });
  const notes = await missing(gateway, options);
  const run = randomBytes(6).toString("hex");
  const started = new Date().toISOString();
  const kernelBefore = kernelBytes();
  const emptyGateway = (await gateway.read()).pssBytes;
  const { host, ports, path } = target;
  const { channels, tokens, transport, sendRate } = options;
  const common = { run, host, ports, path, channels, tokens, transport, sending: sendRate > 0 };
  const orders = plans.map((plan) => ({ ...common, ...plan }));
  const fleet = await Fleet.start(orders, signal);
  const recorder = new Recorder(fleet, gateway, kernelBefore);
  const stage = new Stage(fleet, options.connections, plans.length, hooks.onProgress);
  try {
    await recorder.start();
    stage.enter("opening");
    await fleet.open(options.rate, signal);
    const rampSeconds = recorder.seconds;
    const context = { run, fleet, gateway, recorder, signal, stage };
    const held = await hold(options, context);
    await recorder.sample();
    await recorder.stop();
    const totals = fleet.totals();
    const { handshakes } = fleet;
    return {
      version: 1,
      started,
      ending: signal.aborted ? "interrupted" : "complete",
      options: {
        target: options.target,
        transport,
        connections: options.connections,
        rate: options.rate,
        channels: options.channels,
        holdMs: options.holdMs,
        sendRate,
        broadcasts: options.broadcasts,
      },
      machine: {
        cpu: cpus()[0]?.model ?? "unknown",
        cores: availableParallelism(),
        memoryBytes: totalmem(),
        kernel: release(),
        node: process.version,
        openFiles: machine.openFiles,
      },
      agents: plans.length,
      gatewayProcesses: gateway.pids().length,
      notes,
      problems: held.problems,
      connected: totals.connected,
      givenUp: totals.givenUp,
      lost: totals.lost,
      failures: totals.failures,
      rampSeconds: Math.round(rampSeconds * 100) / 100,
      handshakesPerSecond: Math.round(handshakes.total / Math.max(0.001, rampSeconds)),
      handshakeP50Ms: handshakes.quantile(0.5) / 1000,
      handshakeP99Ms: handshakes.quantile(0.99) / 1000,
      memory: {
        gatewayBytes: held.atRest.gatewayBytes,
        emptyGatewayBytes: emptyGateway ?? null,
        agentsBytes: held.atRest.agentsBytes,
        kernelBytes: held.atRest.kernelBytes,
        connections: held.atRest.connected,
      },
      idle: held.idle,
      messages: held.messages,
      rounds: held.rounds,
      samples: recorder.samples,
    };
  } finally {
    stage.enter("ending");
    await recorder.stop();
    await (signal.aborted ? Promise.resolve(fleet.kill()) : fleet.end());
    stage.leave();
  }
}

/** What will not be in the report, and why. Throws when broadcasts were asked for and cannot be sent. */
async function missing(gateway: Gateway, { admin, broadcasts }: SwarmOptions): Promise<string[]> {
  const notes: string[] = [];
  const problem = await gateway.adminProblem();
  if (problem !== undefined) {
    const what = `the gateway's admin port ${admin} cannot be used: ${problem}`;
    if (broadcasts > 0) {
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
