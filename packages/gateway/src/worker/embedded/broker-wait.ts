/**
 * The wait for the broker before a worker serves: until a client that subscribes would be served, or for a
 * bounded time.
 *
 * Bounded, because an outage of Redis must not keep instances from starting: without it they still serve what
 * they can. Invariant: it settles once, at the latest `waitMs` from now.
 */
import type { Clock } from "@holdfast/core";

const LOOK_MS = 10;

/** `isReached`: the whole of it, as clients meet it. False when it could not be reached in time. */
export function brokerReached(isReached: () => boolean, waitMs: number, clock: Clock): Promise<boolean> {
  const since = clock.monotonic();
  return new Promise((resolve) => {
    if (isReached()) return resolve(true);
    const looking = clock.every(LOOK_MS, () => {
      const reached = isReached();
      if (!reached && clock.monotonic() - since < waitMs) return;
      looking.cancel();
      resolve(reached);
    });
  });
}
