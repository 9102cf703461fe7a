/**
 * The load fleet of Holdfast: many connections to one gateway, and a report of what they and the gateway went
 * through.
 */

// A run.
export { DEFAULT_CHANNELS } from "./channels.js";
export { type ProblemKind, SwarmProblem } from "./problem.js";
export type { Phase, Progress } from "./stage.js";
export type { TokenSource } from "./tokens.js";
export { type RunTransport, TRANSPORTS } from "./transport.js";
export { planSwarm, runSwarm, type SwarmHooks, type SwarmOptions } from "./swarm.js";

// Its report.
export { prepareFolder, writeReport } from "./report/files.js";
export { failuresText, type Report, shortcomings } from "./report/report.js";
export { figures } from "./report/summary.js";

// What Holdfast's benchmarks measure and draw with, too.
export {
  children,
  cpuMicros,
  openSockets,
  pssBytes,
  rssBytes,
  totalCpuMicros,
} from "./measure/processes.js";
export { type Line, lineChart } from "./report/line-chart.js";
export {
  BAR_HEIGHT,
  CHART_WIDTH,
  escapeMarkup,
  FIRST_COLOUR,
  formatNumber,
  OTHER_COLOURS,
  svgBar,
  svgImage,
  svgLine,
  svgText,
} from "./report/svg.js";

/** Names before the renaming of issue 13. */
export type {
  /** @deprecated Use `RunTransport`. */
  RunTransport as Transport,
} from "./transport.js";
