/**
 * A stream: one channel's log as this worker has seen it, without a hole.
 *
 *     begin ──► proven ──hole or other epoch──► proving ──page that reaches the end──► proven
 *
 * Publications come by pub/sub, which may lose some; offsets tell. While something is missing, what arrives
 * is held and the log is read from where the stream stands; the stream goes on with what it reads, or skips
 * what can no longer be had and says so. Pure: it decides, its owner reads and delivers.
 * Invariants: what it lets through has consecutive offsets, save for the gaps it names; what is held is
 * bounded, and if it overflows the log is read once more.
 */
import type { Position, UnrecoveredReason } from "@holdfast/protocol";
import type { Entry, LogPage } from "../broker/broker.js";
import { locate } from "./locate.js";
import { RecentEntries, type RecentEntriesBudget } from "./recent-entries.js";

/** Publications that were skipped: they can no longer be had. */
export interface StreamGap {
  /** Where listeners stand before it, in the epoch that they know. */
  readonly after: Position;
  /**
   * The first and the last offset, in the present epoch; in another life of the log: from where it goes its
   * own way.
   */
  readonly from: number;
  readonly to: number;
  readonly reason: UnrecoveredReason;
}

/** What to do with a publication that arrived. */
export type StreamArrival = "deliver" | "known" | "held" | "behind";

/** What a page of the log means: first the gap, if any, then the entries. */
export interface StreamProgress {
  readonly gap: StreamGap | undefined;
  readonly entries: readonly Entry[];
  /** Whether the log has to be read again. */
  readonly more: boolean;
}

/** What a client that stood at a position is told, or why that cannot be told yet. */
export type Recovery =
  /** `position`: where the client stands with the entries; it hears what comes after that. */
  | { readonly kind: "recovered"; readonly position: Position; readonly entries: readonly Entry[] }
  /**
   * `position`: where the client goes on; what it has heard before is not heard again, as far as that can be
   * told.
   */
  | { readonly kind: "lost"; readonly position: Position; readonly reason: UnrecoveredReason }
  /**
   * The log has to be proven first: the position is not behind this stream. If it never will be, `reason`
   * says why.
   */
  | { readonly kind: "ahead"; readonly reason: UnrecoveredReason }
  /** The log has to be read from `from` on. */
  | { readonly kind: "earlier"; readonly from: number }
  /** What listeners are about to hear begins in another life of the log: wait until they have. */
  | { readonly kind: "torn" }
  /**
   * What listeners are about to hear begins before the position: wait until they have, or it is heard again.
   */
  | { readonly kind: "amid"; readonly position: Position };

export interface StreamLimits {
  /** Publications that one recovery may hold, and the tail. */
  readonly maxEntries: number;
  /** Characters that one recovery may hold, and the tail. */
  readonly maxChars: number;
}

interface Held extends Entry {
  readonly epoch: string;
}

type State =
  | { readonly kind: "proven" }
  | { readonly kind: "proving"; readonly held: Held[]; heldChars: number; overflowed: boolean };

/** Publications that are held while the log is read, and their characters. */
const MAX_HELD = 1024;
const MAX_HELD_CHARS = 4 * 1024 * 1024;
const PROVEN: State = Object.freeze({ kind: "proven" });

export class Stream {
  readonly #limits: StreamLimits;
  readonly #recentEntries: RecentEntries;
  #offset = 0;
  #epoch: string | undefined;
  /** The epoch before this one, if the stream came from there without skipping anything. */
  #earlierEpoch: string | undefined;
  #lineage: readonly Position[] = [];
  /** The lowest offset that the log was seen to keep: what lies before is lost for good. */
  #oldest = 1;
  #state: State = proving();
  /** Whether anything arrived since `rested` was asked. */
  #moved = false;
  /** Whether listeners have yet to be told the epoch, which is not the one that they know. */
  #epochDue = false;
  /** An epoch that the log does not know, though it was asked after a client brought it: it never will. */
  #foreignEpoch: string | undefined;
  /** From where the waiting clients want the log to be read. */
  #wanted = Number.POSITIVE_INFINITY;

  constructor(limits: StreamLimits, budget: RecentEntriesBudget) {
    this.#limits = limits;
    this.#recentEntries = new RecentEntries(budget, limits);
  }

