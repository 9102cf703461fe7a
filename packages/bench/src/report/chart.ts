/**
 * Charts as plain SVG: bars for one metric over cases and peers, and lines over time. No script, no font, no dependency.
 *
 * Colours suit light and dark pages: the text takes the reader's colour.
 */
import { type BenchResult, casesOf, type Metric, OURS, peersOf, summaryOf } from "../result.js";
import { formatNumber } from "./numbers.js";

const WIDTH = 720;
const LABEL_WIDTH = 190;
const VALUE_WIDTH = 90;
const BAR = 16;
const GAP = 5;
const CASE_GAP = 26;
const OUR_COLOUR = "#0f9d8f";
const COLOURS = ["#8a94a6", "#b08968", "#7d83c9", "#c27ba0", "#6aa84f", "#a0a0a0"];

/** Bars of the median with the range of the runs, one group for each case. Undefined when nothing was measured. */
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
  const scale = (WIDTH - LABEL_WIDTH - VALUE_WIDTH) / largest;
  const parts: string[] = [text(0, 18, heading, 'font-weight="600" font-size="14"')];
  let y = 30;
  for (const { name, bars } of groups) {
    parts.push(text(0, y + 13, name, 'font-weight="600"'));
    y += 20;
    for (const { peer, median, min, max } of bars) {
      const end = LABEL_WIDTH + median * scale;
      const middle = y + BAR / 2;
      parts.push(
        text(LABEL_WIDTH - 8, y + 12, result.peers[peer] ?? peer, 'text-anchor="end"'),
        rect(LABEL_WIDTH, y, Math.max(1, median * scale), colourOf(result, peer)),
        line(LABEL_WIDTH + min * scale, middle, LABEL_WIDTH + max * scale, middle),
        text(Math.max(end, LABEL_WIDTH + max * scale) + 6, y + 12, formatNumber(median, metric.digits)),
      );
      y += BAR + GAP;
    }
    y += CASE_GAP - 20;
  }
  return svg(y, parts);
}

export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [number, number])[];
}

/** Lines over seconds. Undefined when there are no points. */
export function lineChart(lines: readonly Line[], heading: string, unit: string): string | undefined {
  const all = lines.flatMap(({ points }) => points);
  if (all.length === 0) return undefined;
  const [left, top, bottom] = [60, 40, 260];
  const end = Math.max(1, ...all.map(([x]) => x));
  const peak = Math.max(1, ...all.map(([, y]) => y)) * 1.05;
  const atX = (x: number): number => left + (x / end) * (WIDTH - left - 20);
  const atY = (y: number): number => bottom - (y / peak) * (bottom - top);
  const parts = [text(0, 18, heading, 'font-weight="600" font-size="14"')];
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    const y = atY(peak * share);
    parts.push(
      line(left, y, WIDTH - 20, y, 0.15),
      text(left - 6, y + 4, formatNumber(peak * share, 0), 'text-anchor="end"'),
    );
  }
  parts.push(
    text(left, bottom + 18, "0 s"),
    text(WIDTH - 20, bottom + 18, `${formatNumber(end, 0)} s`, 'text-anchor="end"'),
  );
  parts.push(text(left, top - 8, unit));
  lines.forEach(({ name, points }, i) => {
    const colour = i === 0 ? OUR_COLOUR : (COLOURS[(i - 1) % COLOURS.length] ?? OUR_COLOUR);
    const path = points.map(([x, y]) => `${atX(x).toFixed(1)},${atY(y).toFixed(1)}`).join(" ");
    parts.push(`<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="1.5"/>`);
    parts.push(rect(left + i * 170, bottom + 28, 12, colour), text(left + i * 170 + 18, bottom + 40, name));
  });
  return svg(bottom + 54, parts);
}

function colourOf(result: BenchResult, peer: string): string {
  if (peer === OURS) return OUR_COLOUR;
  const others = Object.keys(result.peers).filter((each) => each !== OURS);
  return COLOURS[others.indexOf(peer) % COLOURS.length] ?? "#8a94a6";
}

function svg(height: number, parts: readonly string[]): string {
  const style = "font:12px system-ui,sans-serif;fill:#24292f";
  const dark = "@media(prefers-color-scheme:dark){text{fill:#e6edf3}line{stroke:#e6edf3}}";
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${Math.ceil(height)}" width="${WIDTH}" role="img">`,
    `<style>text{${style}}line{stroke:#24292f}${dark}</style>`,
    ...parts,
    "</svg>\n",
  ].join("\n");
}

function text(x: number, y: number, content: string, attributes = ""): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${escapeXml(content)}</text>`;
}

function rect(x: number, y: number, width: number, fill: string): string {
  return `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" rx="2" fill="${fill}"/>`;
}

function line(x1: number, y1: number, x2: number, y2: number, opacity = 0.7): string {
  const [a, b, c, d] = [x1, y1, x2, y2].map((each) => each.toFixed(1));
  return `<line x1="${a}" y1="${b}" x2="${c}" y2="${d}" opacity="${opacity}"/>`;
}

function escapeXml(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
