/**
 * Continuity: keeps every stream of the worker without a hole, and answers who comes back.
 *
 * A stream that finds something missing is read on from the log at once. Quiet streams are compared with the broker now and then,
 * each at its own time, at a bounded rate; after an outage all of them are, a bounded number at once. Clients that come
 * back together share the reads. Invariant: at most one read is under way for a place, and what it brings reaches the place's
 * listeners in order, or they are told of the gap.
 */
import { encodeGap, encodePublication, normalizeData, type Position } from "@holdfast/protocol";
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
import type { Logger } from "../runtime/logger.js";
import type { Metrics } from "../runtime/metrics.js";
import { Reads } from "../runtime/reads.js";
import { Roster } from "../runtime/slot-array.js";
import { ticks, type Wheel } from "../runtime/ticker.js";
import { TailBudget } from "./recent-entries.js";
import { type Progress, type Recovery, Stream, type StreamLimits } from "./stream.js";

/** A read of a topic's log. `proof`: onward from the stream's position. `past`: what lies before its recent entries. */
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

export interface ContinuityOptions {
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

export interface ContinuityParts {
  readonly broker: Broker;
  readonly fanOut: FanOut;
  readonly wheel: Wheel;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/** Looks at quiet streams a tick: 200 a second. With more streams than that allows, each is looked at less often. */
const MAX_CHECKS_PER_TICK = 20;
/** Streams that are proven at once after an outage. */
const MAX_PROOFS_AT_ONCE = 256;
/** Pages under way at once. A place has one at most, so what waits is bounded by the places. */
const MAX_PAGES_AT_ONCE = 32;
/** What is read beyond what one client asked for: those who come back with it missed a little more or less. */
const SLACK = 64;
/** What is tried for one client before it is told that too much is happening. */
const MAX_STEPS_PER_RECOVERY = 8;

export class Continuity {
  readonly #limits: StreamLimits;
  readonly #budget: TailBudget;
  readonly #checkTicks: number;
  readonly #parts: ContinuityParts;
  readonly #places = new Roster<LoggedTopic>();
  readonly #maxReadBytes: number;
  readonly #reads = new Reads({
    atOnce: MAX_PAGES_AT_ONCE,
    maxWaiting: Number.POSITIVE_INFINITY,
    maxWaitingPerLane: Number.POSITIVE_INFINITY,
  });
  /** The next slot to prove after an outage; at the end of the roster when all are. */
  #unproven = Number.POSITIVE_INFINITY;
  #proofs = 0;
  /** Places whose log could not be read, or not be delivered: each is tried again with one of the next ticks. */
  readonly #overdue = new Set<LoggedTopic>();

  constructor(options: ContinuityOptions, parts: ContinuityParts) {
    this.#limits = { maxEntries: options.maxRecovered, maxChars: options.maxRecoveredChars };
    this.#maxReadBytes = options.maxReadBytes;
    this.#budget = new TailBudget(options.maxTailChars);
    this.#checkTicks = ticks(options.positionCheckMs);
    this.#parts = parts;
  }