  /** Where the stream stands. Undefined before `begin`. */
  get position(): Position | undefined {
    return this.#epoch === undefined ? undefined : { offset: this.#offset, epoch: this.#epoch };
  }

  get proving(): boolean {
    return this.#state.kind === "proving";
  }

  /**
   * The epoch that the next publication has to name, because listeners know another; undefined when they know
   * it.
   */
  get newEpoch(): string | undefined {
    return this.#epochDue ? this.#epoch : undefined;
  }

  /** Listeners have been told the epoch. */
  epochTold(): void {
    this.#epochDue = false;
  }

  /** The offset to read the log from. */
  get next(): number {
    return this.#offset + 1;
  }

  /** True when nothing arrived since the last call: then only the log can tell whether something was lost. */
  rested(): boolean {
    const { proving } = this;
    const rested = !this.#moved || proving;
    this.#moved = false;
    return rested;
  }

  /** The stream stands at the end of the log from now on. Returns what was held and comes after that. */
  begin({ top, lineage, oldest }: LogPage): StreamProgress {
    this.#offset = top.offset;
    this.#epoch = top.epoch;
    this.#lineage = lineage;
    this.#oldest = oldest;
    return this.#release(undefined, []);
  }

  /** A publication arrived. What is to be delivered has to be passed to `advance`. */
  arrive(position: Position, data: string): StreamArrival {
    this.#moved = true;
    if (this.#state.kind === "proving") return this.#hold(this.#state, position, data);
    if (position.epoch === this.#epoch) {
      if (position.offset === this.#offset + 1) return "deliver";
      if (position.offset <= this.#offset) return "known";
    }
    this.prove();
    this.arrive(position, data);
    return "behind";
  }

  /** From here on everything is held, until a page of the log has shown that nothing is missing. */
  prove(): void {
    if (this.#state.kind === "proven") this.#state = proving();
  }

  /** The next publication is delivered. */
  advance(entry: Entry): void {
    this.#offset = entry.offset;
    this.#recentEntries.push(entry);
  }

  /** What the log had from `next` on. What it returns has been taken over. */
  accept(page: LogPage): StreamProgress {
    const here = this.position;
    if (here === undefined) return this.begin(page);
    const { top, lineage, oldest, entries } = page;
    // The page is older than what came by pub/sub meanwhile.
    if (top.epoch === here.epoch && top.offset < here.offset) return this.#release(undefined, []);
    const reason = locate(here, page);
    if (top.epoch !== here.epoch) {
      this.#epochDue = true;
      this.#earlierEpoch = reason === undefined ? here.epoch : undefined;
    }
    this.#lineage = lineage;
    this.#epoch = top.epoch;
    this.#oldest = oldest;
    if (reason !== undefined) {
      const from = (this.#sharedWith(here.epoch) ?? 0) + 1;
      this.#jump(top.offset);
      return this.#release({ after: here, from, to: top.offset, reason }, []);
    }
    let gap: StreamGap | undefined;
    if (oldest > this.next) {
      gap = { after: here, from: this.next, to: oldest - 1, reason: "expired" };
      this.#jump(oldest - 1);
    }
    const news: Entry[] = [];
    for (const entry of entries) {
      if (entry.offset !== this.next) continue;
      this.advance(entry);
      news.push(entry);
    }
    if (this.#offset < top.offset) return { gap, entries: news, more: true };
    return this.#release(gap, news);
  }

  /** What to read for clients that want entries before the recent ones; undefined when no client does. */
  takeWanted(): { readonly from: number; readonly to: number } | undefined {
    const from = this.#wanted;
    this.#wanted = Number.POSITIVE_INFINITY;
    const to = (this.#recentEntries.first ?? this.next) - 1;
    return from <= to ? { from, to } : undefined;
  }

  /** A client needs the log to be read from an offset on. */
  want(from: number): void {
    this.#wanted = Math.min(this.#wanted, from);
  }

  /** The log was asked after a client brought this epoch, and does not know it. */
  refute(epoch: string): void {
    if (!this.#knows(epoch)) this.#foreignEpoch = epoch;
  }

  /** A client waits for what is being read: it is kept. Pair with `unpin`. */
  pin(): void {
    this.#recentEntries.pin();
  }

  unpin(): void {
    this.#recentEntries.unpin();
  }

  /**
   * A page of what lies before the tail, in ascending order, for clients that have to go further back. True
   * when the tail holds all of it now: then it may be extended further.
   */
  extend({ top, oldest, entries }: LogPage): boolean {
    // Another life of the log: nothing of it may be mixed with this one's.
    if (top.epoch !== this.#epoch) {
      this.prove();
      return false;
    }
    this.#oldest = Math.max(this.#oldest, oldest);
    const first = this.#recentEntries.first ?? this.next;
    const before = entries.filter(({ offset }) => offset < first);
    if (before.at(-1)?.offset !== first - 1) return false;
    this.#recentEntries.extend(before);
    return this.#recentEntries.first === before[0]?.offset;
  }

  /** What a client that stood at `since` has missed, if it hears everything after `heard`. */
  recover(since: Position, heard: Position): Recovery {
    const here = this.position;
    if (here === undefined) return { kind: "ahead", reason: "unverifiable" };
    const reason = locate(since, { top: here, lineage: this.#lineage });
    // Another worker may have heard of a new epoch first.
    if (reason === "epoch" && !this.#knows(since.epoch) && since.epoch !== this.#foreignEpoch)
      return { kind: "ahead", reason };
    // Or of more publications, in this epoch or in one that the log shares so far.
    const known = reason === "epoch" ? (this.#sharedWith(since.epoch) ?? 0) : since.offset;
    if (known > here.offset) return { kind: "ahead", reason: reason ?? "unverifiable" };
    if (heard.epoch !== here.epoch && heard.epoch !== this.#earlierEpoch) return { kind: "torn" };
    // A client that was served faster elsewhere may be ahead of the listeners here.
    const position = { offset: Math.max(heard.offset, known), epoch: here.epoch };
    if (reason !== undefined) return { kind: "lost", position, reason };
    if (known > heard.offset) return { kind: "amid", position };
    if (position.offset === since.offset) return { kind: "recovered", position, entries: [] };
    if (here.offset - since.offset > this.#limits.maxEntries || since.offset < this.#recentEntries.beyond)
      return { kind: "lost", position, reason: "too_many" };
    const entries = this.#recentEntries.between(since.offset, position.offset);
    if (entries !== undefined) return { kind: "recovered", position, entries };
    if (since.offset + 1 < this.#oldest) return { kind: "lost", position, reason: "expired" };
    return { kind: "earlier", from: since.offset + 1 };
  }

  /** No client needs it any more. */
  close(): void {
    this.#recentEntries.clear();
  }

  #hold(
    state: State & { readonly kind: "proving" },
    { offset, epoch }: Position,
    data: string,
  ): StreamArrival {
    if (state.held.length < MAX_HELD && state.heldChars + data.length <= MAX_HELD_CHARS) {
      state.held.push({ offset, epoch, data });
      state.heldChars += data.length;
    } else state.overflowed = true;
    return "held";
  }

  /** Goes on with what was held, if it follows. */
  #release(gap: StreamGap | undefined, entries: Entry[]): StreamProgress {
    const last = this.#state;
    this.#state = PROVEN;
    if (last.kind === "proven") return { gap, entries, more: false };
    let more = last.overflowed;
    for (const { offset, epoch, data } of last.held) {
      if (epoch === this.#epoch && offset <= this.#offset) continue;
      if (epoch === this.#epoch && offset === this.next) {
        const entry = { offset, data };
        this.advance(entry);
        entries.push(entry);
      } else more = true;
    }
    if (more) this.prove();
    return { gap, entries, more };
  }

  #knows(epoch: string): boolean {
    return epoch === this.#epoch || this.#sharedWith(epoch) !== undefined;
  }

  /** The last offset up to which an earlier epoch is the same log, if that is known. */
  #sharedWith(epoch: string): number | undefined {
    return this.#lineage.find((each) => each.epoch === epoch)?.offset;
  }

  #jump(offset: number): void {
    this.#recentEntries.clear();
    this.#offset = offset;
  }
}

function proving(): State & { readonly kind: "proving" } {
  return { kind: "proving", held: [], heldChars: 0, overflowed: false };
}
