/**
 * A watch: one channel's view on this worker, with the connections that want to be told joins and leaves.
 *
 * A connection that is about to be told who is there holds the watch, so that its view lives on while the
 * store is read. Owned by `PresenceWatches`; changed by it alone.
 */

import type { Batch } from "../delivery/batch.js";
import { Audience, type Listener } from "../delivery/fan-out.js";
import type { PresenceRule } from "../namespace.js";
import { PresenceView } from "./view.js";

/** A watcher: a connection that is told. */
export interface ToldListener {
  deliver(batch: Batch): number;
}

/** One who is told joins and leaves, in the watch's slot array: a connection is in many. */
export class Watcher implements Listener {
  slot = -1;
  readonly #listener: ToldListener;

  constructor(listener: ToldListener) {
    this.#listener = listener;
  }

  deliver(batch: Batch): number {
    return this.#listener.deliver(batch);
  }
}

export class Watch extends Audience<Watcher> {
  override readonly channel: string;
  readonly rule: PresenceRule;
  readonly view: PresenceView;
  readonly watchers = new Map<object, Watcher>();
  /** Connections that hold it and do not listen. */
  holds = 0;
  /** The subscription at the broker while it is awaited, and the read of the store: one at a time. */
  reading: Promise<void> | undefined;
  /** Whether the broker has confirmed the topic. */
  confirmed = false;
  /** When it may be forgotten, if no watcher comes; 0 while there is one. */
  idleTick = 0;
  /** When listeners were last told the counts alone; 0 = never. */
  countedTick = 0;
  /** The version that listeners were told last with the counts. */
  countedVersion = 0;

  constructor(channel: string, rule: PresenceRule) {
    super();
    this.channel = channel;
    this.rule = rule;
    this.view = new PresenceView(rule);
  }

  get unused(): boolean {
    return this.holds === 0 && this.listeners.size === 0;
  }
}
