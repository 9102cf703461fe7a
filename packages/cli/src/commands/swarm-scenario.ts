/**
 * The options of `holdfast swarm run`, and what a scenario makes of them.
 *
 * Invariant: a flag that was given counts before the file, and never silently against its steps.
 */
import { parseScenario, type RunTransport, type Scenario } from "@holdfast/swarm";
import { Failure } from "../failure.js";
import type { Terminal } from "../terminal.js";
import { type KeyOptions, orFailure, readText } from "./swarm-hosts.js";

export interface SwarmRunOptions extends KeyOptions {
  readonly url?: string;
  /** The old name of `url`. */
  readonly target?: string;
  readonly token?: string;
  readonly jwtSecret?: string;
  readonly jwtIssuer?: string;
  readonly jwtAudience?: string;
  readonly user: string;
  readonly transport: RunTransport;
  readonly connections: number;
  readonly rate: number;
  /** `auto`, a number of processes, or addresses of hosts. */
  readonly agents: string;
  readonly agentsFile?: string;
  readonly redistribute?: boolean;
  readonly channels: string;
  readonly hold: number;
  readonly sendRate: number;
  readonly churnRate: number;
  readonly reopen?: boolean;
  readonly scenario?: string;
  readonly broadcast?: true | number;
  readonly report: string;
  readonly admin: string;
  readonly adminKey?: string;
  readonly gatewayPid?: number;
}

const MAX_SCENARIO_BYTES = 256 * 1024;

export interface ScenarioOptions extends SwarmRunOptions {
  readonly read?: Scenario;
}

/** Members that a scenario decides alone. */
const DECIDED = ["connections", "rate", "hold", "sendRate", "churnRate", "broadcast"];

/** Options with what the scenario says; a flag that was given counts before it. */
export function withScenario(
  options: SwarmRunOptions,
  given: (name: string) => boolean,
  { cwd }: Terminal,
): ScenarioOptions {
  const path = options.scenario;
  if (path === undefined) return options;
  const both = DECIDED.filter(given);
  if (both.length > 0) {
    throw new Failure(`--scenario says what is opened and held: leave ${both.join(", ")} to its steps`, 2);
  }
  const text = readText(cwd, path, MAX_SCENARIO_BYTES);
  const read = orFailure(() => parseScenario(text, path));
  return {
    ...options,
    channels: given("channels") ? options.channels : (read.channels ?? options.channels),
    transport: given("transport") ? options.transport : (read.transport ?? options.transport),
    reopen: options.reopen === true || read.reopen === true,
    // How long it takes at most, which is what its tokens must last.
    hold: read.steps.reduce((ms, step) => ms + (step.do === "hold" ? step.holdMs : (step.withinMs ?? 0)), 0),
    read,
  };
}
