/**
 * Watch reads: how this worker reads the members of the channels that it watches.
 *
 * Owns the reads of the presence store: at once where a view has a hole, in turns after an outage, once more
 * with the next tick where one failed. Leaves to the watches which channels are watched and what becomes of a
 * page. Invariants: one read at a time for a watch, shared by all callers; `MAX_READING` that no caller waits
 * for before another begins.
 */
import { type Broker, BrokerUnavailable, stateOf } from "../broker/broker.js";
import { presenceTopic } from "../broker/topic.js";
import type { Logger } from "../runtime/logger.js";
import type { Metrics } from "../runtime/metrics.js";
import type { PresenceStore } from "./store.js";
import type { ToldChange } from "./view.js";
import type { Watch } from "./watch.js";

export interface WatchReadsParts {
  readonly broker: Broker;
  readonly store: PresenceStore;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Whether the channel is still watched by this watch. */
  readonly isCurrent: (watch: Watch) => boolean;
  /** A page has changed the view. */
  readonly tell: (watch: Watch, told: readonly ToldChange[]) => void;
}

/** Views that are read at once after an outage. */
const MAX_READING = 64;
/** Reads one after the other for one view; then it waits for the next tick. */
const MAX_READS = 4;

export class WatchReads {
  readonly #parts: WatchReadsParts;
  /** Views that have to be read. */
  readonly #overdue = new Set<Watch>();
  /**
   * Views whose read has failed. They wait for the next tick: a store that is away fails at once, again and
   * again.
   */
  readonly #failed = new Set<Watch>();
  #reading = 0;

  constructor(parts: WatchReadsParts) {
    this.#parts = parts;
  }

  /** One at a time for a watch; a caller that comes meanwhile shares it. Rejects as the broker does. */
  read(watch: Watch): Promise<void> {
    watch.reading ??= this.#readOn(watch).finally(() => {
      watch.reading = undefined;
    });
    return watch.reading;
  }

  /**
   * Reads for no particular watcher. What fails now is tried again with the next tick, or when the broker is
   * back.
   */
  catchUp(watch: Watch): void {
    this.#reading++;
    this.read(watch)
      .catch((error: unknown) => {
        if (this.#parts.isCurrent(watch)) this.#failed.add(watch);
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

  /** These may have missed something: each is read in its turn. */
  doubt(watches: Iterable<Watch>): void {
    for (const watch of watches) {
      watch.view.doubt();
      this.#overdue.add(watch);
    }
    this.#pump();
  }

  /** The broker is back, and all watches are in doubt. */
  restored(watches: Iterable<Watch>): void {
    this.#failed.clear();
    this.doubt(watches);
  }

  /** The channel is no longer watched. */
  forget(watch: Watch): void {
    this.#overdue.delete(watch);
    this.#failed.delete(watch);
  }

  /** Reads that failed are tried again, if the broker can be reached. */
  turn(): void {
    if (stateOf(this.#parts.broker, "presence") !== "ready") return;
    for (const watch of this.#failed) this.#overdue.add(watch);
    this.#failed.clear();
    this.#pump();
  }

  #pump(): void {
    for (const watch of this.#overdue) {
      if (this.#reading >= MAX_READING) return;
      this.#overdue.delete(watch);
      this.catchUp(watch);
    }
  }

  async #readOn(watch: Watch): Promise<void> {
    const { broker, isCurrent, metrics, store, tell } = this.#parts;
    const { channel, view, rule } = watch;
    if (!watch.confirmed) {
      await broker.subscribe(presenceTopic(channel));
      watch.confirmed = true;
    }
    for (let reads = 0; reads < MAX_READS; reads++) {
      const page = await store.read(channel, rule.maxListed);
      metrics.add("presence_reads", 1);
      if (!isCurrent(watch)) return;
      const { told, behind } = view.accept(page);
      tell(watch, told);
      if (!behind) return;
    }
    this.#failed.add(watch);
  }
}
