/**
 * Figures as people read them: sizes, counts, rates, shares, times.
 *
 * Pure. Invariant: a figure that is not known is a dash, never a zero.
 */

const UNKNOWN = "-";
const UNITS = Object.freeze([
  [86_400, "d"],
  [3600, "h"],
  [60, "min"],
  [1, "s"],
] as const);

/** In the largest unit in which it is 1 or more, with one decimal. */
export function bytes(count: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, count)) / 10)));
  return `${(count / 1024 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}

/** With commas between thousands. */
export function grouped(value: number): string {
  return value.toLocaleString("en-US");
}

/** A count a second: one decimal below 10, commas above. */
export function rateText(perSecond: number | undefined): string {
  if (perSecond === undefined) return UNKNOWN;
  return perSecond > 0 && perSecond < 10 ? perSecond.toFixed(1) : grouped(Math.round(perSecond));
}

/** Of bytes; `-` where it is not known. */
export function sizeText(count: number | undefined): string {
  return count === undefined ? UNKNOWN : bytes(Math.round(count));
}

/** A share of 0 to 1 in per cent. */
export function shareText(share: number | undefined): string {
  if (share === undefined) return UNKNOWN;
  const percent = share * 100;
  return `${percent > 0 && percent < 10 ? percent.toFixed(1) : Math.round(percent)} %`;
}

/** `ms` in its two largest units: `3 d 4 h`, `2 min 5 s`, `12 s`, `340 ms`. */
export function spanText(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  let left = Math.floor(ms / 1000);
  const first = UNITS.findIndex(([length]) => left >= length);
  const parts: string[] = [];
  for (const [length, unit] of UNITS.slice(first, first + 2)) {
    const count = Math.floor(left / length);
    left -= count * length;
    if (count > 0) parts.push(`${count} ${unit}`);
  }
  return parts.join(" ");
}

/** UTC, to the second: `2026-11-29 12:00:01`. `at`: ms since 1970. */
export function timeText(at: number): string {
  return new Date(at).toISOString().slice(0, 19).replace("T", " ");
}
