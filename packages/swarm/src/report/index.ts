/**
 * @holdfast/swarm/report: charts and the report of a run, as SVG and HTML.
 *
 * Benchmarks use it, too. What is measured is @holdfast/swarm/measure.
 */
export { prepareFolder, writeReport } from "./files.js";
export { type Line, lineChart } from "./line-chart.js";
export { failuresText, type Report, shortcomings } from "./report.js";
export { figures } from "./summary.js";
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
} from "./svg.js";
