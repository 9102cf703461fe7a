/**
 * Signature checks of a worker: few at once, few of one connection, and those that wait take turns by
 * connection.
 *
 * A check costs far more than the command that brings it, and the threads that carry it out are shared by
 * all. Invariants: at most `running` are under way; at most `runningOfOne` of one owner; an owner with many
 * that wait lets each other owner go first.
 */

export interface CheckLimits {
  readonly running: number;
  readonly runningOfOne: number;
  /** That may wait; further ones are turned away. */
  readonly waiting: number;
}

const LIMITS: CheckLimits = Object.freeze({ running: 16, runningOfOne: 4, waiting: 8_192 });

interface Owner {
  running: number;
  readonly waiting: (() => void)[];
}

export class SignatureChecks {
  readonly #limits: CheckLimits;
  /** Those with a check, in the order of their turns. */
  readonly #owners = new Map<object, Owner>();
  #running = 0;
  #waiting = 0;

  constructor(limits = LIMITS) {
    this.#limits = limits;
  }

  /** Resolves with true when the check may begin: `leave` follows. With false when too many wait. */
  enter(of: object): Promise<boolean> {
    const owner = this.#ownerOf(of);
    if (this.#mayRun(owner)) {
      this.#begin(of, owner);
      return Promise.resolve(true);
    }
    if (this.#waiting >= this.#limits.waiting) return Promise.resolve(false);
    this.#waiting++;
    return new Promise((resolve) => owner.waiting.push(() => resolve(true)));
  }

  /** A check has ended. */
  leave(of: object): void {
    const owner = this.#ownerOf(of);
    owner.running--;
    this.#running--;
    this.#owners.delete(of);
    // Behind those that have waited.
    if (owner.running > 0 || owner.waiting.length > 0) this.#owners.set(of, owner);
    this.#proceed();
  }

  #proceed(): void {
    for (const [of, owner] of this.#owners) {
      if (this.#running >= this.#limits.running) return;
      if (owner.waiting.length === 0 || !this.#mayRun(owner)) continue;
      const begin = owner.waiting.shift();
      this.#waiting--;
      this.#begin(of, owner);
      begin?.();
      return;
    }
  }

  #mayRun(owner: Owner): boolean {
    return this.#running < this.#limits.running && owner.running < this.#limits.runningOfOne;
  }

  #begin(of: object, owner: Owner): void {
    owner.running++;
    this.#running++;
    this.#owners.delete(of);
    this.#owners.set(of, owner);
  }

  #ownerOf(of: object): Owner {
    let owner = this.#owners.get(of);
    if (owner === undefined) {
      owner = { running: 0, waiting: [] };
      this.#owners.set(of, owner);
    }
    return owner;
  }
}
