/**
 * Figures as people read them.
 */

export { formatNumber } from "@holdfast/swarm/report";

/** `×0.87`: two decimals, three where it is small. */
export function formatRatio(ratio: number): string {
  return `×${ratio.toFixed(Math.abs(ratio) < 0.1 ? 3 : 2)}`;
}

/** `±4 %`, or nothing when it is under half a percent. */
export function formatSpread(share: number): string {
  const percent = Math.round(share * 100);
  return percent === 0 ? "" : `±${percent}%`;
}
