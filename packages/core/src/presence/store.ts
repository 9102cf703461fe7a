/**
 * The presence store seam: who is in which channel, in all of the cluster.
 *
 * A member is a session in a channel. Each belongs to the lease of the worker that it is connected to; a
 * worker renews its one lease, however many members that has, and the members of a lease that is not renewed
 * are taken out by the worker that finds out.
 *
 * An implementer owes:
 * - `change` is one atomic step in which the members change, are numbered and told: each change that happened
 *   raises `sequence` by one, each that clients are told of (`PresenceRule.joinLeave`) raises `version` by
 *   one, and what happened is published on the channel's presence topic as `PresenceNews` text, in order and
 *   through the same broker that the worker listens to. Numbers have no gaps; those of a channel that was
 *   empty begin anew, above all that it ever had;
 * - a change under a lease that is over by the store's own clock (`Lease.until`), or that was ended, is
 *   refused as `lapsed`, so that one that comes late makes no ghost;
 * - a session that two workers `put` belongs to the one with the higher count; with equal counts, which only
 *   two resumes by one token have, to both: it stays until each has `drop`ped it or its lease has ended. What
 *   the lower one says does nothing;
 * - `renew` gives each lapsed lease to one caller at a time, who is to `end` it; if that fails it is given
 *   out again;
 * - `end` takes out the lease's members in steps of bounded length, once each, also while other workers do
 *   the same;
 * - a call that cannot be carried out rejects with `BrokerUnavailable`, as those of the broker do.
 *
 * Arguments and results survive JSON. The contract suite is `presenceContract` in `@holdfast/core/testing`.
 */

import type { JoinLeaveMode, PresenceCounts } from "@holdfast/protocol";
import type { PresenceRule } from "../namespace.js";

export const JOIN_LEAVE_MODES = Object.freeze([
  "off",
  "user",
  "session",
] as const satisfies readonly JoinLeaveMode[]);

export interface StoredMember {
  /** Names the session, also when it goes on elsewhere. No secret. No control characters. */
  readonly session: string;
  /** Undefined: anonymous, and a user of its own. */
  readonly user?: string | undefined;
  /** What clients are shown, as one line of JSON with `session` and whatever else there is. */
  readonly text: string;
  /** The session count (ADR 32). Left out: 0. */
  readonly count?: number | undefined;
}

/** The lease of one worker at one time. */
export interface Lease {
  /** Two parts with a dot between: the worker, the same for all its leases; and which of its leases. */
  readonly id: string;
  /** When it ends, ms of the clock that the store measures leases by. Means nothing to others. */
  readonly until: number;
}

export type PresenceChange =
  /** The session is here, unless another worker has it with a higher count. */
  | { readonly kind: "put"; readonly member: StoredMember }
  | { readonly kind: "drop"; readonly session: string };

/** The first member came, or the last one went: what backends are told, unless the store has done so. */
export interface Transition {
  readonly occupied: boolean;
  readonly version: number;
}

export type ChangeOutcome =
  | { readonly kind: "changed"; readonly transitions: readonly Transition[] }
  | { readonly kind: "lapsed" };

/** Facts of one moment. */
export interface MembersPage extends PresenceCounts {
  readonly sequence: number;
  /** Texts of members. Who is there from the first page to the last is in one of them. */
  readonly members: readonly string[];
  /** Where the next page begins, up to `MAX_CURSOR_LENGTH` characters; undefined at the end. */
  readonly next?: string;
}

/** `1` came, `0` went; whether clients are told; the member's text as a value. */
export type PresenceStep = readonly [came: 0 | 1, told: 0 | 1, member: Readonly<Record<string, unknown>>];

/** What is published on a presence topic, as JSON. The numbers are those after the last step. */
export interface PresenceNews extends PresenceCounts {
  readonly sequence: number;
  /** One for each number of the sequence; left out where there are too many members to say who. */
  readonly steps?: readonly PresenceStep[];
}

/** A step as a worker has read it, with the member's text to the letter. */
export type HeardStep = readonly [
  came: 0 | 1,
  told: 0 | 1,
  member: { readonly session: string; readonly text: string },
];

export interface HeardNews extends Omit<PresenceNews, "steps"> {
  readonly steps?: readonly HeardStep[];
}

export interface LeaseState {
  /** False: it was over already, and its members are being taken out or gone. Begin another. */
  readonly held: boolean;
  /** When it ends now, by the store's clock, ms. */
  readonly until: number;
  /** Leases of workers that are gone: to be ended by the caller. A few. */
  readonly lapsed: readonly string[];
  /** When the next lease of another would lapse, ms from now; undefined when there is none. */
  readonly nextMs?: number | undefined;
}

export interface PresenceStore {
  /** Begins a lease (`begin`), or prolongs it to `forMs` from now, if it is held. */
  renew(id: string, forMs: number, begin: boolean): Promise<LeaseState>;
  /** At most `MAX_CHANGES` at once, in order. One call for a channel and worker at a time. */
  change(
    channel: string,
    lease: Lease,
    changes: readonly PresenceChange[],
    rule: PresenceRule,
  ): Promise<ChangeOutcome>;
  /**
   * At most `limit` members and `MAX_PRESENCE_PAGE_BYTES`, from `cursor` on, the `next` of a page or any
   * other text; 0 asks for the numbers alone.
   */
  read(channel: string, limit: number, cursor?: string): Promise<MembersPage>;
  /** Ends a lease: its members leave, but for those that went on under another. */
  end(id: string): Promise<void>;
}

/** Changes of one call: keeps a step in the store short. */
export const MAX_CHANGES = 64;

/**
 * Bytes of members in one page, as UTF-8; one comes in any case. A page may have fewer than `limit` for that.
 */
export const MAX_PRESENCE_PAGE_BYTES = 1024 * 1024;

/** Characters of the steps in one piece of news; beyond it there are several pieces. */
export const MAX_NEWS_CHARS = 32 * 1024;
