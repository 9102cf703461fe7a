/**
 * Bars for one metric over cases and peers, as SVG. Lines over time are the swarm's, which has the same
 * charts.
 */
import {
  BAR_HEIGHT,
  CHART_WIDTH,
  FIRST_COLOUR,
  OTHER_COLOURS,
  svgBar,
  svgImage,
  svgLine,
  svgText,
} from "@holdfast/swarm/report";
import { type BenchResult, casesOf, type Metric, OURS, peersOf, summaryOf } from "../result.js";
import { formatNumber } from "./numbers.js";

const LABEL_WIDTH = 190;
const VALUE_WIDTH = 90;
const GAP = 5;
const CASE_GAP = 26;

/**
 * Bars of the median with the range of the runs, one group for each case. Undefined when nothing was
 * measured.
 */
export function barChart(
  result: BenchResult,
  scenario: string,
  metric: Metric,
  heading: string,
): string | undefined {
  const groups = casesOf(result, scenario)
    .map((name) => ({
      name,
      bars: peersOf(result, scenario, name).flatMap((peer) => {
        const summary = summaryOf(result, { scenario, case: name, peer, metric: metric.key });
        return summary === undefined ? [] : [{ peer, ...summary }];
      }),
    }))
    .filter(({ bars }) => bars.length > 0);
  const largest = Math.max(0, ...groups.flatMap(({ bars }) => bars.map(({ max }) => max)));
  if (largest === 0) return undefined;
  const scale = (CHART_WIDTH - LABEL_WIDTH - VALUE_WIDTH) / largest;
  const parts: string[] = [];
  let y = 30;
  for (const { name, bars } of groups) {
    parts.push(svgText(0, y + 13, name, 'font-weight="600"'));
    y += 20;
    for (const { peer, median, min, max } of bars) {
      const end = LABEL_WIDTH + median * scale;
      const middle = y + BAR_HEIGHT / 2;
      parts.push(
        svgText(LABEL_WIDTH - 8, y + 12, result.peers[peer] ?? peer, 'text-anchor="end"'),
        svgBar(LABEL_WIDTH, y, Math.max(1, median * scale), colourOf(result, peer)),
        svgLine(LABEL_WIDTH + min * scale, middle, LABEL_WIDTH + max * scale, middle),
        svgText(Math.max(end, LABEL_WIDTH + max * scale) + 6, y + 12, formatNumber(median, metric.digits)),
      );
      y += BAR_HEIGHT + GAP;
    }
    y += CASE_GAP - 20;
  }
  return svgImage(heading, y, parts);
}

function colourOf(result: BenchResult, peer: string): string {
  if (peer === OURS) return FIRST_COLOUR;
  const others = Object.keys(result.peers).filter((each) => each !== OURS);
  return OTHER_COLOURS[others.indexOf(peer) % OTHER_COLOURS.length] ?? "#8a94a6";
}
