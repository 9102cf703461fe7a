/**
 * A view: who is in one channel, as this worker has seen it, without a hole.
 *
 *     reading ──page──► listing ◄──few members──► counting          (a hole, or an outage: back to reading)
 *
 * Changes come by pub/sub, which may lose some. Their sequence numbers show a loss. While one is missing,
 * later changes are held and the store is read. The view then continues from that page with the changes after
 * it. Above `maxListed` members it counts and does not list. Pure: it decides; its owner reads and tells.
 * Invariants:
 * - Versions that clients are told never fall, unless the store's clock is set back. A list and the changes
 *   after it have no gap, except where a change was missed.
 * - Held changes are bounded. If they overflow, the store is read once more.
 */
import { type JoinLeaveMode, oneLine, type PresenceCounts } from "@holdfast/protocol";
import type { HeardNews, MembersPage } from "./store.js";

/** What clients are told. */
export interface ToldChange {
  readonly came: boolean;
  /** The member's text. */
  readonly member: string;
  readonly version: number;
}

export interface ViewRule {
  readonly joinLeave: JoinLeaveMode;
  readonly maxListed: number;
}

/** What a change means: what is told of it, and whether the store has to be read. */
export interface ViewProgress {
  readonly told: readonly ToldChange[];
  readonly behind: boolean;
}

/** As a client is told it. Without members where there are too many. */
export interface PresenceSnapshot extends PresenceCounts {
  readonly members: readonly string[];
}

type State =
  | { readonly kind: "reading"; held: HeardNews[]; heldSteps: number; overflowed: boolean }
  | { readonly kind: "listing" }
  | { readonly kind: "counting" };

/** By session: the member's text. */
type List = Map<string, string>;

interface Numbers extends PresenceCounts {
  readonly sequence: number;
}

/** Steps that are held while the store is read. */
const MAX_HELD_STEPS = 4096;
/** A channel that was too large is listed again when it has fallen to this part of the limit. */
const SMALL_AGAIN = 0.9;

/**
 * A channel that was empty begins with the store's clock, in microseconds. News that is so far behind is of
 * another life of the channel, after the clock was set back.
 */
const OTHER_LIFE = 100_000;

const NOTHING: ViewProgress = Object.freeze({ told: Object.freeze([]), behind: false });
const BEHIND: ViewProgress = Object.freeze({ told: Object.freeze([]), behind: true });
const LISTING: State = Object.freeze({ kind: "listing" });
const COUNTING: State = Object.freeze({ kind: "counting" });

export class PresenceView {
  readonly #rule: ViewRule;
  #state: State = reading();
  /**
   * What clients have been told, also while the store is read; undefined before the first page and where it
   * only counts.
   */
  #list: List | undefined;
  #numbers: Numbers | undefined;
  /** Sessions that a page has room for, as far as is known: pages are bounded in bytes, too. */
  #maxListed: number;

  constructor(rule: ViewRule) {
    this.#rule = rule;
    this.#maxListed = rule.maxListed;
  }

  get state(): State["kind"] {
    return this.#state.kind;
  }

