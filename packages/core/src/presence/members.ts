/**
 * This worker's members: whom it has in which channel, and that the store knows.
 *
 *     a channel:  told ──join, leave──► due ──next turn──► telling ──► told
 *     (a failure: due again, with the next tick)
 *
 * What happens in one turn of the event loop, or while the store is told, is told at once, in order, the last
 * word for each session. Invariants: one call at a time for a channel, `MAX_TELLING` for all; a channel is
 * here exactly while it has a member or something due; of two connections of one session the one with the
 * higher count decides when it leaves, and with equal counts both: two resumes by one token do not say which
 * is newer.
 */

import { BrokerUnavailable } from "../broker/broker.js";
import type { PresenceRule } from "../namespace.js";
import type { Clock } from "../runtime/clock.js";
import type { Logger } from "../runtime/logger.js";
import {
  type Lease,
  MAX_CHANGES,
  type PresenceChange,
  type PresenceStore,
  type StoredMember,
  type Transition,
} from "./store.js";

/** The holder of a member: a connection. */
export type Holder = object;

export interface MembersParts {
  readonly store: PresenceStore;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The lease of the moment; without one everything waits for `again`. */
  readonly lease: () => Lease | undefined;
  readonly lapsed: (lease: string) => void;
  /** Everything due has been told. */
  readonly settled: () => void;
  /** The store's first or last member of a channel came or went, by what this worker told. */
  readonly transitions: (channel: string, transitions: readonly Transition[]) => void;
}

interface Present {
  readonly member: StoredMember;
  holder: Holder;
  /** Further connections of the session with the same count. */
  others: readonly Holder[] | undefined;
}

interface Room {
  readonly channel: string;
  readonly rule: PresenceRule;
  readonly members: Map<string, Present>;
  /** By session, in the order in which they have to be told. */
  readonly due: Map<string, PresenceChange>;
  state: "told" | "due" | "telling";
}

/** Channels about which the store is told at once. */
const MAX_TELLING = 64;

export class PresenceMembers {
  readonly #parts: MembersParts;
  readonly #rooms = new Map<string, Room>();
  /** Rooms whose turn comes. */
  readonly #queue = new Set<Room>();
  /** Rooms about which the store could not be told. */
  readonly #overdue = new Set<Room>();
  #telling = 0;
  #members = 0;
  #state: "idle" | "scheduled" | "closed" = "idle";

  constructor(parts: MembersParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#members;
  }

  get channels(): number {
    return this.#rooms.size;
  }

  join(channel: string, rule: PresenceRule, member: StoredMember, holder: Holder): void {
    const room = this.#rooms.get(channel) ?? this.#open(channel, rule);
    const { session, count = 0 } = member;
    const known = room.members.get(session);
    if (known === undefined) this.#members++;
    const before = known?.member.count ?? 0;
    if (known !== undefined && count < before) return;
    const others = known !== undefined && count === before ? holdersBut(known, holder) : undefined;
    room.members.set(session, { member, holder, others: others?.length === 0 ? undefined : others });
    this.#due(room, session, { kind: "put", member });
  }

  /** The member leaves if no other connection holds it. */
  leave(channel: string, session: string, holder: Holder): void {
    const room = this.#rooms.get(channel);
    const known = room?.members.get(session);
    if (room === undefined || known === undefined || !holds(known, holder)) return;
    const [next, ...others] = holdersBut(known, holder);
    if (next !== undefined) {
      known.holder = next;
      known.others = others.length === 0 ? undefined : others;
      return;
    }
    room.members.delete(session);
    this.#members--;
    this.#due(room, session, { kind: "drop", session });
  }

  /** Another holds the member from now on. False when this is not who holds it. */
  pass(channel: string, session: string, holder: Holder, next: Holder): boolean {
    const known = this.#rooms.get(channel)?.members.get(session);
    if (known === undefined || !holds(known, holder)) return false;
    if (known.holder === holder) known.holder = next;
    else known.others = [...holdersBut(known, holder).slice(1), next];
    return true;
  }

