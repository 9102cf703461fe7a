/**
 * The load fleet of Holdfast: many connections to one gateway, and a report of what they and the gateway went
 * through.
 */

// A run.
export { DEFAULT_CHANNELS } from "./channels.js";
export { type ProblemKind, SwarmProblem } from "./problem.js";
export type { Phase, Progress } from "./progress.js";
export type { TokenSource } from "./tokens.js";
export { type RunTransport, TRANSPORTS } from "./transport.js";
export { planSwarm, runSwarm, type SwarmHooks, type SwarmOptions } from "./swarm.js";

// Over many machines.
export { AgentHost, type AgentHostOptions } from "./remote/agent-host.js";
export {
  DEFAULT_AGENT_PORT,
  type HostAddress,
  hostText,
  parseHostAddress,
  parseHostFile,
  parseHostList,
} from "./remote/host-address.js";
export type { HostFacts, HostStatus, OrderAnswer } from "./remote/host-messages.js";
export { checkSwarmKey } from "./remote/swarm-key.js";
export { askHost, type Pass } from "./remote/visit-host.js";
export { MAX_CONNECTIONS, type RunOrder } from "./run/steering.js";

// A scenario in place of flags.
export { parseScenario, type Scenario } from "./scenario.js";
export type { Expectation, FigureName, RunStep, StepFigures, StepResult } from "./step.js";

// Its report.
export { prepareFolder, writeReport } from "./report/files.js";
export { failuresText, type Report, shortcomings } from "./report/report.js";
export { figures } from "./report/summary.js";

// The names of the two entries of their own, as before there were any.
export {
  children,
  cpuMicros,
  openSockets,
  pssBytes,
  rssBytes,
  totalCpuMicros,
} from "./measure/index.js";
export {
  BAR_HEIGHT,
  CHART_WIDTH,
  escapeMarkup,
  FIRST_COLOUR,
  formatNumber,
  type Line,
  lineChart,
  OTHER_COLOURS,
  svgBar,
  svgImage,
  svgLine,
  svgText,
} from "./report/index.js";

/** Names before the renaming of issue 13. */
export type {
  /** @deprecated Use `RunTransport`. */
  RunTransport as Transport,
} from "./transport.js";
