/**
 * The list of a channel's members by the protocol's rule: a join or leave whose version is the next is taken,
 * one that is not above the list's is old, anything else makes the list be read again.
 *
 * Leaves the connection to its owner. What no order of events explains (a member that joins twice, or leaves
 * without having been there) is a violation. Invariant: while the list is being read, changes wait.
 */
import type { Frame } from "./plain-client.js";

interface Change {
  readonly came: boolean;
  readonly session: string;
  readonly version: number;
}

export class MemberList {
  /** What the rule does not explain. */
  readonly violations: string[] = [];
  /** Times that a change did not follow. */
  rereads = 0;
  readonly #read: () => void;
  #sessions = new Set<string>();
  #version = 0;
  /** Changes that came while the list is being read. */
  #held: Change[] | undefined;

  /** `read` asks for the whole list; its answer goes to `reread`, or `notRead`. */
  constructor(read: () => void) {
    this.#read = read;
  }

  /** The sessions in it, in order. */
  get members(): readonly string[] {
    return [...this.#sessions].sort();
  }

  /** The list as a subscribe brought it: what was awaited before is void. */
  begin(presence: Frame): void {
    this.#held = undefined;
    this.#take(presence);
  }

  changed(came: boolean, { member, version }: Frame): void {
    const change = { came, session: member.session, version };
    if (this.#held === undefined) this.#apply(change);
    else this.#held.push(change);
  }

  /** The list that was asked for, then what came meanwhile. */
  reread(presence: Frame): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    this.#take(presence);
    for (const change of held) {
      if (this.#held === undefined) this.#apply(change);
      else (this.#held as Change[]).push(change);
    }
  }

  /** It could not be read: what waited is void. */
  notRead(): void {
    this.#held = undefined;
  }

  readAgain(): void {
    this.#held ??= [];
    this.#read();
  }

  #apply(change: Change): void {
    const { came, session, version } = change;
    if (version <= this.#version) return;
    if (version !== this.#version + 1) {
      this.rereads++;
      this.#held = [change];
      return this.#read();
    }
    if (this.#sessions.has(session) === came)
      this.violations.push(`heard ${session} ${came ? "join" : "leave"} twice, at ${version}`);
    this.#version = version;
    if (came) this.#sessions.add(session);
    else this.#sessions.delete(session);
  }

  #take({ members, version }: Frame): void {
    this.#sessions = new Set(members.map(({ session }: Frame) => session));
    this.#version = version;
  }
}
