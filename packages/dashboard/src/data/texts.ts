/**
 * Figures as texts. Pure; units are always said, times are those of the reader's clock.
 */

const BYTE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

export function countText(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** `0.4`, `12`, `1,234`: a second. */
export function rateText(value: number | undefined): string {
  if (value === undefined) return "–";
  return `${value > 0 && value < 10 ? value.toFixed(1) : countText(value)}/s`;
}

export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < BYTE_UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${BYTE_UNITS[unit]}`;
}

/** `850 ms`, `12 s`, `3 min`, `2 h 5 min`, `4 d 3 h`. */
export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** `share` is 0–1. */
export function percentText(share: number): string {
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
}

/** Date and time, `2026-11-29 16:40:55`. */
export function timeText(ms: number): string {
  const date = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** Of an ISO 8601 text; a dash where there is none. */
export function isoText(iso: string | null): string {
  return iso === null ? "–" : timeText(Date.parse(iso));
}

/** A setting's value as it is written in holdfast.json; texts without their quotes. */
export function settingText(value: unknown): string {
  if (value === null || value === undefined) return "unset";
  return typeof value === "string" ? value : JSON.stringify(value);
}
