/**
 * A stream: one channel's log as this worker has seen it, without a hole.
 *
 *     begin ──► proven ──hole or other epoch──► proving ──page that reaches the end──► proven
 *
 * Publications come by pub/sub, which may lose some; offsets tell. While something is missing, what arrives
 * is held and the log is read from where the stream stands; the stream goes on with what it reads, or skips
 * what can no longer be had and says so. Pure: it decides, its owner reads and delivers. The lives of the log
 * are in `epochs.ts`, what is held in `held-publications.ts`, what clients missed in `recovery.ts`.
 * Invariants: what it lets through has consecutive offsets, save for the gaps it names; what is held is
 * bounded, and if it overflows the log is read once more.
 */
import type { Data, Position, UnrecoveredReason } from "@holdfast/protocol";
import type { Entry, LogPage } from "../broker/broker.js";
import { Epochs } from "./epochs.js";
import { HeldPublications } from "./held-publications.js";
import { locate } from "./locate.js";
import { RecentEntries, type RecentEntriesBudget } from "./recent-entries.js";
import { type Recovery, recover, type SeenLog } from "./recovery.js";

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

export interface StreamLimits {
  /** Publications that one recovery may hold, and the tail. */
  readonly maxEntries: number;
  /** Characters that one recovery may hold, and the tail. */
  readonly maxChars: number;
}

export class Stream implements SeenLog {
  readonly limits: StreamLimits;
  /** The newest publications that it let through. */
  readonly recent: RecentEntries;
  readonly epochs = new Epochs();
  #offset = 0;
  #oldest = 1;
  /** What arrives while something is missing; undefined while the stream is proven. */
  #held: HeldPublications | undefined = new HeldPublications();
  /** Whether anything arrived since `rested` was asked. */
  #moved = false;

  constructor(limits: StreamLimits, budget: RecentEntriesBudget) {
    this.limits = limits;
    this.recent = new RecentEntries(budget, limits);
  }

  /** Where the stream stands. Undefined before `begin`. */
  get position(): Position | undefined {
    const { current } = this.epochs;
    return current === undefined ? undefined : { offset: this.#offset, epoch: current };
  }

  /** The lowest offset that the log was seen to keep: what lies before is lost for good. */
  get oldest(): number {
    return this.#oldest;
  }

  get proving(): boolean {
    return this.#held !== undefined;
  }

  /** The offset to read the log from. */
  get next(): number {
    return this.#offset + 1;
  }

  /** True when nothing arrived since the last call: then only the log can tell whether something was lost. */
  rested(): boolean {
    const rested = !this.#moved || this.proving;
    this.#moved = false;
    return rested;
  }

  /** The stream stands at the end of the log from now on. Returns what was held and comes after that. */
  begin(page: LogPage): StreamProgress {
    this.epochs.begin(page);
    this.#offset = page.top.offset;
    this.#oldest = page.oldest;
    return this.#release(undefined, []);
  }

  /** A publication arrived. What is to be delivered has to be passed to `advance`. */
  arrive(position: Position, data: Data): StreamArrival {
    this.#moved = true;
    if (this.#held !== undefined) {
      this.#held.hold(position, data);
      return "held";
    }
    if (position.epoch === this.epochs.current) {
      if (position.offset === this.#offset + 1) return "deliver";
      if (position.offset <= this.#offset) return "known";
    }
    this.prove();
    this.arrive(position, data);
    return "behind";
  }

  /** From here on everything is held, until a page of the log has shown that nothing is missing. */
  prove(): void {
    this.#held ??= new HeldPublications();
  }

  /** The next publication is delivered. */
  advance(entry: Entry): void {
    this.#offset = entry.offset;
    this.recent.push(entry);
  }

  /** What the log had from `next` on. What it returns has been taken over. */
  accept(page: LogPage): StreamProgress {
    const here = this.position;
    if (here === undefined) return this.begin(page);
    const { top, oldest, entries } = page;
    // The page is older than what came by pub/sub meanwhile.
    if (top.epoch === here.epoch && top.offset < here.offset) return this.#release(undefined, []);
    const reason = locate(here, page);
    this.epochs.follow(page, reason === undefined);
    this.#oldest = oldest;
    if (reason !== undefined) {
      const from = (this.epochs.sharedWith(here.epoch) ?? 0) + 1;
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

  /**
   * A page of what lies before the recent entries, in ascending order, for clients that have to go further
   * back. True when they hold all of it now: then they may be extended further.
   */
  extend({ top, oldest, entries }: LogPage): boolean {
    // Another life of the log: nothing of it may be mixed with this one's.
    if (top.epoch !== this.epochs.current) {
      this.prove();
      return false;
    }
    this.#oldest = Math.max(this.#oldest, oldest);
    const first = this.recent.first ?? this.next;
    const before = entries.filter(({ offset }) => offset < first);
    if (before.at(-1)?.offset !== first - 1) return false;
    this.recent.extend(before);
    return this.recent.first === before[0]?.offset;
  }

  /** What a client that stood at `since` has missed, if it hears everything after `heard`. */
  recover(since: Position, heard: Position): Recovery {
    return recover(this, since, heard);
  }

  /** No client needs it any more. */
  close(): void {
    this.recent.clear();
  }

  /** Goes on with what was held, if it follows. */
  #release(gap: StreamGap | undefined, entries: Entry[]): StreamProgress {
    const held = this.#held;
    this.#held = undefined;
    if (held === undefined) return { gap, entries, more: false };
    let more = held.overflowed;
    for (const { offset, epoch, data } of held.entries) {
      if (epoch === this.epochs.current && offset <= this.#offset) continue;
      if (epoch === this.epochs.current && offset === this.next) {
        const entry = { offset, data };
        this.advance(entry);
        entries.push(entry);
      } else more = true;
    }
    if (more) this.prove();
    return { gap, entries, more };
  }

  #jump(offset: number): void {
    this.recent.clear();
    this.#offset = offset;
  }
}
