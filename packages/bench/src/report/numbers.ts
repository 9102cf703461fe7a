/**
 * Figures as people read them.
 */

/** `12,345.6` with as many decimals as asked. */
export function formatNumber(value: number, digits: number): string {
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** `×0.87`: two decimals, three where it is small. */
export function formatRatio(ratio: number): string {
  return `×${ratio.toFixed(Math.abs(ratio) < 0.1 ? 3 : 2)}`;
}

/** `±4 %`, or nothing when it is under half a percent. */
export function formatSpread(share: number): string {
  const percent = Math.round(share * 100);
  return percent === 0 ? "" : `±${percent}%`;
}