  /** How many, as far as the view knows. Undefined before the first page. */
  get counts(): PresenceCounts | undefined {
    if (this.#numbers === undefined) return undefined;
    const { version, users, sessions } = this.#numbers;
    return { version, users, sessions };
  }

  /** What a client that begins to listen now is told. Undefined while the store is read. */
  get snapshot(): PresenceSnapshot | undefined {
    const { counts } = this;
    if (counts === undefined || this.#state.kind === "reading") return undefined;
    return { ...counts, members: this.#list === undefined ? [] : [...this.#list.values()] };
  }

  /** Everything may have happened: the store has to be read. */
  doubt(): void {
    if (this.#state.kind !== "reading") this.#state = reading();
  }

  arrive(news: HeardNews): ViewProgress {
    switch (this.#state.kind) {
      case "reading":
        return this.#hold(news, this.#state);
      case "listing":
        return this.#list === undefined ? BEHIND : this.#follow(news, this.#list);
      case "counting":
        return this.#count(news);
    }
  }

  /**
   * What the store had. The page begins with the first member and has room for `maxListed`, if they are not
   * too large.
   */
  accept(page: MembersPage): ViewProgress {
    const { held, overflowed } = this.#state.kind === "reading" ? this.#state : reading();
    const { sequence, version, users, sessions } = page;
    const before = this.#list;
    const known = this.#numbers;
    this.#numbers = { sequence, version, users, sessions };
    const told: ToldChange[] = [];
    const isWhole = page.members.length >= sessions;
    this.#maxListed = isWhole ? this.#rule.maxListed : Math.min(this.#rule.maxListed, page.members.length);
    if (sessions > this.#maxListed) this.#become(COUNTING);
    else {
      this.#list = new Map(page.members.map(normal));
      this.#state = LISTING;
      if (before !== undefined && known?.version !== version)
        told.push(...difference(before, this.#list, version, this.#rule.joinLeave));
    }
    for (const news of held) {
      const progress = this.arrive(news);
      told.push(...progress.told);
    }
    if (overflowed) this.doubt();
    return { told, behind: this.#state.kind === "reading" };
  }

  #follow(news: HeardNews, list: List): ViewProgress {
    const { sequence = 0, version = 0 } = this.#numbers ?? {};
    const { steps } = news;
    if (news.sequence <= sequence) return this.#old(news, sequence);
    if (steps === undefined) {
      if (news.sessions <= this.#rule.maxListed) return this.#miss(news);
      this.#take(news);
      this.#become(COUNTING);
      return NOTHING;
    }
    const first = news.sequence - steps.length + 1;
    if (first > sequence + 1) return this.#miss(news);
    const told: ToldChange[] = [];
    let next = version;
    for (const [came, isTold, member] of steps.slice(sequence + 1 - first)) {
      const { session } = member;
      if (came === 1) list.set(session, member.text);
      else list.delete(session);
      if (isTold === 1) told.push({ came: came === 1, member: member.text, version: ++next });
    }
    this.#take(news);
    if (news.sessions > this.#rule.maxListed) this.#become(COUNTING);
    return { told, behind: false };
  }

  #count(news: HeardNews): ViewProgress {
    const { sequence = 0 } = this.#numbers ?? {};
    if (news.sequence <= sequence) return this.#old(news, sequence);
    this.#take(news);
    if (news.sessions > this.#maxListed * SMALL_AGAIN) return NOTHING;
    this.#state = reading();
    return BEHIND;
  }

  /** The store is asked after this was heard, so it is not held: its page has it, or is of a later life. */
  #old(news: HeardNews, sequence: number): ViewProgress {
    if (news.sequence > sequence - OTHER_LIFE) return NOTHING;
    this.doubt();
    return BEHIND;
  }

  #miss(news: HeardNews): ViewProgress {
    this.#state = reading();
    this.arrive(news);
    return BEHIND;
  }

  #hold(news: HeardNews, state: Extract<State, { kind: "reading" }>): ViewProgress {
    state.heldSteps += 1 + (news.steps?.length ?? 0);
    if (state.heldSteps > MAX_HELD_STEPS) {
      state.held = [];
      state.overflowed = true;
    } else state.held.push(news);
    return NOTHING;
  }

  #take({ sequence, version, users, sessions }: HeardNews): void {
    this.#numbers = { sequence, version, users, sessions };
  }

  #become(state: typeof COUNTING): void {
    this.#state = state;
    this.#list = undefined;
  }
}

function reading(): Extract<State, { kind: "reading" }> {
  return { kind: "reading", held: [], heldSteps: 0, overflowed: false };
}

function memberOf(text: string): { readonly session: string; readonly user?: string } {
  return JSON.parse(text) as { session: string; user?: string };
}

/** As news has it, so that the two compare. */
function normal(text: string): [session: string, text: string] {
  return [memberOf(text).session, oneLine(text)];
}

/**
 * From one list to a later one, whose version is given. A client that followed the one without missing a
 * version can follow this too: either the versions of these go on where it stands, or the first does not, and
 * it reads anew.
 */
function difference(before: List, after: List, version: number, mode: JoinLeaveMode): ToldChange[] {
  const [old, now] = mode === "user" ? [byUser(before), byUser(after)] : [before, after];
  const shows = (name: string, text: string): boolean =>
    mode === "user" ? now.has(name) : now.get(name) === text;
  const had = (name: string, text: string): boolean =>
    mode === "user" ? old.has(name) : old.get(name) === text;
  const changes: { came: boolean; member: string }[] = [];
  for (const [name, member] of old) if (!shows(name, member)) changes.push({ came: false, member });
  for (const [name, member] of now) if (!had(name, member)) changes.push({ came: true, member });
  return changes.map((change, at) => ({ ...change, version: version - changes.length + at + 1 }));
}

function byUser(list: List): List {
  const users: List = new Map();
  for (const [session, text] of list) {
    const { user } = memberOf(text);
    const name = user === undefined ? `session ${session}` : `user ${user}`;
    if (!users.has(name)) users.set(name, text);
  }
  return users;
}