  /** The store told that the session has left: it is put again where it is still here. */
  left(channel: string, session: string): void {
    const room = this.#rooms.get(channel);
    const known = room?.members.get(session);
    if (room === undefined || known === undefined || room.due.has(session)) return;
    this.#due(room, session, { kind: "put", member: known.member });
  }

  /** Says all members again, under another lease. */
  again(): void {
    this.#overdue.clear();
    for (const room of this.#rooms.values()) {
      for (const [session, { member }] of room.members) {
        if (!room.due.has(session)) room.due.set(session, { kind: "put", member });
      }
      this.#enqueue(room);
    }
    // Also where there is no member: then the earlier leases are over at once.
    this.#schedule();
  }

  /** Tries again what has failed. */
  turn(): void {
    if (this.#overdue.size === 0) return;
    const overdue = [...this.#overdue];
    this.#overdue.clear();
    for (const room of overdue) this.#enqueue(room);
    this.#schedule();
  }

  close(): void {
    this.#state = "closed";
    this.#queue.clear();
  }

  #open(channel: string, rule: PresenceRule): Room {
    const room: Room = { channel, rule, members: new Map(), due: new Map(), state: "told" };
    this.#rooms.set(channel, room);
    return room;
  }

  #due(room: Room, session: string, change: PresenceChange): void {
    // Anew at the end: the last word counts, in its place among the others.
    room.due.delete(session);
    room.due.set(session, change);
    this.#enqueue(room);
    this.#schedule();
  }

  #enqueue(room: Room): void {
    if (room.state !== "told" || room.due.size === 0) return;
    room.state = "due";
    this.#queue.add(room);
  }

  #schedule(): void {
    if (this.#state !== "idle") return;
    this.#state = "scheduled";
    this.#parts.clock.defer(() => {
      if (this.#state === "closed") return;
      this.#state = "idle";
      this.#pump();
    });
  }

  #pump(): void {
    const lease = this.#parts.lease();
    if (lease === undefined || this.#state === "closed") return;
    for (const room of this.#queue) {
      if (this.#telling === MAX_TELLING) return;
      this.#queue.delete(room);
      room.state = "telling";
      this.#telling++;
      this.#tell(room, lease).then(() => {
        this.#telling--;
        this.#told(room);
        this.#pump();
      });
    }
    if (this.#telling === 0 && this.#overdue.size === 0) this.#parts.settled();
  }

  #told(room: Room): void {
    room.state = "told";
    if (room.due.size === 0) {
      if (room.members.size === 0) this.#rooms.delete(room.channel);
    } else if (!this.#overdue.has(room)) this.#enqueue(room);
  }

  /** Never rejects. */
  async #tell(room: Room, lease: Lease): Promise<void> {
    const { store, transitions, lapsed, logger } = this.#parts;
    const batch: PresenceChange[] = [];
    for (const [session, change] of room.due) {
      if (batch.length === MAX_CHANGES) break;
      room.due.delete(session);
      batch.push(change);
    }
    try {
      const outcome = await store.change(room.channel, lease, batch, room.rule);
      if (outcome.kind === "changed") {
        if (outcome.transitions.length > 0) transitions(room.channel, outcome.transitions);
        return;
      }
      this.#putBack(room, batch);
      lapsed(lease.id);
    } catch (error) {
      this.#putBack(room, batch);
      if (!(error instanceof BrokerUnavailable))
        logger.error({ channel: room.channel, err: error }, "could not tell who is in a channel");
    }
  }

  /** Not told, or not known to be; what was said about a session since then counts more. */
  #putBack(room: Room, batch: readonly PresenceChange[]): void {
    const later = [...room.due];
    room.due.clear();
    for (const change of batch) {
      room.due.set(change.kind === "drop" ? change.session : change.member.session, change);
    }
    for (const [session, change] of later) {
      room.due.delete(session);
      room.due.set(session, change);
    }
    this.#overdue.add(room);
  }
}

function holds({ holder, others }: Present, one: Holder): boolean {
  return holder === one || others?.includes(one) === true;
}

function holdersBut({ holder, others = [] }: Present, one: Holder): readonly Holder[] {
  return [holder, ...others].filter((each) => each !== one);
}
