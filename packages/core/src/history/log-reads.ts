/**
 * Log reads: how this worker reads the logs of its topics.
 *
 * Owns that a topic has one read at a time, shared by all callers that want the same, and how many pages are
 * under way. Leaves to the reader of streams when a log is read, from where, and what a page means.
 * Invariants: at most one read is under way for a topic; at most `MAX_PAGES_AT_ONCE` pages for the worker; an
 * entry leaves here as the JSON text, or the bytes, that go into frames.
 */
import { normalizeData } from "@holdfast/protocol";
import { type Broker, bytesOf, type LogPage, type LogQuery, type Retention } from "../broker/broker.js";
import type { Topic } from "../broker/topic.js";
import { FairTurns } from "../runtime/fair-turns.js";
import type { Metrics } from "../runtime/metrics.js";

/**
 * A read of a topic's log. `proof`: onward from the stream's position. `past`: what lies before its recent
 * entries.
 */
export interface Reading {
  readonly what: "proof" | "past";
  readonly done: Promise<void>;
}

/** A topic whose log is read. */
export interface ReadTopic {
  readonly topic: Topic;
  readonly retention: Retention | undefined;
  /** The read that is under way; one at a time. Written by `LogReads` alone. */
  reading: Reading | undefined;
}

export interface LogReadsParts {
  readonly broker: Broker;
  readonly metrics: Metrics;
}

/** Pages under way at once. A topic has one at most, so what waits is bounded by the topics. */
const MAX_PAGES_AT_ONCE = 32;

export class LogReads {
  readonly #parts: LogReadsParts;
  readonly #maxBytes: number;
  readonly #turns = new FairTurns({
    atOnce: MAX_PAGES_AT_ONCE,
    atOncePerAsker: 1,
    maxWaiting: Number.POSITIVE_INFINITY,
    maxWaitingPerAsker: Number.POSITIVE_INFINITY,
  });

  /** `maxBytes`: what one page of a log brings. */
  constructor(maxBytes: number, parts: LogReadsParts) {
    this.#maxBytes = maxBytes;
    this.#parts = parts;
  }

  /**
   * Runs `read`, of as many pages as it takes. A caller that wants the same read shares the one under way. A
   * caller that wants the other waits for its end. Rejects as `read` does.
   */
  async alone(topic: ReadTopic, what: Reading["what"], read: () => Promise<void>): Promise<void> {
    while (topic.reading !== undefined) {
      if (topic.reading.what === what) return topic.reading.done;
      await topic.reading.done.catch(() => {});
    }
    const done = read().finally(() => {
      topic.reading = undefined;
    });
    topic.reading = { what, done };
    return done;
  }

  /** One page of the log. Rejects as the broker does. */
  async page(topic: ReadTopic, query: Omit<LogQuery, "retention">): Promise<LogPage> {
    const { retention } = topic;
    if (retention === undefined) throw new Error(`${topic.topic} keeps no history`);
    const { broker, metrics } = this.#parts;
    const read = (): Promise<LogPage> =>
      broker.read(topic.topic, { ...query, maxBytes: this.#maxBytes, retention });
    // The position alone costs nothing, and many topics ask for it when they begin.
    const page = await (query.limit === 0 ? read() : this.#turns.run(topic, read));
    metrics.add("read_bytes", bytesOf(page.entries));
    return {
      ...page,
      entries: page.entries.map(({ offset, data }) => ({ offset, data: normalizeData(data) })),
    };
  }
}
