/**
 * When a client may try again: full-jitter exponential backoff, part of the protocol because a server's
 * survival of a reconnect storm depends on it.
 *
 * Invariant: the attempt count falls back to zero only after a connection was *stable*, never when a socket
 * merely opened; a client that is refused right after opening would otherwise hammer for ever.
 */

export interface BackoffOptions {
  /** Upper bound of the first delay, ms. Default 500. */
  readonly minDelayMs: number;
  /** Upper bound of every delay, ms. Default 20_000. */
  readonly maxDelayMs: number;
  /** How long a connection lives after its connect reply before the count is reset, ms. Default 10_000. */
  readonly stableAfterMs: number;
}

export const BACKOFF_DEFAULTS: BackoffOptions = Object.freeze({
  minDelayMs: 500,
  maxDelayMs: 20_000,
  stableAfterMs: 10_000,
});

/**
 * The delay before attempt `attempt` (0 = the first retry), in ms.
 * `random` is uniform in [0, 1). `notBefore` is the server's `reconnectAfter` or `retryAfter`: a floor, never
 * a ceiling.
 */
export function backoffDelay(
  attempt: number,
  random: number,
  notBefore = 0,
  options: BackoffOptions = BACKOFF_DEFAULTS,
): number {
  const ceiling = Math.min(options.maxDelayMs, options.minDelayMs * 2 ** Math.min(attempt, 30));
  return notBefore + Math.floor(random * ceiling);
}
