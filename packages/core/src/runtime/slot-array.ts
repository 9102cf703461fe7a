/**
 * A slot array: members in slots of a dense array. What core uses instead of a Set wherever there may be a
 * million.
 *
 * A member costs one array slot and keeps its slot number itself. Leaving is O(1) and moves no member, so a
 * walk in slices may be interleaved with joins and leaves: it sees every member that stays and none that
 * joined after it began. A member that joins during a walk stands behind its end, and moves into a freed slot
 * when the walk is over: however busy the walkers, the array is no longer than the most members there ever
 * were at once, plus those that joined in one walk. Invariants: `members[m.slot] === m` for each member;
 * while a walk is under way, no slot before the walk's end is taken.
 */

export interface Slotted {
  /** Written by the slot array alone; -1 outside. */
  slot: number;
}

export class SlotArray<M extends Slotted> {
  #members: (M | undefined)[] = [];
  /** Made when it is needed: most topics of a single listener never free a slot. */
  #free: number[] | undefined;
  #size = 0;
  #walks = 0;
  /** Where the oldest walk under way ends: slots from here on were taken during it, and are not in `free`. */
  #walkEnd = 0;

  /** How many members there are. */
  get size(): number {
    return this.#size;
  }

  /** One past the highest slot in use since the slot array was last empty. */
  get end(): number {
    return this.#members.length;
  }

  at(slot: number): M | undefined {
    return this.#members[slot];
  }

  add(member: M): void {
    const slot = this.#walks === 0 ? this.#free?.pop() : undefined;
    member.slot = slot ?? this.#members.length;
    // An array that grows by one has room for seventeen; a topic of one listener, as a user's is, needs one.
    if (this.#members.length === 0) this.#members = [member];
    else this.#members[member.slot] = member;
    this.#size++;
  }

  remove(member: M): void {
    const { slot } = member;
    if (this.#members[slot] !== member) return;
    this.#members[slot] = undefined;
    if (this.#walks === 0 || slot < this.#walkEnd) {
      this.#free ??= [];
      this.#free.push(slot);
    }
    member.slot = -1;
    this.#size--;
    if (this.#size === 0 && this.#walks === 0) this.#clear();
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
    if (this.#walks++ === 0) this.#walkEnd = this.#members.length;
    return this.#members.length;
  }

  endWalk(): void {
    this.#walks--;
    if (this.#walks > 0) return;
    if (this.#size === 0) this.#clear();
    else this.#seatLatecomers();
  }

  /** Moves members that joined during the walk into freed slots, and closes the gaps between the others. */
  #seatLatecomers(): void {
    let end = this.#walkEnd;
    for (let slot = end; slot < this.#members.length; slot++) {
      const member = this.#members[slot];
      if (member === undefined) continue;
      member.slot = this.#free?.pop() ?? end++;
      this.#members[member.slot] = member;
    }
    this.#members.length = end;
  }

  #clear(): void {
    this.#members = [];
    this.#free = undefined;
  }
}
