/**
 * A roster: members in slots of a dense array. What core uses instead of a Set wherever there may be a million.
 *
 * A member costs one array slot and keeps its slot number itself. Leaving is O(1) and moves nobody, so a walk in
 * slices may be interleaved with joins and leaves: it sees every member that stays and none that joined after it began.
 * Invariant: `members[m.slot] === m` for each member; freed slots are reused only while nobody walks.
 */

export interface Member {
  /** Written by the roster alone; -1 outside. */
  slot: number;
}

export class Roster<M extends Member> {
  readonly #members: (M | undefined)[] = [];
  readonly #free: number[] = [];
  #walks = 0;

  /** How many members there are. */
  get size(): number {
    return this.#members.length - this.#free.length;
  }

  /** One past the highest slot in use since the roster was last empty. */
  get end(): number {
    return this.#members.length;
  }

  at(slot: number): M | undefined {
    return this.#members[slot];
  }

  add(member: M): void {
    const slot = this.#walks === 0 ? this.#free.pop() : undefined;
    member.slot = slot ?? this.#members.length;
    this.#members[member.slot] = member;
  }

  remove(member: M): void {
    const { slot } = member;
    if (this.#members[slot] !== member) return;
    this.#members[slot] = undefined;
    this.#free.push(slot);
    member.slot = -1;
    if (this.#free.length === this.#members.length && this.#walks === 0) this.#clear();
  }

  /** Every member now. For work that is done in one go. */
  *[Symbol.iterator](): IterableIterator<M> {
    for (let slot = 0, end = this.#members.length; slot < end; slot++) {
      const member = this.#members[slot];
      if (member !== undefined) yield member;
    }
  }

  /** Begins a walk over slots 0 to the returned end, exclusive. Pair with `endWalk`. */
  beginWalk(): number {
    this.#walks++;
    return this.#members.length;
  }

  endWalk(): void {
    this.#walks--;
    if (this.#walks === 0 && this.size === 0) this.#clear();
  }

  #clear(): void {
    this.#members.length = 0;
    this.#free.length = 0;
  }
}
