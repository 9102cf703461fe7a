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

interface ChannelMembers {
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
  readonly #byChannel = new Map<string, ChannelMembers>();
  /** Channels whose turn comes. */
  readonly #queue = new Set<ChannelMembers>();
  /** Channels about which the store could not be told. */
  readonly #overdue = new Set<ChannelMembers>();
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
    return this.#byChannel.size;
  }

  join(channel: string, rule: PresenceRule, member: StoredMember, holder: Holder): void {
    const channelMembers = this.#byChannel.get(channel) ?? this.#open(channel, rule);
    const { session, count = 0 } = member;
    const known = channelMembers.members.get(session);
    if (known === undefined) this.#members++;
    const before = known?.member.count ?? 0;
    if (known !== undefined && count < before) return;
    const others = known !== undefined && count === before ? holdersBut(known, holder) : undefined;
    channelMembers.members.set(session, {
      member,
      holder,
      others: others?.length === 0 ? undefined : others,
    });
    this.#due(channelMembers, session, { kind: "put", member });
  }

  /** The member leaves if no other connection holds it. */
  leave(channel: string, session: string, holder: Holder): void {
    const channelMembers = this.#byChannel.get(channel);
    const known = channelMembers?.members.get(session);
    if (channelMembers === undefined || known === undefined || !holds(known, holder)) return;
    const [next, ...others] = holdersBut(known, holder);
    if (next !== undefined) {
      known.holder = next;
      known.others = others.length === 0 ? undefined : others;
      return;
    }
    channelMembers.members.delete(session);
    this.#members--;
    this.#due(channelMembers, session, { kind: "drop", session });
  }

  /** Another holds the member from now on. False when this is not who holds it. */
  transfer(channel: string, session: string, holder: Holder, next: Holder): boolean {
    const known = this.#byChannel.get(channel)?.members.get(session);
    if (known === undefined || !holds(known, holder)) return false;
    if (known.holder === holder) known.holder = next;
    else known.others = [...holdersBut(known, holder).slice(1), next];
    return true;
  }

  /** The store told that the session has left: it is put again where it is still here. */
  left(channel: string, session: string): void {
    const channelMembers = this.#byChannel.get(channel);
    const known = channelMembers?.members.get(session);
    if (channelMembers === undefined || known === undefined || channelMembers.due.has(session)) return;
    this.#due(channelMembers, session, { kind: "put", member: known.member });
  }

  /** Says all members again, under another lease. */
  again(): void {
    this.#overdue.clear();
    for (const channelMembers of this.#byChannel.values()) {
      for (const [session, { member }] of channelMembers.members) {
        if (!channelMembers.due.has(session)) channelMembers.due.set(session, { kind: "put", member });
      }
      this.#enqueue(channelMembers);
    }
    // Also where there is no member: then the earlier leases are over at once.
    this.#schedule();
  }

  /** Tries again what has failed. */
  turn(): void {
    if (this.#overdue.size === 0) return;
    const overdue = [...this.#overdue];
    this.#overdue.clear();
    for (const channelMembers of overdue) this.#enqueue(channelMembers);
    this.#schedule();
  }

  close(): void {
    this.#state = "closed";
    this.#queue.clear();
  }

  #open(channel: string, rule: PresenceRule): ChannelMembers {
    const channelMembers: ChannelMembers = {
      channel,
      rule,
      members: new Map(),
      due: new Map(),
      state: "told",
    };
    this.#byChannel.set(channel, channelMembers);
    return channelMembers;
  }

  #due(channelMembers: ChannelMembers, session: string, change: PresenceChange): void {
    // Anew at the end: the last word counts, in its place among the others.
    channelMembers.due.delete(session);
    channelMembers.due.set(session, change);
    this.#enqueue(channelMembers);
    this.#schedule();
  }

  #enqueue(channelMembers: ChannelMembers): void {
    if (channelMembers.state !== "told" || channelMembers.due.size === 0) return;
    channelMembers.state = "due";
    this.#queue.add(channelMembers);
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
    for (const channelMembers of this.#queue) {
      if (this.#telling === MAX_TELLING) return;
      this.#queue.delete(channelMembers);
      channelMembers.state = "telling";
      this.#telling++;
      this.#tell(channelMembers, lease).then(() => {
        this.#telling--;
        this.#told(channelMembers);
        this.#pump();
      });
    }
    if (this.#telling === 0 && this.#overdue.size === 0) this.#parts.settled();
  }

  #told(channelMembers: ChannelMembers): void {
    channelMembers.state = "told";
    if (channelMembers.due.size === 0) {
      if (channelMembers.members.size === 0) this.#byChannel.delete(channelMembers.channel);
    } else if (!this.#overdue.has(channelMembers)) this.#enqueue(channelMembers);
  }

  /** Never rejects. */
  async #tell(channelMembers: ChannelMembers, lease: Lease): Promise<void> {
    const { store, transitions, lapsed, logger } = this.#parts;
    const batch: PresenceChange[] = [];
    for (const [session, change] of channelMembers.due) {
      if (batch.length === MAX_CHANGES) break;
      channelMembers.due.delete(session);
      batch.push(change);
    }
    try {
      const outcome = await store.change(channelMembers.channel, lease, batch, channelMembers.rule);
      if (outcome.kind === "changed") {
        if (outcome.transitions.length > 0) transitions(channelMembers.channel, outcome.transitions);
        return;
      }
      this.#putBack(channelMembers, batch);
      lapsed(lease.id);
    } catch (error) {
      this.#putBack(channelMembers, batch);
      if (!(error instanceof BrokerUnavailable))
        logger.error({ channel: channelMembers.channel, err: error }, "could not tell who is in a channel");
    }
  }

  /** Not told, or not known to be; what was said about a session since then counts more. */
  #putBack(channelMembers: ChannelMembers, batch: readonly PresenceChange[]): void {
    const later = [...channelMembers.due];
    channelMembers.due.clear();
    for (const change of batch) {
      channelMembers.due.set(change.kind === "drop" ? change.session : change.member.session, change);
    }
    for (const [session, change] of later) {
      channelMembers.due.delete(session);
      channelMembers.due.set(session, change);
    }
    this.#overdue.add(channelMembers);
  }
}

function holds({ holder, others }: Present, one: Holder): boolean {
  return holder === one || others?.includes(one) === true;
}

function holdersBut({ holder, others = [] }: Present, one: Holder): readonly Holder[] {
  return [holder, ...others].filter((each) => each !== one);
}
