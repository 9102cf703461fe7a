/**
 * A leak of channels: clients subscribe to more and more channels and leave none.
 *
 * Pure: the last minutes of the page → a leak, or none. It is one where channels grew at no fewer than
 * `MIN_STEPS` looks, fell at none, and grew by far more than the connections did: clients that come bring
 * their channels, and that is no leak. Topics are counted by each worker, so a channel of two workers is two.
 */
import type { HourPoint } from "./last-hour.js";

export interface Leak {
  /** Channels now. */
  readonly channels: number;
  /** How many more than then. */
  readonly more: number;
  /** s. */
  readonly seconds: number;
}

/** What is looked at, s. */
const WINDOW_S = 120;
const MIN_SECONDS = 10;
const MIN_STEPS = 5;
const MIN_CHANNELS = 30;
/** Of the channels that there were. */
const MIN_SHARE = 0.05;
/** Channels that one more connection explains. */
const CHANNELS_OF_ONE = 3;

export function leakOf(points: readonly HourPoint[]): Leak | undefined {
  const last = points.at(-1);
  if (last === undefined) return undefined;
  const first = growingSince(points, last.at - WINDOW_S);
  const [seconds, more] = [last.at - first.point.at, last.topics - first.point.topics];
  const explained = CHANNELS_OF_ONE * Math.max(0, last.connections - first.point.connections);
  const isLeak =
    seconds >= MIN_SECONDS &&
    first.steps >= MIN_STEPS &&
    more - explained >= Math.max(MIN_CHANNELS, MIN_SHARE * first.point.topics);
  return isLeak ? { channels: last.topics, more, seconds: Math.round(seconds) } : undefined;
}

/** The earliest point behind which channels never fell, and at how many looks they grew since. */
function growingSince(
  points: readonly HourPoint[],
  since: number,
): { readonly point: HourPoint; readonly steps: number } {
  let at = points.length - 1;
  let point = points[at] as HourPoint;
  let steps = 0;
  for (at--; at >= 0; at--) {
    const before = points[at];
    if (before === undefined || before.at < since || before.topics > point.topics) break;
    if (before.topics < point.topics) steps++;
    point = before;
  }
  return { point, steps };
}
