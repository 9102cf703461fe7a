/**
 * The watches of this worker: which channels' members it follows, for connections that listen to joins and
 * leaves or ask for members.
 *
 * A watch listens to the channel's presence topic and reads the store where its view needs it
 * (`watch-reads.ts`): at the beginning, at a hole, and after an outage. The holder of a watch waits until it
 * `isReady`, is then told the members, and begins to listen in the same turn. So nothing is missed, and
 * nothing is told twice. Invariant: a watch that is not used is kept for `IDLE_MS`, because a storm of
 * clients asks the same.
 */

import { JsonText } from "@holdfast/protocol";
import type { Broker } from "../broker/broker.js";
import { presenceTopic } from "../broker/topic.js";
import type { FanOut } from "../delivery/fan-out.js";
import type { PresenceRule } from "../namespace.js";
import type { Logger } from "../runtime/logger.js";
import type { Metrics } from "../runtime/metrics.js";
import { type Ticker, ticks } from "../runtime/ticker.js";
import { newsOf } from "./heard-news.js";
import type { HeardNews, PresenceStore } from "./store.js";
import type { PresenceSnapshot, ToldChange } from "./view.js";
import { type ToldListener, Watch, Watcher } from "./watch.js";
import { WatchReads } from "./watch-reads.js";

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
/** Turns of the loop for which a new watcher waits until what gathers for the others is on its way. */
const MAX_TURNS = 4;

export class PresenceWatches {
  readonly #parts: WatchesParts;
  readonly #watches = new Map<string, Watch>();
  readonly #reads: WatchReads;
  /** Watches whose counts have changed and that only count. */
  readonly #counting = new Set<Watch>();
  readonly #idle = new Set<Watch>();

  constructor(parts: WatchesParts) {
    this.#parts = parts;
    this.#reads = new WatchReads({
      ...parts,
      isCurrent: (watch) => this.#watches.get(watch.channel) === watch,
      tell: (watch, told) => this.#tell(watch, told),
    });
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
    if (watch.view.state === "reading") await this.#reads.read(watch);
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
    this.#reads.catchUp(watch);
  }

  /** News of a channel was left out for this worker. */
  skipped(channel: string): void {
    const watch = this.#watches.get(channel);
    if (watch !== undefined) this.#reads.doubt([watch]);
  }

  /** The broker is back: everything may have happened. */
  restored(): void {
    this.#reads.restored(this.#watches.values());
  }

  turn(): void {
    const { ticker } = this.#parts;
    for (const watch of this.#idle) {
      if (watch.idleTick > ticker.tick) break;
      this.#forget(watch);
    }
    for (const watch of this.#counting) this.#tellCounts(watch);
    this.#reads.turn();
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
    this.#reads.forget(watch);
    this.#counting.delete(watch);
    this.#parts.broker.unsubscribe(presenceTopic(watch.channel)).catch((error: unknown) => {
      // The broker forgets the topic all the same, see broker.ts.
      this.#parts.logger.debug({ channel: watch.channel, err: error }, "could not unsubscribe");
    });
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
