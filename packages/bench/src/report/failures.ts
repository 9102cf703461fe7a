/**
 * What failed, by reason: a line for each case and peer that had failures, summed over the runs.
 */
import type { BenchResult } from "../result.js";
import { formatNumber } from "./numbers.js";

/** `storm, 20,000 at 60,000/s, Holdfast: HTTP 503 11,240` */
export function failuresOf(result: BenchResult): string[] {
  const sums = new Map<string, Map<string, number>>();
  for (const { scenario, case: name, peer, failed } of result.measurements) {
    for (const [reason, count] of Object.entries(failed ?? {})) {
      const key = `${scenario}, ${name}, ${result.peers[peer] ?? peer}`;
      const reasons = sums.get(key) ?? new Map<string, number>();
      reasons.set(reason, (reasons.get(reason) ?? 0) + count);
      sums.set(key, reasons);
    }
  }
  return [...sums].map(([key, reasons]) => {
    const parts = [...reasons].map(([reason, count]) => `${reason} ${formatNumber(count, 0)}`);
    return `${key}: ${parts.join(", ")}`;
  });
}
