/**
 * Presence: who is in a channel, as one subscription has been told.
 *
 * Pure: a list, and then one change after the other. Invariants: a change is taken only on top of the version
 * before it, so what is here was so at that version; at most `MAX_PRESENCE_LIMIT` members are listed: of a
 * larger channel only the numbers are known.
 */

import { MAX_PRESENCE_LIMIT } from "@holdfast/protocol";
import type { Member, PresencePage } from "../wire/inbound.js";

/** A user with every session, or one anonymous session. */
export interface PresentUser {
  readonly user: string | undefined;
  /**
   * One at least, the oldest known first. With joins and leaves per user those that came or went later are
   * not told.
   */
  readonly sessions: readonly Member[];
}

export interface Presence {
  readonly version: number;
  /** Different users; each anonymous session counts as one. */
  readonly users: number;
  readonly sessions: number;
  /** All members where `complete`; otherwise none. */
  readonly members: readonly PresentUser[];
  /** False in a channel too large to list, and from a missed change until it has been read anew. */
  readonly complete: boolean;
}

/** A change that was taken; is known already; or comes on top of something that was missed. */
type Change = "taken" | "known" | "hole";

type Counts = Pick<PresencePage, "version" | "users" | "sessions">;

export class PresenceTracker {
  #counts: Counts = { version: 0, users: 0, sessions: 0 };
  #perSession = false;
  /** By session; undefined while they are not known. */
  #members: Map<string, Member> | undefined;
  /** The last that were known, to compare the next list with: the difference joined or left. */
  #known: Map<string, Member> | undefined;
  #current: Presence | undefined;

  /** As of now. The same object until something changes. */
  get current(): Presence {
    this.#current ??= Object.freeze(this.#summary());
    return this.#current;
  }

  /**
   * Everything anew. `tell` is called for each member that joined or left since the list before, where there
   * is one.
   */
  replace(
    { members, perSession = this.#perSession, next, ...counts }: PresencePage,
    tell: (kind: "join" | "leave", member: Member) => void = () => {},
  ): void {
    this.#perSession = perSession;
    const before = this.#known;
    const whole =
      next === undefined && members.length >= counts.sessions && members.length <= MAX_PRESENCE_LIMIT;
    this.count(counts, whole ? new Map(members.map((member) => [member.session, member])) : undefined);
    if (before === undefined || !whole) return;
    const [old, now] = [before.values(), members].map((each) => named(each, perSession));
    for (const [name, member] of old ?? []) if (!now?.has(name)) tell("leave", member);
    for (const [name, member] of now ?? []) if (!old?.has(name)) tell("join", member);
  }

  /** How many there are; without `members` there are too many to say who. */
  count({ version, users, sessions }: Counts, members?: Map<string, Member>): void {
    this.#counts = { version, users, sessions };
    this.#members = this.#known = members;
    this.#current = undefined;
  }

  /** A change was missed: who is there is not known until the next list. */
  doubt(): void {
    const known = this.#known;
    this.count(this.current);
    this.#known = known;
  }

  change(kind: "join" | "leave", member: Member, version: number): Change {
    const members = this.#members;
    const next = this.#counts.version + 1;
    if (members !== undefined && version < next) return "known";
    if (members === undefined || version > next) return "hole";
    if (kind === "join") members.set(member.session, member);
    else {
      // Where users leave, it was the last of the user's sessions, whichever of them were told.
      const name = nameOf(member, this.#perSession);
      for (const each of members.values()) {
        if (nameOf(each, this.#perSession) === name) members.delete(each.session);
      }
    }
    this.#counts = { ...this.#counts, version };
    this.#current = undefined;
    return "taken";
  }

  #summary(): Presence {
    if (this.#members === undefined) return { ...this.#counts, members: [], complete: false };
    const members = grouped(this.#members.values());
    const { version } = this.#counts;
    return { version, users: members.length, sessions: this.#members.size, members, complete: true };
  }
}

/** By what joins and leaves are of: a session, or a user, with the first session that is listed. */
function named(members: Iterable<Member>, perSession: boolean): Map<string, Member> {
  const byName = new Map<string, Member>();
  for (const member of members) {
    const name = nameOf(member, perSession);
    if (!byName.has(name)) byName.set(name, member);
  }
  return byName;
}

function nameOf({ user, session }: Member, perSession = false): string {
  return perSession || user === undefined ? `s${session}` : `u${user}`;
}

function grouped(members: Iterable<Member>): readonly PresentUser[] {
  const users = new Map<string, { user: string | undefined; sessions: Member[] }>();
  for (const member of members) {
    const name = nameOf(member);
    const known = users.get(name);
    if (known === undefined) users.set(name, { user: member.user, sessions: [member] });
    else known.sessions.push(member);
  }
  return [...users.values()];
}
