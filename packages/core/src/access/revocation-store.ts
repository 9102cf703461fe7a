/**
 * The revocation seam: what must be refused although its signature is right, kept for the whole cluster.
 *
 * An implementer owes:
 * - `add` keeps and tells in one step: every listener of the topic `control` hears a `revoke` order for each
 *   revocation that changed something, and no other; one that is kept already for as long changes nothing;
 * - a kept revocation is never weakened: the later `at` and the later `until` win;
 * - one whose `until` has passed is not listed and takes no room;
 * - at most `maxRevocations` are kept: beyond that `add` rejects with `RevocationsFull` and keeps none of its
 *   own;
 * - the `version` of a list differs from any earlier one as soon as something was added, or was lost;
 * - `spend` answers true for one caller alone in the cluster for `forMs`, by the store's own clock, however
 *   often it is asked;
 * - nothing waits for ever: what cannot be carried out rejects with `BrokerUnavailable`.
 *
 * The contract suite is `revocationContract` in `@holdfast/core/testing`.
 */

/**
 * All of a user's tokens of before a moment, one token by its id (`jti`), or one session by the key in its
 * id.
 */
export type Subject = `user:${string}` | `token:${string}` | `session:${string}`;

export interface Revocation {
  readonly subject: Subject;
  /** When, ms since 1970: of a user, what was issued then or before is refused. */
  readonly at: number;
  /** Until when it is refused, ms since 1970. */
  readonly until: number;
}

/** Revocations in one call of `add`, and in one page. */
export const MAX_REVOCATIONS_PER_CALL = 1000;

export interface RevocationPage {
  /** What this list is called. */
  readonly version: string;
  /** Empty when the version is the one that the caller knows, and beyond the end. */
  readonly revocations: readonly Revocation[];
}

export interface RevocationStore {
  /** At most `MAX_REVOCATIONS_PER_CALL`. */
  add(revocations: readonly Revocation[]): Promise<void>;
  /**
   * From `from` on, at most `MAX_REVOCATIONS_PER_CALL`, in an order in which what is added meanwhile cannot
   * hide what was there. With `known` being the list's version: nothing but the version.
   */
  list(from: number, known?: string): Promise<RevocationPage>;
  /** Uses up what may be used once, such as a ticket. False when it was used less than `forMs` ago. */
  spend(id: string, forMs: number): Promise<boolean>;
}

/** As many are kept as may be. */
export class RevocationsFull extends Error {
  override readonly name = "RevocationsFull";
  readonly code = "ERR_REVOCATIONS_FULL";

  constructor(maxRevocations: number) {
    super(
      `${maxRevocations} revocations are kept, which is the setting maxRevocations: raise it, or revoke for a shorter time`,
    );
  }
}
