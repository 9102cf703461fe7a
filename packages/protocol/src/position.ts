/**
 * A position in a channel's stream: how far a subscriber has read.
 *
 * `offset` counts publications without gaps from 1; `epoch` names the life of that counter.
 * Positions of different epochs cannot be compared: continuity between them is unprovable.
 */

export interface Position {
  /** Offset of the last publication seen; 0 = none yet. Integer, at most 2^53 - 1. */
  readonly offset: number;
  /** Opaque name of the stream's life, 1–64 characters. */
  readonly epoch: string;
}

/**
 * Why a subscription could not be proven complete:
 * - `expired`: publications after the position are no longer kept;
 * - `epoch`: the position belongs to another life of the channel;
 * - `too_many`: more were missed than one answer may hold;
 * - `unverifiable`: nothing here can tell, as when the channel keeps no history, or the position is ahead of
 *   it.
 */
export type UnrecoveredReason = "expired" | "epoch" | "too_many" | "unverifiable";

/** True when `value` has the shape of a position. */
export function isPosition(value: unknown): value is Position {
  if (typeof value !== "object" || value === null) return false;
  const { offset, epoch } = value as Partial<Position>;
  return (
    Number.isSafeInteger(offset) &&
    (offset as number) >= 0 &&
    typeof epoch === "string" &&
    epoch.length > 0 &&
    epoch.length <= 64
  );
}
