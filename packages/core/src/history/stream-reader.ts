/**
 * StreamReader: keeps every stream of the worker without a hole, and answers clients that come back.
 *
 * A stream that finds something missing is read on from the log at once. Clients that come back together
 * share the reads. When quiet streams are compared with the log is in `proof-schedule.ts`, how a log is read
 * in `log-reads.ts`, what becomes of a page in `stream-delivery.ts`. Invariant: what a read brings reaches
 * the topic's listeners in order, or they are told of the gap.
 */
import type { Data, Position } from "@holdfast/protocol";
import { type Broker, BrokerUnavailable } from "../broker/broker.js";
import { channelOf } from "../broker/topic.js";
import type { Audience, FanOut } from "../delivery/fan-out.js";
import { publicationPush } from "../delivery/push.js";
import type { Incidents } from "../runtime/incidents.js";
import type { Logger } from "../runtime/logger.js";
import type { Metrics } from "../runtime/metrics.js";
import { type Ticker, ticks } from "../runtime/ticker.js";
import { LogReads } from "./log-reads.js";
import { ProofSchedule, type ProvenTopic } from "./proof-schedule.js";
import { RecentEntriesBudget } from "./recent-entries.js";
import type { Recovery } from "./recovery.js";
import { Stream, type StreamLimits } from "./stream.js";
import { deliverProgress } from "./stream-delivery.js";

/** A topic with a log, as far as its reader needs it. */
export interface LoggedTopic extends Audience, ProvenTopic {}

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
  readonly incidents: Incidents;
  readonly logger: Logger;
}

/**
 * What is read beyond what one client asked for: clients that come back with it missed a little more or less.
 */
const SLACK = 64;
/** What is tried for one client before it is told that too much is happening. */
const MAX_STEPS_PER_RECOVERY = 8;

export class StreamReader {
  readonly #limits: StreamLimits;
  readonly #budget: RecentEntriesBudget;
  readonly #parts: StreamReaderParts;
  readonly #reads: LogReads;
  readonly #schedule: ProofSchedule<LoggedTopic>;

  constructor(options: StreamReaderOptions, parts: StreamReaderParts) {
    this.#limits = { maxEntries: options.maxRecovered, maxChars: options.maxRecoveredChars };
    this.#budget = new RecentEntriesBudget(options.maxTailChars);
    this.#parts = parts;
    this.#reads = new LogReads(options.maxReadBytes, parts);
    this.#schedule = new ProofSchedule(ticks(options.positionCheckMs), {
      ...parts,
      prove: (topicState, stream) => this.#prove(topicState, stream),
    });
  }

  newStream(): Stream {
    return new Stream(this.#limits, this.#budget);
  }

  /** Finds out where the stream begins. Rejects as the broker does. */
  async begin(topicState: LoggedTopic, stream: Stream): Promise<void> {
    this.#schedule.add(topicState);
    const page = await this.#reads.page(topicState, { from: stream.next, limit: 0 });
    if (topicState.slot === -1) return;
    const progress = stream.begin(page);
    deliverProgress(this.#parts, topicState, stream, progress);
    if (progress.more) void this.#prove(topicState, stream);
  }

  end(topicState: LoggedTopic): void {
    this.#schedule.remove(topicState);
    topicState.stream?.close();
  }

  /** A publication of a stream, as JSON text or bytes. */
  arrive(topicState: LoggedTopic, stream: Stream, data: Data, position: Position): void {
    switch (stream.arrive(position, data)) {
      case "deliver": {
        const { offset } = position;
        const push = publicationPush(channelOf(topicState.topic) ?? "", data, offset, stream.epochs.due);
        const span = stream.position && { from: stream.position, to: position };
        // What finds no room is not lost: the stream has not moved, so the log is read again, a little later.
        if (!this.#parts.fanOut.add(topicState, push, span)) {
          stream.prove();
          this.#schedule.postpone(topicState);
          return;
        }
        stream.epochs.told();
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
          if (++proofs > 2) return stream.epochs.refute(since.epoch);
          await this.#reads.alone(topicState, "proof", () => this.#proof(topicState, stream));
          break;
        case "earlier":
          stream.recent.want(recovery.from);
          await this.#reads.alone(topicState, "past", () => this.#extend(topicState, stream));
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
    this.#schedule.restored();
  }

  /** One tick's share of the quiet streams, and of those that could not be proven before. */
  turn(): void {
    this.#schedule.turn();
  }

  /**
   * Never rejects: what fails now is tried again with the next tick, or when the broker is back; an error, by
   * the next check.
   */
  async #prove(topicState: LoggedTopic, stream: Stream): Promise<void> {
    try {
      await this.#reads.alone(topicState, "proof", () => this.#proof(topicState, stream));
    } catch (error) {
      if (error instanceof BrokerUnavailable) {
        if (topicState.slot !== -1 && stream.proving) this.#schedule.postpone(topicState);
        return;
      }
      this.#parts.logger.error({ topic: topicState.topic, err: error }, "could not read a log");
    }
  }

  /** Reads on until the stream stands at the log's end. */
  async #proof(topicState: LoggedTopic, stream: Stream): Promise<void> {
    for (;;) {
      const page = await this.#reads.page(topicState, { from: stream.next, limit: this.#limits.maxEntries });
      if (topicState.slot === -1) return;
      const progress = stream.accept(page);
      deliverProgress(this.#parts, topicState, stream, progress);
      if (!progress.more) return;
      // What was read is not dropped: the next page waits until most of it is on its way.
      while (!this.#parts.fanOut.hasRoom) await this.#parts.fanOut.turn();
      if (topicState.slot === -1) return;
    }
  }

  async #extend(topicState: LoggedTopic, stream: Stream): Promise<void> {
    const wanted = stream.recent.takeWanted(stream.next);
    if (wanted === undefined) return;
    const limit = this.#limits.maxEntries + SLACK;
    const from = Math.max(1, wanted.from - SLACK, wanted.to - limit + 1);
    // Downwards: each page ends where the tail begins, however many pages it takes.
    for (let to = wanted.to; to >= from; ) {
      const page = await this.#reads.page(topicState, { from: to, limit: to - from + 1, reverse: true });
      this.#parts.metrics.add("recovery_reads", 1);
      const lowest = page.entries.at(-1)?.offset;
      if (topicState.slot === -1) return;
      const extended = stream.extend({ ...page, entries: [...page.entries].reverse() });
      if (!extended || lowest === undefined) return;
      to = lowest - 1;
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
