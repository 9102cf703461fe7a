/**
 * The presence store in memory: for the embedded broker, where the primary serves it to its workers, and for
 * tests.
 *
 * Invariants: a channel is in the map exactly while it has members; the members of a lease are found in its
 * channels; leases run on the monotonic clock, so that a wall clock that is set ends none of them.
 */

import type { MemoryBus } from "../broker/broker-memory.js";
import { presenceTopic } from "../broker/topic.js";
import type { PresenceRule } from "../namespace.js";
import { type Clock, systemClock } from "../runtime/clock.js";
import {
  type ChangeOutcome,
  type Lease,
  type LeaseState,
  MAX_NEWS_CHARS,
  MAX_PRESENCE_PAGE_BYTES,
  type MembersPage,
  type PresenceChange,
  type PresenceStore,
  type StoredMember,
  type Transition,
} from "./store.js";

interface Entry extends StoredMember {
  readonly lease: string;
  readonly count: number;
  /** Leases of other workers that have the session with the same count; the first is next. */
  readonly claims: readonly string[];
  /** Grows with each that is added: where a page ends. */
  readonly order: number;
}

interface Channel {
  readonly name: string;
  readonly members: Map<string, Entry>;
  /** Sessions of each user. */
  readonly users: Map<string, number>;
  anonymous: number;
  sequence: number;
  version: number;
  rule: PresenceRule;
  /** What has yet to be published, each a `PresenceStep` as text, and their characters. */
  steps: string[];
  chars: number;
}

interface HeldLease {
  /** Monotonic ms. */
  until: number;
  readonly channels: Set<string>;
  /** Given to a worker to be ended. */
  ending: boolean;
}

const NO_CLAIMS: readonly string[] = Object.freeze([]);

/** How long who was given a lapsed lease has to end it, ms; then it is given to another. */
const ENDING_MS = 10_000;

export class MemoryPresence implements PresenceStore {
  readonly #bus: Pick<MemoryBus, "publish">;
  readonly #clock: Pick<Clock, "now" | "monotonic">;
  readonly #endingMs: number;
  readonly #channels = new Map<string, Channel>();
  readonly #leases = new Map<string, HeldLease>();
  /** The highest number that any channel has had: a new life begins above it. */
  #highest: number;
  #lastOrder = 0;

  constructor(
    bus: Pick<MemoryBus, "publish">,
    clock: Pick<Clock, "now" | "monotonic"> = systemClock,
    endingMs = ENDING_MS,
  ) {
    this.#bus = bus;
    this.#endingMs = endingMs;
    this.#clock = clock;
    this.#highest = clock.now() * 1000;
  }

  /** Channels that have members. */
  get channels(): number {
    return this.#channels.size;
  }

  async renew(id: string, forMs: number, begin: boolean): Promise<LeaseState> {
    const now = this.#clock.monotonic();
    const known = this.#leases.get(id);
    const held = known === undefined ? begin : !known.ending;
    const until = now + forMs;
    if (known !== undefined && held) known.until = until;
    else if (held) this.#leases.set(id, { until, channels: new Set(), ending: false });
    const lapsed: string[] = [];
    let next: number | undefined;
    for (const [other, lease] of this.#leases) {
      if (other === id) continue;
      if (lease.until < now) {
        lease.ending = true;
        lease.until = now + this.#endingMs;
        lapsed.push(other);
      } else if (next === undefined || lease.until < next) next = lease.until;
    }
    return { held, until, lapsed, nextMs: next === undefined ? undefined : next - now + 1 };
  }

