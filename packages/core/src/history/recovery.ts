/**
 * Recovery: what a client that returns has missed, or why that cannot be told yet.
 *
 * Pure: it decides from what the worker knows of the log; the reader of streams reads what is missing and
 * asks again. Invariant: `recovered` is said only where `locate` proves the position and every entry is here.
 */
import type { Position, UnrecoveredReason } from "@holdfast/protocol";
import type { Entry } from "../broker/broker.js";
import type { Epochs } from "./epochs.js";
import { locate } from "./locate.js";
import type { RecentEntries } from "./recent-entries.js";

/** What a client that stood at a position is told, or why that cannot be told yet. */
export type Recovery =
  /** `position`: where the client stands with the entries; it hears what comes after that. */
  | { readonly kind: "recovered"; readonly position: Position; readonly entries: readonly Entry[] }
  /**
   * `position`: where the client goes on; what it has heard before is not heard again, as far as that can be
   * told.
   */
  | { readonly kind: "lost"; readonly position: Position; readonly reason: UnrecoveredReason }
  /**
   * The log has to be proven first: the position is not behind this stream. If it never will be, `reason`
   * says why.
   */
  | { readonly kind: "ahead"; readonly reason: UnrecoveredReason }
  /** The log has to be read from `from` on. */
  | { readonly kind: "earlier"; readonly from: number }
  /** What listeners are about to hear begins in another life of the log: wait until they have. */
  | { readonly kind: "torn" }
  /**
   * What listeners are about to hear begins before the position: wait until they have, or it is heard again.
   */
  | { readonly kind: "amid"; readonly position: Position };

/** A log, as far as a worker has seen it. */
export interface SeenLog {
  /** Where the stream stands; undefined before the log was read. */
  readonly position: Position | undefined;
  readonly epochs: Epochs;
  readonly recent: RecentEntries;
  /** The lowest offset that the log was seen to keep: what lies before is lost for good. */
  readonly oldest: number;
  /** Publications that one recovery may bring. */
  readonly limits: { readonly maxEntries: number };
}

/** What a client that stood at `since` has missed, if it hears everything after `heard`. */
export function recover(log: SeenLog, since: Position, heard: Position): Recovery {
  const { epochs, oldest, position: here, recent } = log;
  if (here === undefined) return { kind: "ahead", reason: "unverifiable" };
  const reason = locate(since, { top: here, lineage: epochs.lineage });
  // Another worker may have heard of a new epoch first.
  if (reason === "epoch" && epochs.mayComeToKnow(since.epoch)) return { kind: "ahead", reason };
  // Or of more publications, in this epoch or in one that the log shares so far.
  const known = reason === "epoch" ? (epochs.sharedWith(since.epoch) ?? 0) : since.offset;
  if (known > here.offset) return { kind: "ahead", reason: reason ?? "unverifiable" };
  if (heard.epoch !== here.epoch && heard.epoch !== epochs.previous) return { kind: "torn" };
  // A client that was served faster elsewhere may be ahead of the listeners here.
  const position = { offset: Math.max(heard.offset, known), epoch: here.epoch };
  if (reason !== undefined) return { kind: "lost", position, reason };
  if (known > heard.offset) return { kind: "amid", position };
  if (position.offset === since.offset) return { kind: "recovered", position, entries: [] };
  if (here.offset - since.offset > log.limits.maxEntries || since.offset < recent.beyond)
    return { kind: "lost", position, reason: "too_many" };
  const entries = recent.between(since.offset, position.offset);
  if (entries !== undefined) return { kind: "recovered", position, entries };
  if (since.offset + 1 < oldest) return { kind: "lost", position, reason: "expired" };
  return { kind: "earlier", from: since.offset + 1 };
}
