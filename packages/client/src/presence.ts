/**
 * Presence: who is in a channel, as one subscription has been told.
 *
 * Pure: a list, and then one change after the other. Invariants: a change is taken only on top of the version before it, so
 * what is here was so at that version; at most `MAX_PRESENCE_LIMIT` members are listed: of a larger channel only the numbers are known.
 */
import { type Json, MAX_PRESENCE_LIMIT } from "@holdfast/protocol";

/** A session in the channel. */
export interface Member {
  /** The same over reconnects. */
  readonly session: string;
  /** Undefined: anonymous. */
  readonly user?: string;
  /** What its token says that others are shown. */
  readonly info?: Json;
}

/** A user with every session, or one anonymous session. */
export interface PresentUser {
  readonly user: string | undefined;
  /** One at least, the oldest known first. With joins and leaves per user those that came or went later are not told. */
  readonly sessions: readonly Member[];
}

export interface Presence {
  readonly version: number;
  /** Different users; each anonymous session counts as one. */
  readonly users: number;
  readonly sessions: number;
  /** Everybody, where `complete`; otherwise nobody. */
  readonly members: readonly PresentUser[];
  /** False in a channel too large to list, and from a missed change until it has been read anew. */
  readonly complete: boolean;
}

/** Members as the server lists them. */
export interface PresenceList {
  readonly version: number;
  readonly users: number;
  readonly sessions: number;
  readonly members: readonly Member[];
  /** Whether joins and leaves are those of each session, not of users. Undefined: as before. */
  readonly perSession: boolean | undefined;
  /** Where the next page begins. */
  readonly next: string | undefined;
}

/** A change that was taken; is known already; or comes on top of something that was missed. */
type Change = "taken" | "known" | "hole";

export class PresenceView {
  #version = 0;
  #users = 0;
  #sessions = 0;
  #perSession = false;
  /** By session; undefined while they are not known. */
  #members: Map<string, Member> | undefined;
  #current: Presence | undefined;

  /** As of now. The same object until something changes. */
  get current(): Presence {
    this.#current ??= Object.freeze({
      version: this.#version,
      users: this.#users,
      sessions: this.#sessions,
      members: grouped(this.#members?.values() ?? []),
      complete: this.#members !== undefined,
    });
    return this.#current;
  }

  /** Everything anew. An older list than what is known is none. */
  replace({ members, perSession = this.#perSession, next, ...counts }: PresenceList): void {
    if (counts.version < this.#version && this.#members !== undefined) return;
    this.#perSession = perSession;
    const whole =
      next === undefined && members.length >= counts.sessions && members.length <= MAX_PRESENCE_LIMIT;
    this.#become(counts, whole ? new Map(members.map((member) => [member.session, member])) : undefined);
  }

  /** There are too many to say who. */
  count(counts: Pick<PresenceList, "version" | "users" | "sessions">): void {
    this.#become(counts, undefined);
  }

  /** A change was missed: who is there is not known until the next list. */
  doubt(): void {
    this.#become({ version: this.#version, users: this.#users, sessions: this.#sessions }, undefined);
  }

  change(kind: "join" | "leave", member: Member, version: number): Change {
    const members = this.#members;
    if (members === undefined) return "hole";
    if (version <= this.#version) return "known";
    if (version !== this.#version + 1) return "hole";
    const others = [...members.values()].filter(
      (each) => each.session !== member.session && isSameUser(each, member),
    );
    if (kind === "join") {
      // A session that shows itself anew, as with other `info`, is there once.
      this.#sessions += members.has(member.session) ? 0 : 1;
      this.#users += members.has(member.session) || others.length > 0 ? 0 : 1;
      members.set(member.session, member);
    } else {
      // Where users leave, it was the last of the user's sessions, whichever of them were told.
      const gone = this.#perSession ? [] : others;
      for (const { session } of [member, ...gone]) this.#sessions -= members.delete(session) ? 1 : 0;
      this.#users -= others.length > gone.length ? 0 : 1;
    }
    this.#version = version;
    this.#current = undefined;
    return "taken";
  }

  #become(
    { version, users, sessions }: Pick<PresenceList, "version" | "users" | "sessions">,
    members: Map<string, Member> | undefined,
  ): void {
    this.#version = version;
    this.#users = users;
    this.#sessions = sessions;
    this.#members = members;
    this.#current = undefined;
  }
}

function isSameUser(a: Member, b: Member): boolean {
  return a.user !== undefined && a.user === b.user;
}

function grouped(members: Iterable<Member>): readonly PresentUser[] {
  const users = new Map<string, { user: string | undefined; sessions: Member[] }>();
  for (const member of members) {
    const { user, session } = member;
    const key = user === undefined ? `s${session}` : `u${user}`;
    const known = users.get(key);
    if (known === undefined) users.set(key, { user, sessions: [member] });
    else known.sessions.push(member);
  }
  return [...users.values()];
}
