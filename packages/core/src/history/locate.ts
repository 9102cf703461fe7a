/**
 * Locate: what can be proven about a position. Pure; the rules behind every `recovered` in the protocol.
 *
 * Offsets are gapless, so two positions of one epoch say exactly what lies between them. Between epochs only
 * the lineage proves anything: up to its offset the earlier log and this one are the same. Whatever cannot be
 * proven gets a reason; nothing is guessed.
 */
import type { Position, UnrecoveredReason } from "@holdfast/protocol";

/** What is known of a log: its end, and which earlier epochs it shares its beginning with. */
export interface LogEnd {
  readonly top: Position;
  readonly lineage: readonly Position[];
}

/**
 * Why `position` is not one of this log's, or undefined when it is: then everything after `position.offset`
 * in this log is what a client at that position has missed.
 */
export function locate({ offset, epoch }: Position, { top, lineage }: LogEnd): UnrecoveredReason | undefined {
  if (epoch === top.epoch) return offset <= top.offset ? undefined : "unverifiable";
  for (const shared of lineage)
    if (shared.epoch === epoch) return offset <= shared.offset ? undefined : "epoch";
  return "epoch";
}
