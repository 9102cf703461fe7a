/**
 * Lines over time.
 */
import {
  CHART_WIDTH,
  FIRST_COLOUR,
  formatNumber,
  OTHER_COLOURS,
  svgBar,
  svgImage,
  svgLine,
  svgText,
} from "./svg.js";

export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [number, number])[];
}

/** Lines over seconds. Undefined when there are no points. */
export function lineChart(lines: readonly Line[], heading: string, unit: string): string | undefined {
  const all = lines.flatMap(({ points }) => points);
  if (all.length === 0) return undefined;
  const [left, top, bottom] = [60, 40, 260];
  const end = largest(all, 0);
  const step = roundStep(largest(all, 1) / 4);
  const peak = step * Math.ceil(largest(all, 1) / step);
  const digits = step < 1 ? 2 : step < 5 ? 1 : 0;
  const atX = (x: number): number => left + (x / end) * (CHART_WIDTH - left - 20);
  const atY = (y: number): number => bottom - (y / peak) * (bottom - top);
  const parts: string[] = [];
  for (let value = 0; value <= peak; value += step) {
    const y = atY(value);
    parts.push(
      svgLine(left, y, CHART_WIDTH - 20, y, 0.15),
      svgText(left - 6, y + 4, formatNumber(value, digits), 'text-anchor="end"'),
    );
  }
  parts.push(
    svgText(left, bottom + 18, "0 s"),
    svgText(CHART_WIDTH - 20, bottom + 18, `${formatNumber(end, 0)} s`, 'text-anchor="end"'),
  );
  parts.push(svgText(left, top - 8, unit));
  lines.forEach(({ name, points }, i) => {
    const colour = i === 0 ? FIRST_COLOUR : (OTHER_COLOURS[(i - 1) % OTHER_COLOURS.length] ?? FIRST_COLOUR);
    const path = points.map(([x, y]) => `${atX(x).toFixed(1)},${atY(y).toFixed(1)}`).join(" ");
    parts.push(`<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="1.5"/>`);
    parts.push(
      svgBar(left + i * 170, bottom + 28, 12, colour),
      svgText(left + i * 170 + 18, bottom + 40, name),
    );
  });
  return svgImage(heading, bottom + 54, parts);
}

/** At least 1. A loop: a long run has more points than a call may have arguments. */
function largest(points: readonly (readonly [number, number])[], axis: 0 | 1): number {
  let found = 1;
  for (const point of points) found = Math.max(found, point[axis]);
  return found;
}

/** The next of 1, 2, 2.5 and 5 times a power of ten. */
function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return ([1, 2, 2.5, 5].find((factor) => factor * power >= least) ?? 10) * power;
}