  newStream(): Stream {
    return new Stream(this.#limits, this.#budget);
  }

  /** Finds out where the stream begins. Rejects as the broker does. */
  async begin(place: LoggedTopic, stream: Stream): Promise<void> {
    this.#places.add(place);
    const page = await this.#read(place, { from: stream.next, limit: 0 });
    if (place.slot === -1) return;
    const progress = stream.begin(page);
    this.#go(place, stream, progress);
    if (progress.more) void this.#prove(place, stream);
  }

  end(place: LoggedTopic): void {
    this.#places.remove(place);
    this.#overdue.delete(place);
    place.stream?.close();
  }

  /** A publication of a stream, as JSON text. */
  arrive(place: LoggedTopic, stream: Stream, data: string, position: Position): void {
    switch (stream.arrive(position, data)) {
      case "deliver": {
        const { offset } = position;
        const push = encodePublication(channelOf(place.topic) ?? "", data, offset, stream.newEpoch);
        const span = stream.position && { from: stream.position, to: position };
        // What finds no room is not lost: the stream has not moved, so the log is read again, a little later.
        if (!this.#parts.fanOut.add(place, push, data, span)) {
          stream.prove();
          this.#overdue.add(place);
          return;
        }
        stream.epochTold();
        return stream.advance({ offset, data });
      }
      case "behind":
        this.#parts.metrics.add("stream_holes", 1);
        void this.#prove(place, stream);
        return;
      default:
        return;
    }
  }

  /** Publications were left out for this worker: what the log keeps of them is read. */
  skipped(place: LoggedTopic, stream: Stream): void {
    stream.prove();
    void this.#prove(place, stream);
  }

  /** What who stood at `since` is told, having joined after `heard`. */
  recover(stream: Stream, since: Position, heard: Position): Recovery {
    const recovery = stream.recover(since, heard);
    if (recovery.kind === "recovered") this.#parts.metrics.add("recovered", 1);
    else this.#parts.metrics.add("unrecovered", 1);
    return recovery;
  }

  /** Whether `recover` needs nothing more than what is here. */
  knows(place: LoggedTopic, stream: Stream, since: Position): boolean {
    const heard = lastHeard(place);
    if (heard === undefined) return false;
    const { kind } = stream.recover(since, heard);
    return kind === "recovered" || kind === "lost";
  }

  /** Reads what `recover` needs, as far as reading can bring it about. Rejects as the broker does. */
  async learn(place: LoggedTopic, stream: Stream, since: Position): Promise<void> {
    for (let steps = 0, proofs = 0; steps < MAX_STEPS_PER_RECOVERY; steps++) {
      const heard = lastHeard(place);
      if (heard === undefined) return;
      const recovery = stream.recover(since, heard);
      switch (recovery.kind) {
        case "ahead":
          // The first may have been under way before the client came.
          if (++proofs > 2) return stream.refute(since.epoch);
          await this.#alone(place, "proof", () => this.#proof(place, stream));
          break;
        case "earlier":
          stream.want(recovery.from);
          await this.#alone(place, "past", () => this.#extend(place, stream));
          if (stream.proving) void this.#prove(place, stream);
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
    const step = Math.max(this.#checkTicks, Math.ceil(this.#places.end / MAX_CHECKS_PER_TICK));
    for (let slot = this.#parts.wheel.tick % step; slot < this.#places.end; slot += step) {
      const place = this.#places.at(slot);
      if (place?.stream === undefined || place.confirming !== undefined) continue;
      if (place.stream.rested() && place.reading === undefined) {
        this.#parts.metrics.add("position_checks", 1);
        void this.#prove(place, place.stream);
      }
    }
  }

  #catchUp(): void {
    if (this.#overdue.size === 0 || this.#parts.broker.state !== "ready") return;
    let left = MAX_CHECKS_PER_TICK;
    for (const place of this.#overdue) {
      if (left-- === 0) return;
      this.#overdue.delete(place);
      if (place.stream?.proving && place.slot !== -1) void this.#prove(place, place.stream);
    }
  }

  #pump(): void {
    while (this.#proofs < MAX_PROOFS_AT_ONCE && this.#unproven < this.#places.end) {
      const place = this.#places.at(this.#unproven++);
      if (place?.stream === undefined || place.confirming !== undefined) continue;
      this.#proofs++;
      this.#prove(place, place.stream).finally(() => {
        this.#proofs--;
        this.#pump();
      });
    }
  }

  /** Never rejects: what fails now is tried again with the next tick, or when the broker is back; an error, by the next check. */
  async #prove(place: LoggedTopic, stream: Stream): Promise<void> {
    try {
      await this.#alone(place, "proof", () => this.#proof(place, stream));
    } catch (error) {
      if (error instanceof BrokerUnavailable) {
        if (place.slot !== -1 && stream.proving) this.#overdue.add(place);
        return;
      }
      this.#parts.logger.error({ topic: place.topic, err: error }, "could not read a log");
    }
  }

