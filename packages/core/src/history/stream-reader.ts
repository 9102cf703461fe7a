/**
 * StreamReader: keeps every stream of the worker without a hole, and answers who comes back.
 *
 * A stream that finds something missing is read on from the log at once. Quiet streams are compared with the
 * broker now and then, each at its own time, at a bounded rate; after an outage all of them are, a bounded
 * number at once. Clients that come back together share the reads. Invariant: at most one read is under way
 * for a topic state, and what it brings reaches the topic's listeners in order, or they are told of the gap.
 */
import { normalizeData, type Position } from "@holdfast/protocol";
import {
  type Broker,
  BrokerUnavailable,
  bytesOf,
  type LogPage,
  type LogQuery,
  type Retention,
} from "../broker/broker.js";
import { channelOf, type Topic } from "../broker/topic.js";
import type { Audience, FanOut } from "../delivery/fan-out.js";
import { gapPush, publicationPush } from "../delivery/push.js";
import { FairTurns } from "../runtime/fair-turns.js";
import type { Logger } from "../runtime/logger.js";
import type { Metrics } from "../runtime/metrics.js";
import { SlotArray } from "../runtime/slot-array.js";
import { type Ticker, ticks } from "../runtime/ticker.js";
import { RecentEntriesBudget } from "./recent-entries.js";
import { type Recovery, Stream, type StreamLimits, type StreamProgress } from "./stream.js";

/**
 * A read of a topic's log. `proof`: onward from the stream's position. `past`: what lies before its recent
 * entries.
 */
export interface Reading {
  readonly what: "proof" | "past";
  readonly done: Promise<void>;
}

/** A topic with a log, as far as its reader needs it. */
export interface LoggedTopic extends Audience {
  readonly topic: Topic;
  readonly retention: Retention | undefined;
  readonly stream: Stream | undefined;
  /** The broker's confirmation of the subscription, while it is awaited. */
  readonly confirming: Promise<void> | undefined;
  /** The read that is under way; one at a time. */
  reading: Reading | undefined;
  /** Among the topics with a stream; -1 outside. */
  slot: number;
}

export interface StreamReaderOptions {
  /** Publications that one recovery may bring. */
  readonly maxRecovered: number;
  /** Characters that one recovery may bring. */
  readonly maxRecoveredChars: number;
  /** Characters that all tails may hold. */
  readonly maxTailChars: number;
  /** Bytes that one page of a log brings. */
  readonly maxReadBytes: number;
  /** Time between two looks at a quiet stream, ms. */
  readonly positionCheckMs: number;
}

