/**
 * Detached sessions: those whose connection was lost a moment ago and may come back.
 *
 * A detached session holds its channels' topic states for the resume window, so that their streams go on: a
 * client that comes back to this worker is served from memory. Only that; a session that comes back
 * elsewhere, or late, is rebuilt from its token and its positions. Invariants: the oldest expire first,
 * because all have the same window; at most `maxSessions`, beyond which the oldest ends early and is counted.
 */
import type { Hub } from "../hub/hub.js";
import type { TopicState } from "../hub/topic-state.js";
import type { Metrics } from "../runtime/metrics.js";
import { type Ticker, ticks } from "../runtime/ticker.js";

export interface DetachedOptions {
  /** How long a session may stay detached, ms; 0 = not at all. */
  readonly resumeWindowMs: number;
  /** Detached sessions of the worker. */
  readonly maxDetached: number;
}

interface DetachedSession {
  readonly topicStates: readonly TopicState[];
  readonly endTick: number;
}

export class Detached {
  readonly #windowTicks: number;
  readonly #maxSessions: number;
  readonly #hub: Hub;
  readonly #ticker: Ticker;
  readonly #metrics: Metrics;
  /** By session key, oldest first. */
  readonly #sessions = new Map<string, DetachedSession>();

  constructor(options: DetachedOptions, hub: Hub, ticker: Ticker, metrics: Metrics) {
    this.#windowTicks = options.resumeWindowMs === 0 ? 0 : ticks(options.resumeWindowMs);
    this.#maxSessions = options.maxDetached;
    this.#hub = hub;
    this.#ticker = ticker;
    this.#metrics = metrics;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Whether sessions are kept at all. */
  get enabled(): boolean {
    return this.#windowTicks > 0;
  }

  /**
   * Keeps the topic states, which the caller has held for this, until the session comes back or its window
   * ends.
   */
  add(key: string, topicStates: readonly TopicState[]): void {
    this.take(key)?.();
    this.#sessions.set(key, { topicStates, endTick: this.#ticker.tick + this.#windowTicks });
    this.#metrics.add("sessions_detached", 1);
    if (this.#sessions.size <= this.#maxSessions) return;
    const [oldest] = this.#sessions.keys();
    if (oldest !== undefined) this.take(oldest)?.();
    this.#metrics.add("detached_evicted", 1);
  }

  /**
   * Takes a session out, if it is here. Call what it returns once its topic states are held by others, or not
   * needed.
   */
  take(key: string): (() => void) | undefined {
    const session = this.#sessions.get(key);
    if (session === undefined) return undefined;
    this.#sessions.delete(key);
    return () => {
      for (const topicState of session.topicStates) this.#hub.release(topicState);
    };
  }

  /** Ends those whose window is over. */
  turn(): void {
    for (const [key, { endTick }] of this.#sessions) {
      if (endTick > this.#ticker.tick) return;
      this.take(key)?.();
    }
  }
}
