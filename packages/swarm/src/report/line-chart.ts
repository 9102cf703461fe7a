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
  // A hair less, or a peak of exactly some steps gets one more by rounding.
  const steps = Math.ceil(largest(all, 1) / step - 1e-9);
  const peak = step * steps;
  const digits = digitsOf(step);
  const atX = (x: number): number => left + (x / end) * (CHART_WIDTH - left - 20);
  const atY = (y: number): number => bottom - (y / peak) * (bottom - top);
  const parts: string[] = [];
  for (let index = 0; index <= steps; index++) {
    const value = index * step;
    const y = atY(value);
    parts.push(
      svgLine(left, y, CHART_WIDTH - 20, y, 0.15),
      svgText(left - 6, y + 4, formatNumber(value, digits), 'text-anchor="end"'),
    );
  }
  // Below two seconds in milliseconds, so that the scale has whole numbers.
  const [factor, name] = end < 2 ? [1000, "ms"] : [1, "s"];
  const xStep = roundStep((end * factor) / 4);
  for (let index = 0; index * xStep <= end * factor + 1e-9; index++) {
    const label = `${formatNumber(index * xStep, digitsOf(xStep))} ${name}`;
    const anchor = index === 0 ? "start" : "middle";
    parts.push(svgText(atX((index * xStep) / factor), bottom + 18, label, `text-anchor="${anchor}"`));
  }
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

/**
 * The end of an axis: the largest value, or 1 where all are 0. A loop: a call may not have that many
 * arguments.
 */
function largest(points: readonly (readonly [number, number])[], axis: 0 | 1): number {
  let found = 0;
  for (const point of points) found = Math.max(found, point[axis]);
  return found > 0 ? found : 1;
}

/** Decimals that the multiples of a step need. */
function digitsOf(step: number): number {
  for (let digits = 0; digits < 9; digits++) {
    const scaled = step * 10 ** digits;
    if (Math.abs(scaled - Math.round(scaled)) < 1e-6) return digits;
  }
  return 9;
}

/** The next of 1, 2, 2.5 and 5 times a power of ten. */
function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return ([1, 2, 2.5, 5].find((factor) => factor * power >= least) ?? 10) * power;
}