export interface StreamReaderParts {
  readonly broker: Broker;
  readonly fanOut: FanOut;
  readonly ticker: Ticker;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/**
 * Looks at quiet streams a tick: 200 a second. With more streams than that allows, each is looked at less
 * often.
 */
const MAX_CHECKS_PER_TICK = 20;
/** Streams that are proven at once after an outage. */
const MAX_PROOFS_AT_ONCE = 256;
/** Pages under way at once. A topic state has one at most, so what waits is bounded by the topic states. */
const MAX_PAGES_AT_ONCE = 32;
/**
 * What is read beyond what one client asked for: clients that come back with it missed a little more or less.
 */
const SLACK = 64;
/** What is tried for one client before it is told that too much is happening. */
const MAX_STEPS_PER_RECOVERY = 8;

export class StreamReader {
  readonly #limits: StreamLimits;
  readonly #budget: RecentEntriesBudget;
  readonly #checkTicks: number;
  readonly #parts: StreamReaderParts;
  readonly #topicStates = new SlotArray<LoggedTopic>();
  readonly #maxReadBytes: number;
  readonly #reads = new FairTurns({
    atOnce: MAX_PAGES_AT_ONCE,
    atOncePerAsker: 1,
    maxWaiting: Number.POSITIVE_INFINITY,
    maxWaitingPerAsker: Number.POSITIVE_INFINITY,
  });
  /** The next slot to prove after an outage; at the end of the slot array when all are. */
  #unproven = Number.POSITIVE_INFINITY;
  #proofs = 0;
  /**
   * Topic states whose log could not be read, or not be delivered: each is tried again with one of the next
   * ticks.
   */
  readonly #overdue = new Set<LoggedTopic>();

  constructor(options: StreamReaderOptions, parts: StreamReaderParts) {
    this.#limits = { maxEntries: options.maxRecovered, maxChars: options.maxRecoveredChars };
    this.#maxReadBytes = options.maxReadBytes;
    this.#budget = new RecentEntriesBudget(options.maxTailChars);
    this.#checkTicks = ticks(options.positionCheckMs);
    this.#parts = parts;
  }

  newStream(): Stream {
    return new Stream(this.#limits, this.#budget);
  }

  /** Finds out where the stream begins. Rejects as the broker does. */
  async begin(topicState: LoggedTopic, stream: Stream): Promise<void> {
    this.#topicStates.add(topicState);
    const page = await this.#read(topicState, { from: stream.next, limit: 0 });
    if (topicState.slot === -1) return;
    const progress = stream.begin(page);
    this.#go(topicState, stream, progress);
    if (progress.more) void this.#prove(topicState, stream);
  }

  end(topicState: LoggedTopic): void {
    this.#topicStates.remove(topicState);
    this.#overdue.delete(topicState);
    topicState.stream?.close();
  }

  /** A publication of a stream, as JSON text. */
  arrive(topicState: LoggedTopic, stream: Stream, data: string, position: Position): void {
    switch (stream.arrive(position, data)) {
      case "deliver": {
        const { offset } = position;
        const push = publicationPush(channelOf(topicState.topic) ?? "", data, offset, stream.newEpoch);
        const span = stream.position && { from: stream.position, to: position };
        // What finds no room is not lost: the stream has not moved, so the log is read again, a little later.
        if (!this.#parts.fanOut.add(topicState, push, span)) {
          stream.prove();
          this.#overdue.add(topicState);
          return;
        }
        stream.epochTold();
        return stream.advance({ offset, data });
      }
      case "behind":
        this.#parts.metrics.add("stream_holes", 1);
        void this.#prove(topicState, stream);
        return;
      default:
        return;
    }
  }

  /** Publications were left out for this worker: what the log keeps of them is read. */
  skipped(topicState: LoggedTopic, stream: Stream): void {
    stream.prove();
    void this.#prove(topicState, stream);
  }

  /** The recovery result for a client at `since` that will receive everything after `heard`. */
  recover(stream: Stream, since: Position, heard: Position): Recovery {
    const recovery = stream.recover(since, heard);
    if (recovery.kind === "recovered") this.#parts.metrics.add("recovered", 1);
    else this.#parts.metrics.add("unrecovered", 1);
    return recovery;
  }

  /** Whether `recover` needs nothing more than what is here. */
  knows(topicState: LoggedTopic, stream: Stream, since: Position): boolean {
    const heard = lastHeard(topicState);
    if (heard === undefined) return false;
    const { kind } = stream.recover(since, heard);
    return kind === "recovered" || kind === "lost";
  }

  /** Reads what `recover` needs, as far as reading can bring it about. Rejects as the broker does. */
  async learn(topicState: LoggedTopic, stream: Stream, since: Position): Promise<void> {
    for (let steps = 0, proofs = 0; steps < MAX_STEPS_PER_RECOVERY; steps++) {
      const heard = lastHeard(topicState);
      if (heard === undefined) return;
      const recovery = stream.recover(since, heard);
      switch (recovery.kind) {
        case "ahead":
          // The first may have been under way before the client came.
          if (++proofs > 2) return stream.refute(since.epoch);
          await this.#alone(topicState, "proof", () => this.#proof(topicState, stream));
          break;
        case "earlier":
          stream.want(recovery.from);
          await this.#alone(topicState, "past", () => this.#extend(topicState, stream));
          if (stream.proving) void this.#prove(topicState, stream);
          break;
        case "torn":
        case "amid":
          await this.#parts.fanOut.turn();
          break;
        default:
          return;
      }
    }
  }

  /** The broker is back: everything may have happened. */
  restored(): void {
    this.#unproven = 0;
    this.#overdue.clear();
    this.#pump();
  }

  /** One tick's share of the quiet streams, and of those that could not be proven before. */
  turn(): void {
    // What a log brings is delivered whatever waits already, so nothing is read while too much does.
    if (!this.#parts.fanOut.hasRoom) return;
    this.#catchUp();
    const step = Math.max(this.#checkTicks, Math.ceil(this.#topicStates.end / MAX_CHECKS_PER_TICK));
    for (let slot = this.#parts.ticker.tick % step; slot < this.#topicStates.end; slot += step) {
      const topicState = this.#topicStates.at(slot);
      if (topicState?.stream === undefined || topicState.confirming !== undefined) continue;
      if (topicState.stream.rested() && topicState.reading === undefined) {
        this.#parts.metrics.add("position_checks", 1);
        void this.#prove(topicState, topicState.stream);
      }
    }
  }

  #catchUp(): void {
    if (this.#overdue.size === 0 || this.#parts.broker.state !== "ready") return;
    let left = MAX_CHECKS_PER_TICK;
    for (const topicState of this.#overdue) {
      if (left-- === 0) return;
      this.#overdue.delete(topicState);
      if (topicState.stream?.proving && topicState.slot !== -1)
        void this.#prove(topicState, topicState.stream);
    }
  }

  #pump(): void {
    while (this.#proofs < MAX_PROOFS_AT_ONCE && this.#unproven < this.#topicStates.end) {
      const topicState = this.#topicStates.at(this.#unproven++);
      if (topicState?.stream === undefined || topicState.confirming !== undefined) continue;
      this.#proofs++;
      this.#prove(topicState, topicState.stream).finally(() => {
        this.#proofs--;
        this.#pump();
      });
    }
  }

  /**
   * Never rejects: what fails now is tried again with the next tick, or when the broker is back; an error, by
   * the next check.
   */
  async #prove(topicState: LoggedTopic, stream: Stream): Promise<void> {
    try {
      await this.#alone(topicState, "proof", () => this.#proof(topicState, stream));
    } catch (error) {
      if (error instanceof BrokerUnavailable) {
        if (topicState.slot !== -1 && stream.proving) this.#overdue.add(topicState);
        return;
      }
      this.#parts.logger.error({ topic: topicState.topic, err: error }, "could not read a log");
    }
  }

  /** Reads on until the stream stands at the log's end. */
  async #proof(topicState: LoggedTopic, stream: Stream): Promise<void> {
    for (;;) {
      const page = await this.#read(topicState, { from: stream.next, limit: this.#limits.maxEntries });
      if (topicState.slot === -1) return;
      const progress = stream.accept(page);
      this.#go(topicState, stream, progress);
      if (!progress.more) return;
      // What was read is not dropped: the next page waits until most of it is on its way.
      while (!this.#parts.fanOut.hasRoom) await this.#parts.fanOut.turn();
      if (topicState.slot === -1) return;
    }
  }

  async #extend(topicState: LoggedTopic, stream: Stream): Promise<void> {
    const wanted = stream.takeWanted();
    if (wanted === undefined) return;
    const limit = this.#limits.maxEntries + SLACK;
    const from = Math.max(1, wanted.from - SLACK, wanted.to - limit + 1);
    // Downwards: each page ends where the tail begins, however many pages it takes.
    for (let to = wanted.to; to >= from; ) {
      const page = await this.#read(topicState, { from: to, limit: to - from + 1, reverse: true });
      this.#parts.metrics.add("recovery_reads", 1);
      const lowest = page.entries.at(-1)?.offset;
      if (topicState.slot === -1) return;
      const extended = stream.extend({ ...page, entries: [...page.entries].reverse() });
      if (!extended || lowest === undefined) return;
      to = lowest - 1;
    }
  }

  /**
   * One read at a time for a topic state. A caller that wants the same read shares the one under way; one
   * that wants the other waits for its end.
   */
  async #alone(topicState: LoggedTopic, what: Reading["what"], read: () => Promise<void>): Promise<void> {
    while (topicState.reading !== undefined) {
      if (topicState.reading.what === what) return topicState.reading.done;
      await topicState.reading.done.catch(() => {});
    }
    const done = read().finally(() => {
      topicState.reading = undefined;
    });
    topicState.reading = { what, done };
    return done;
  }

  async #read(topicState: LoggedTopic, query: Omit<LogQuery, "retention">): Promise<LogPage> {
    const { retention } = topicState;
    if (retention === undefined) throw new Error(`${topicState.topic} keeps no history`);
    const { broker, metrics } = this.#parts;
    const read = (): Promise<LogPage> =>
      broker.read(topicState.topic, { ...query, maxBytes: this.#maxReadBytes, retention });
    // The position alone costs nothing, and many topic states ask for it when they begin.
    const page = await (query.limit === 0 ? read() : this.#reads.run(topicState, read));
    metrics.add("read_bytes", bytesOf(page.entries));
    return {
      ...page,
      entries: page.entries.map(({ offset, data }) => ({ offset, data: normalizeData(data) })),
    };
  }

  /** Delivers what a page has brought. Bounded by the page: it is not dropped where fan-out is full. */
  #go(topicState: LoggedTopic, stream: Stream, { gap, entries }: StreamProgress): void {
    const { fanOut, metrics, logger } = this.#parts;
    const epoch = stream.position?.epoch ?? "";
    const channel = channelOf(topicState.topic) ?? "";
    if (gap !== undefined) {
      const { after, ...notice } = gap;
      metrics.add("gaps", 1);
      logger.warn({ topic: topicState.topic, ...notice }, "publications could not be recovered");
      const span = { from: after, to: { offset: gap.to, epoch } };
      fanOut.addAlways(topicState, gapPush({ channel, ...notice, epoch }), span);
      stream.epochTold();
    }
    for (const { offset, data } of entries) {
      const push = publicationPush(channel, data, offset, stream.newEpoch);
      fanOut.addAlways(topicState, push, {
        from: { offset: offset - 1, epoch },
        to: { offset, epoch },
      });
      stream.epochTold();
    }
  }
}

/**
 * After which position the topic's listeners have yet to be told: a client that joins now receives everything
 * after it.
 */
export function lastHeard(topicState: LoggedTopic): Position | undefined {
  return topicState.pending?.base ?? topicState.stream?.position;
}