  async change(
    channel: string,
    { id, until }: Lease,
    changes: readonly PresenceChange[],
    rule: PresenceRule,
  ): Promise<ChangeOutcome> {
    const lease = this.#leases.get(id);
    if (lease === undefined || lease.ending || until < this.#clock.monotonic()) return { kind: "lapsed" };
    const state = this.#channels.get(channel) ?? this.#begin(channel, rule);
    state.rule = rule;
    const transitions: Transition[] = [];
    for (const change of changes) {
      const occupied = state.members.size > 0;
      if (change.kind === "drop") this.#drop(state, change.session, id);
      else this.#put(state, change.member, id);
      if (state.members.size > 0 !== occupied)
        transitions.push({ occupied: !occupied, version: state.version });
    }
    this.#settle(state);
    if (this.#channels.has(channel)) lease.channels.add(channel);
    return { kind: "changed", transitions };
  }

  async read(channel: string, limit: number, cursor = "0"): Promise<MembersPage> {
    const state = this.#channels.get(channel);
    if (state === undefined) {
      return { sequence: this.#highest, version: this.#highest, users: 0, sessions: 0, members: [] };
    }
    const after = Number(cursor) || 0;
    const members: string[] = [];
    let last = after;
    let bytes = 0;
    let next: string | undefined;
    for (const { order, text } of state.members.values()) {
      if (order <= after) continue;
      bytes += limit === 0 ? 0 : Buffer.byteLength(text);
      if (members.length === limit || (members.length > 0 && bytes > MAX_PRESENCE_PAGE_BYTES)) {
        next = limit === 0 ? undefined : `${last}`;
        break;
      }
      members.push(text);
      last = order;
    }
    return {
      sequence: state.sequence,
      version: state.version,
      users: state.users.size + state.anonymous,
      sessions: state.members.size,
      members,
      ...(next !== undefined && { next }),
    };
  }

  async end(id: string): Promise<void> {
    const lease = this.#leases.get(id);
    if (lease === undefined) return;
    this.#leases.delete(id);
    for (const channel of lease.channels) {
      const state = this.#channels.get(channel);
      if (state === undefined) continue;
      for (const [session, { lease, claims }] of state.members) {
        if (lease === id || claims.includes(id)) this.#drop(state, session, id);
      }
      this.#settle(state);
    }
  }

  /** The lease is not renewed any more: it lapses after `graceMs` at the latest. */
  abandon(id: string, graceMs: number): void {
    const lease = this.#leases.get(id);
    if (lease !== undefined) lease.until = Math.min(lease.until, this.#clock.monotonic() + graceMs);
  }

  #begin(name: string, rule: PresenceRule): Channel {
    this.#highest = Math.max(this.#highest + 1, this.#clock.now() * 1000);
    const state: Channel = {
      name,
      members: new Map(),
      users: new Map(),
      anonymous: 0,
      sequence: this.#highest,
      version: this.#highest,
      rule,
      steps: [],
      chars: 0,
    };
    this.#channels.set(name, state);
    return state;
  }

  #put(state: Channel, { session, user, text, count = 0 }: StoredMember, lease: string): void {
    const known = state.members.get(session);
    let claims = NO_CLAIMS;
    if (known !== undefined) {
      const worker = workerOf(lease);
      if (count === known.count) claims = known.claims.filter((other) => workerOf(other) !== worker);
      if (workerOf(known.lease) !== worker && count <= known.count) {
        if (count === known.count) state.members.set(session, { ...known, claims: [...claims, lease] });
        return;
      }
      if (known.text === text) {
        state.members.set(session, { ...known, lease, count, claims });
        return;
      }
      this.#remove(state, session);
    }
    const order = ++this.#lastOrder;
    state.members.set(session, { session, user, text, lease, count, claims, order });
    const before = user === undefined ? 0 : (state.users.get(user) ?? 0);
    if (user === undefined) state.anonymous++;
    else state.users.set(user, before + 1);
    this.#note(state, 1, before === 0, text);
  }

  /** The worker of the lease has the session no more. It stays where another has it with the same count. */
  #drop(state: Channel, session: string, lease: string): void {
    const known = state.members.get(session);
    if (known === undefined) return;
    const worker = workerOf(lease);
    const claims = known.claims.filter((other) => workerOf(other) !== worker);
    if (workerOf(known.lease) !== worker) {
      state.members.set(session, { ...known, claims });
      return;
    }
    const [next, ...rest] = claims;
    if (next === undefined) this.#remove(state, session);
    else state.members.set(session, { ...known, lease: next, claims: rest });
  }

  #remove(state: Channel, session: string): void {
    const known = state.members.get(session);
    if (known === undefined) return;
    const { user, text } = known;
    state.members.delete(session);
    const left = user === undefined ? 0 : (state.users.get(user) ?? 1) - 1;
    if (user === undefined) state.anonymous--;
    else if (left === 0) state.users.delete(user);
    else state.users.set(user, left);
    this.#note(state, 0, left === 0, text);
  }

  /** `edge`: the user's first or last session. */
  #note(state: Channel, came: 0 | 1, edge: boolean, text: string): void {
    const told = edge || state.rule.joinLeave !== "user";
    state.sequence++;
    if (told) state.version++;
    state.steps.push(`[${came},${told ? 1 : 0},${text}]`);
    state.chars += text.length;
    if (state.chars > MAX_NEWS_CHARS) this.#publish(state);
  }

  /** Tells what happened, and forgets a channel that is empty. */
  #settle(state: Channel): void {
    this.#publish(state);
    if (state.members.size > 0) return;
    this.#channels.delete(state.name);
    this.#highest = Math.max(this.#highest, state.sequence);
  }

  #publish(state: Channel): void {
    if (state.steps.length === 0) return;
    const { name, sequence, version, members, users, anonymous, rule } = state;
    const counts = { sequence, version, users: users.size + anonymous, sessions: members.size };
    const steps = members.size <= rule.maxListed ? `,"steps":[${state.steps.join(",")}]` : "";
    state.steps = [];
    state.chars = 0;
    this.#bus.publish(presenceTopic(name), `${JSON.stringify(counts).slice(0, -1)}${steps}}`, {});
  }
}

function workerOf(lease: string): string {
  return lease.slice(0, lease.indexOf("."));
}
