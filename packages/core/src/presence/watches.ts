/**
 * The watches of this worker: which channels' members it follows, for connections that listen to joins and
 * leaves or ask for members.
 *
 * A watch listens to the channel's presence topic and reads the store where its view needs it: at the
 * beginning, at a hole, and after an outage. The holder of a watch waits for `ready` and is then told who is
 * there and begins to listen in one turn, so that nothing is missed and nothing is told twice. Invariants:
 * one read at a time for a channel, shared by all waiting callers, `MAX_READING` after an outage; a watch
 * that is not used is kept for `IDLE_MS`, because a storm of clients asks the same.
 */

import { elementTexts, JsonText, memberText, oneLine } from "@holdfast/protocol";
import { type Broker, BrokerUnavailable } from "../broker/broker.js";
import { presenceTopic } from "../broker/topic.js";
import type { FanOut } from "../delivery/fan-out.js";
import type { PresenceRule } from "../namespace.js";
import type { Logger } from "../runtime/logger.js";
import type { Metrics } from "../runtime/metrics.js";
import { type Ticker, ticks } from "../runtime/ticker.js";
import type { HeardNews, HeardStep, PresenceNews, PresenceStore } from "./store.js";
import type { PresenceSnapshot, ToldChange } from "./view.js";
import { type ToldListener, Watch, Watcher } from "./watch.js";

export interface WatchesParts {
  readonly broker: Broker;
  readonly store: PresenceStore;
  readonly fanOut: FanOut;
  readonly ticker: Ticker;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** News says that a session has left a channel, and not that it has come back. */
  readonly left?: (channel: string, session: string) => void;
}

const IDLE_MS = 5_000;
/** Time between two pushes of counts alone, ms. */
const COUNT_INTERVAL_MS = 1_000;
/** Views that are read at once after an outage. */
const MAX_READING = 64;
/** Reads one after the other for one view; then it waits for the next tick. */
const MAX_READS = 4;
/** Turns of the loop for which a new watcher waits until what gathers for the others is on its way. */
const MAX_TURNS = 4;

export class PresenceWatches {
  readonly #parts: WatchesParts;
  readonly #watches = new Map<string, Watch>();
  /** Views that have to be read. */
  readonly #overdue = new Set<Watch>();
  /**
   * Views whose read has failed. They wait for the next tick: a store that is away fails at once, again and
   * again.
   */
  readonly #failed = new Set<Watch>();
  /** Watches whose counts have changed and that only count. */
  readonly #counting = new Set<Watch>();
  readonly #idle = new Set<Watch>();
  #reading = 0;

  constructor(parts: WatchesParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#watches.size;
  }

  /** The watch of a channel, if there is one. */
  get(channel: string): Watch | undefined {
    return this.#watches.get(channel);
  }

  /** Holds the channel's watch. Wait until it is `ready`, then `listen` or `release`. */
  enter(channel: string, rule: PresenceRule): Watch {
    let watch = this.#watches.get(channel);
    if (watch === undefined) {
      watch = new Watch(channel, rule);
      this.#watches.set(channel, watch);
    }
    watch.holds++;
    watch.idleTick = 0;
    this.#idle.delete(watch);
    return watch;
  }

  /** Whether who is there can be told now, and everything that listeners have yet to hear comes after it. */
  isReady(watch: Watch): boolean {
    return watch.view.snapshot !== undefined && watch.pending === undefined;
  }

  /** Reads what `isReady` needs. Rejects as the broker does. */
  async learn(watch: Watch): Promise<void> {
    if (watch.view.state === "reading") await this.#read(watch);
    for (let turns = 0; watch.pending !== undefined && turns < MAX_TURNS; turns++) {
      await this.#parts.fanOut.turn();
    }
  }

  /**
   * The connection that held the watch is told joins and leaves from now on, under the name `key`. What it
   * returns comes before them.
   */
  listen(watch: Watch, key: object, listener: ToldListener): PresenceSnapshot | undefined {
    watch.holds--;
    const watcher = new Watcher(listener);
    watch.watchers.set(key, watcher);
    watch.listeners.add(watcher);
    return watch.view.snapshot;
  }

  /** Gives up a hold. */
  release(watch: Watch): void {
    watch.holds--;
    this.#rest(watch);
  }

  /** Ends the listening under that name, if there is any. */
  leave(channel: string, key: object): void {
    const watch = this.#watches.get(channel);
    const watcher = watch?.watchers.get(key);
    if (watch === undefined || watcher === undefined) return;
    watch.watchers.delete(key);
    watch.listeners.remove(watcher);
    this.#rest(watch);
  }

  /**
   * News from the broker. Text that is none is dropped: only our own stores publish there, but any program
   * can.
   */
  news(channel: string, text: string): void {
    const watch = this.#watches.get(channel);
    if (watch === undefined) return;
    const news = newsOf(text);
    if (news === undefined) {
      this.#parts.metrics.add("broker_rejected", 1);
      return;
    }
    const { told, behind } = watch.view.arrive(news);
    this.#tell(watch, told);
    this.#tellLeft(channel, news.steps);
    if (!behind) return;
    this.#parts.metrics.add("presence_holes", 1);
    this.#catchUp(watch);
  }

  /** News of a channel was left out for this worker. */
  skipped(channel: string): void {
    const watch = this.#watches.get(channel);
    if (watch === undefined) return;
    watch.view.doubt();
    this.#overdue.add(watch);
    this.#pump();
  }

