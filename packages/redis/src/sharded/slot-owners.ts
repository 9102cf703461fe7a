/**
 * Slot owners: which master of a Redis Cluster has a slot, as far as is known here.
 *
 * Known are the slots as a member listed them last, and what servers have said since by MOVED. Members learn
 * of a move one after the other, so a list may be older than such an answer. Invariant: `changed` names every
 * slot whose owner is another than at the last call.
 */

/** What is used of ioredis's `Cluster`. */
export interface SlotTable {
  /** By slot: its master's host and port, then those of its replicas. */
  readonly slots: readonly (readonly string[] | undefined)[];
}

const SLOTS = 16_384;
const MOVED = /^MOVED (\d{1,5}) (\S+:\d+)/;

export class SlotOwners {
  readonly #table: SlotTable;
  readonly #seen: (string | undefined)[] = [];
  /** By slot: what MOVED has said since the last list. */
  readonly #moved = new Map<number, string>();

  constructor(table: SlotTable) {
    this.#table = table;
    this.changed();
  }

  /** Host and port; undefined where it is not known. */
  of(slot: number): string | undefined {
    return this.#moved.get(slot) ?? this.#table.slots[slot]?.[0];
  }

  /** Takes note of an answer. False where it is another than MOVED to a named server. */
  learn({ message }: Error): boolean {
    const [matched, slot, address] = MOVED.exec(message) ?? [];
    if (matched === undefined || address === undefined || Number(slot) >= SLOTS) return false;
    this.#moved.set(Number(slot), address);
    return true;
  }

  /** A list has come: the slots that have another owner now. */
  changed(): ReadonlySet<number> {
    this.#moved.clear();
    const changed = new Set<number>();
    for (let slot = 0; slot < SLOTS; slot++) {
      const owner = this.#table.slots[slot]?.[0];
      if (this.#seen[slot] === owner) continue;
      this.#seen[slot] = owner;
      changed.add(slot);
    }
    return changed;
  }

  /** Whether it is the master of any slot. */
  hasMaster(address: string): boolean {
    return this.#seen.includes(address);
  }
}