  /** Reads on until the stream stands at the log's end. */
  async #proof(place: LoggedTopic, stream: Stream): Promise<void> {
    for (;;) {
      const page = await this.#read(place, { from: stream.next, limit: this.#limits.maxEntries });
      if (place.slot === -1) return;
      const progress = stream.accept(page);
      this.#go(place, stream, progress);
      if (!progress.more) return;
      // What was read is not dropped: the next page waits until most of it is on its way.
      while (!this.#parts.fanOut.hasRoom) await this.#parts.fanOut.turn();
      if (place.slot === -1) return;
    }
  }

  async #extend(place: LoggedTopic, stream: Stream): Promise<void> {
    const wanted = stream.takeWanted();
    if (wanted === undefined) return;
    const limit = this.#limits.maxEntries + SLACK;
    const from = Math.max(1, wanted.from - SLACK, wanted.to - limit + 1);
    // Downwards: each page ends where the tail begins, however many pages it takes.
    for (let to = wanted.to; to >= from; ) {
      const page = await this.#read(place, { from: to, limit: to - from + 1, reverse: true });
      this.#parts.metrics.add("recovery_reads", 1);
      const lowest = page.entries.at(-1)?.offset;
      if (place.slot === -1) return;
      const extended = stream.extend({ ...page, entries: [...page.entries].reverse() });
      if (!extended || lowest === undefined) return;
      to = lowest - 1;
    }
  }

  /** One read at a time for a place. Who wants the same shares the one under way; who wants the other waits for its end. */
  async #alone(place: LoggedTopic, what: Reading["what"], read: () => Promise<void>): Promise<void> {
    while (place.reading !== undefined) {
      if (place.reading.what === what) return place.reading.done;
      await place.reading.done.catch(() => {});
    }
    const done = read().finally(() => {
      place.reading = undefined;
    });
    place.reading = { what, done };
    return done;
  }

  async #read(place: LoggedTopic, query: Omit<LogQuery, "retention">): Promise<LogPage> {
    const { retention } = place;
    if (retention === undefined) throw new Error(`${place.topic} keeps no history`);
    const { broker, metrics } = this.#parts;
    const read = (): Promise<LogPage> =>
      broker.read(place.topic, { ...query, maxBytes: this.#maxReadBytes, retention });
    // The position alone costs nothing, and many places ask for it when they begin.
    const page = await (query.limit === 0 ? read() : this.#reads.run(place, read));
    metrics.add("read_bytes", bytesOf(page.entries));
    return {
      ...page,
      entries: page.entries.map(({ offset, data }) => ({ offset, data: normalizeData(data) })),
    };
  }

  /** Delivers what a page has brought. Bounded by the page: it is not dropped where fan-out is full. */
  #go(place: LoggedTopic, stream: Stream, { gap, entries }: Progress): void {
    const { fanOut, metrics, logger } = this.#parts;
    const epoch = stream.position?.epoch ?? "";
    const channel = channelOf(place.topic) ?? "";
    if (gap !== undefined) {
      const { after, ...notice } = gap;
      metrics.add("gaps", 1);
      logger.warn({ topic: place.topic, ...notice }, "publications could not be recovered");
      const span = { from: after, to: { offset: gap.to, epoch } };
      fanOut.insist(place, encodeGap({ channel, ...notice, epoch }), undefined, span);
      stream.epochTold();
    }
    for (const { offset, data } of entries) {
      const push = encodePublication(channel, data, offset, stream.newEpoch);
      fanOut.insist(place, push, data, { from: { offset: offset - 1, epoch }, to: { offset, epoch } });
      stream.epochTold();
    }
  }
}

/** After which position the place's listeners have yet to be told: who joins now hears everything after it. */
export function lastHeard(place: LoggedTopic): Position | undefined {
  return place.pending?.base ?? place.stream?.position;
}