  /** The broker is back: everything may have happened. */
  restored(): void {
    this.#failed.clear();
    for (const watch of this.#watches.values()) {
      watch.view.doubt();
      this.#overdue.add(watch);
    }
    this.#pump();
  }

  turn(): void {
    const { ticker } = this.#parts;
    for (const watch of this.#idle) {
      if (watch.idleTick > ticker.tick) break;
      this.#forget(watch);
    }
    for (const watch of this.#counting) this.#tellCounts(watch);
    if (this.#parts.broker.state !== "ready") return;
    for (const watch of this.#failed) this.#overdue.add(watch);
    this.#failed.clear();
    this.#pump();
  }

  #rest(watch: Watch): void {
    if (!watch.unused) return;
    watch.idleTick = this.#parts.ticker.tick + ticks(IDLE_MS);
    this.#idle.delete(watch);
    this.#idle.add(watch);
  }

  #forget(watch: Watch): void {
    this.#watches.delete(watch.channel);
    this.#idle.delete(watch);
    this.#overdue.delete(watch);
    this.#failed.delete(watch);
    this.#counting.delete(watch);
    this.#parts.broker.unsubscribe(presenceTopic(watch.channel)).catch((error: unknown) => {
      // The broker forgets the topic all the same, see broker.ts.
      this.#parts.logger.debug({ channel: watch.channel, err: error }, "could not unsubscribe");
    });
  }

  #pump(): void {
    for (const watch of this.#overdue) {
      if (this.#reading >= MAX_READING) return;
      this.#overdue.delete(watch);
      this.#catchUp(watch);
    }
  }

  /**
   * Reads for no particular watcher. What fails now is tried again with the next tick, or when the broker is
   * back.
   */
  #catchUp(watch: Watch): void {
    this.#reading++;
    this.#read(watch)
      .catch((error: unknown) => {
        if (this.#watches.get(watch.channel) === watch) this.#failed.add(watch);
        if (!(error instanceof BrokerUnavailable))
          this.#parts.logger.error(
            { channel: watch.channel, err: error },
            "could not read who is in a channel",
          );
      })
      .finally(() => {
        this.#reading--;
        this.#pump();
      });
  }

  /** One at a time for a watch; a caller that comes meanwhile shares it. */
  #read(watch: Watch): Promise<void> {
    watch.reading ??= this.#readOn(watch).finally(() => {
      watch.reading = undefined;
    });
    return watch.reading;
  }

  async #readOn(watch: Watch): Promise<void> {
    const { broker, store, metrics } = this.#parts;
    const { channel, view, rule } = watch;
    if (!watch.confirmed) {
      await broker.subscribe(presenceTopic(channel));
      watch.confirmed = true;
    }
    for (let reads = 0; reads < MAX_READS; reads++) {
      const page = await store.read(channel, rule.maxListed);
      metrics.add("presence_reads", 1);
      if (this.#watches.get(channel) !== watch) return;
      const { told, behind } = view.accept(page);
      this.#tell(watch, told);
      if (!behind) return;
    }
    this.#failed.add(watch);
  }

  #tell(watch: Watch, told: readonly ToldChange[]): void {
    const { channel, rule, view } = watch;
    if (view.state === "counting") this.#counting.add(watch);
    if (rule.joinLeave === "off" || watch.listeners.size === 0) return;
    for (const { came, member, version } of told) {
      const body = { channel, member: new JsonText(member), version };
      // What finds no room is missed, and the version says so to the watchers.
      this.#parts.fanOut.add(watch, { op: came ? "join" : "leave", body });
    }
  }

  #tellLeft(channel: string, steps: HeardNews["steps"] = []): void {
    const { left } = this.#parts;
    if (left === undefined) return;
    if (!steps.some(([came]) => came === 0)) return;
    const last = new Map(steps.map(([came, , { session }]) => [session, came]));
    for (const [session, came] of last) if (came === 0) left(channel, session);
  }

  /** While there are too many to list: how many, now and then. */
  #tellCounts(watch: Watch): void {
    const { ticker, fanOut } = this.#parts;
    if (watch.countedTick !== 0 && ticker.tick - watch.countedTick < ticks(COUNT_INTERVAL_MS)) return;
    this.#counting.delete(watch);
    const { counts } = watch.view;
    if (counts === undefined || counts.version === watch.countedVersion) return;
    watch.countedTick = ticker.tick;
    watch.countedVersion = counts.version;
    if (watch.rule.joinLeave === "off" || watch.listeners.size === 0) return;
    const { version, users, sessions } = counts;
    fanOut.add(watch, { op: "presence", body: { channel: watch.channel, version, users, sessions } });
  }
}

function newsOf(text: string): HeardNews | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { steps, ...counts } = value as Partial<PresenceNews>;
  const { sequence, version, users, sessions } = counts;
  if (![sequence, version, users, sessions].every((each) => Number.isSafeInteger(each))) return undefined;
  if (steps === undefined) return counts as HeardNews;
  if (!Array.isArray(steps) || !steps.every(isStep)) return undefined;
  const texts = elementTexts(memberText(text, "steps") ?? "[]");
  const heard = steps.map(([came, told, { session }], at): HeardStep => {
    // One line, as it is put into frames; to the letter, since a member's `info` may have any number.
    const member = oneLine(elementTexts(texts[at] ?? "[]")[2] ?? "{}");
    return [came, told, { session: String(session), text: member }];
  });
  return { ...(counts as HeardNews), steps: heard };
}

function isStep(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.length === 3 &&
    typeof value[2] === "object" &&
    value[2] !== null &&
    typeof (value[2] as { session?: unknown }).session === "string"
  );
}
