/**
 * Medians and spreads of a few runs.
 *
 * Ratios are made run by run and then summarised, because the runs of one round share the machine's mood and
 * the rounds do not.
 */

export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly runs: number;
}

/** Undefined when there is nothing to summarise. */
export function summarise(values: readonly number[]): Summary | undefined {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  const first = sorted[0];
  const last = sorted.at(-1);
  if (first === undefined || last === undefined) return undefined;
  return { median: medianOfSorted(sorted), min: first, max: last, runs: sorted.length };
}

/** Half the distance between the extremes, as a share of the median; 0 for a median of 0. */
export function spread({ median, min, max }: Summary): number {
  return median === 0 ? 0 : Math.abs((max - min) / 2 / median);
}

/** Run by run `numerators / denominators`, runs matched by key; runs that only one side has are left out. */
export function pairedRatios(
  numerators: ReadonlyMap<number, number>,
  denominators: ReadonlyMap<number, number>,
): number[] {
  const ratios: number[] = [];
  for (const [run, numerator] of numerators) {
    const denominator = denominators.get(run);
    if (denominator !== undefined && denominator !== 0) ratios.push(numerator / denominator);
  }
  return ratios;
}

/** The largest difference between shares, as a share of their mean: 0 when all are equal. */
export function skew(shares: readonly number[]): number {
  const sum = shares.reduce((a, b) => a + b, 0);
  if (sum === 0) return 0;
  return (Math.max(...shares) - Math.min(...shares)) / (sum / shares.length);
}

export type Point = readonly [x: number, y: number];

/** The median of the slopes between any two points (Theil–Sen): a step at one place does not tilt it. */
export function slope(points: readonly Point[]): number {
  const slopes = points.flatMap(([x, y], i) =>
    points.slice(i + 1).flatMap(([otherX, otherY]) => (otherX === x ? [] : [(otherY - y) / (otherX - x)])),
  );
  return summarise(slopes)?.median ?? 0;
}

/** The value below which `q` (0 to 1) of the sorted values lie; 0 when there is none. */
export function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0;
}

function medianOfSorted(sorted: readonly number[]): number {
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}
