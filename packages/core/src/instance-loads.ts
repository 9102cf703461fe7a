/**
 * The seam by which instances know each other's load: each says what it carries, and hears what all say.
 *
 * An implementer owes: what was said is heard by every instance that asks afterwards, until it was withdrawn
 * or a lease has passed since; ages are by one clock that all instances share, never by their own. What is
 * heard may be anything: a caller checks it.
 */

/** What an instance said last. */
export interface SaidLoad {
  readonly instance: string;
  readonly text: string;
  /** Since it was said, ms. */
  readonly ageMs: number;
}

export interface InstanceLoads {
  /**
   * Says `text` for `instance`, in the place of what it said before, and brings what all say, its own
   * included. Rejects with `BrokerUnavailable`, also where too many instances say something.
   */
  exchange(instance: string, text: string): Promise<readonly SaidLoad[]>;
  /** Takes back what the instance has said. Never rejects. */
  withdraw(instance: string): Promise<void>;
}
