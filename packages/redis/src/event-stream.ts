/**
 * The event sink on Redis: a stream that backends read, with consumer groups or without.
 *
 * Events of a worker wait in one queue (event-queue.ts) and leave in batches, one at a time, so that they are
 * in the stream in the order in which they were told. A batch that fails is tried again, and an event with a
 * waiting caller is refused, since the caller needs an answer in time. Invariant: at most one batch is under
 * way; each event has the id `<sink>-<n>`, n counting up by one, so that readers see what came twice and what
 * is missing.
 */
import { randomBytes } from "node:crypto";
import { BrokerUnavailable, type EventSink, eventFields, type GatewayEvent } from "@holdfast/core";
import { SCRIPTS } from "./connection/script.js";
import type { ScriptHost } from "./connection/script-host.js";
import { EventQueue, type QueuedEvent } from "./event-queue.js";
import { RedisKeys } from "./keys.js";
import type { RedisOptions, RedisSeams } from "./options.js";
import { pause } from "./runtime/pause.js";

/** One batch: how long Redis serves no other client, and what an answer can be lost for. */
const MAX_BATCH = 256;
const MAX_BATCH_BYTES = 512 * 1024;

/** Time between two looks at a Redis that is away or fails, ms. */
const RETRY_MS = 250;

/** How long closing waits for the last events, ms. */
const MAX_CLOSING_MS = 1000;

/** About how much the stream keeps. */
export interface EventBounds {
  readonly maxLength: number;
  /** Of Redis's memory. */
  readonly maxBytes: number;
}

export class EventStream implements EventSink {
  readonly #host: ScriptHost;
  /** As the script takes them. */
  readonly #bounds: readonly string[];
  readonly #seams: RedisSeams;
  readonly #stream: string;
  readonly #queue: EventQueue;
  /** Names this sink among all. */
  readonly #name = randomBytes(8).toString("hex");
  readonly #closing = new AbortController();
  #closed: Promise<void> | undefined;
  #last = 0;
  #failure = "";
  /** Passes events on, while there are any. */
  #running: Promise<void> | undefined;

  constructor(host: ScriptHost, bounds: EventBounds, options: RedisOptions, seams: RedisSeams) {
    this.#host = host;
    this.#bounds = [String(bounds.maxLength), String(bounds.maxBytes)];
    this.#seams = seams;
    this.#stream = new RedisKeys(options.prefix).events;
    this.#queue = new EventQueue(options.maxQueuedEvents, options.maxQueuedEventBytes);
  }

  tell(event: GatewayEvent): void {
    if (this.#closed !== undefined) this.#seams.metrics.add("events_dropped", 1);
    else this.#push(event, undefined);
  }

  deliver(event: GatewayEvent): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed !== undefined) return reject(new BrokerUnavailable("the stream of events is closed"));
      if (this.#host.state !== "ready")
        return reject(new BrokerUnavailable(`the Redis broker is ${this.#host.state}`));
      this.#push(event, (problem) => (problem === undefined ? resolve() : reject(problem)));
    });
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const { clock } = this.#seams;
    // While Redis is away nothing can be passed on at once.
    const patienceMs = this.#host.state === "ready" ? MAX_CLOSING_MS : 0;
    if (this.#running !== undefined) {
      const enough = new AbortController();
      await Promise.race([this.#running, pause(clock, patienceMs, enough.signal)]);
      enough.abort();
    }
    this.#closing.abort();
    this.#drop(this.#queue.take(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY));
  }

  #push(event: GatewayEvent, settle: QueuedEvent["settle"]): void {
    const id = `${this.#name}-${++this.#last}`;
    const fields = ["id", id, ...eventFields(event, this.#seams.clock.now())];
    let bytes = 0;
    for (const field of fields) bytes += Buffer.byteLength(field);
    this.#drop(this.#queue.push({ fields, bytes, settle }));
    this.#running ??= this.#run();
  }

  /** Too many waited: the oldest are gone. */
  #drop(events: readonly QueuedEvent[]): void {
    for (const { settle } of events) {
      if (settle === undefined) this.#seams.metrics.add("events_dropped", 1);
      else settle(new BrokerUnavailable("too many events wait for Redis"));
    }
  }

  /** Until no event waits, or no caller does. Never rejects. */
  async #run(): Promise<void> {
    const { clock } = this.#seams;
    const { signal } = this.#closing;
    // What the same turn of the event loop says leaves together.
    await new Promise<void>((resolve) => clock.defer(resolve));
    while (this.#queue.size > 0 && !signal.aborted) {
      if (this.#host.state === "ready" && (await this.#pass())) continue;
      await pause(clock, RETRY_MS, signal);
    }
    this.#running = undefined;
  }

  /** One batch. True when Redis has it. */
  async #pass(): Promise<boolean> {
    const batch = this.#queue.take(MAX_BATCH, MAX_BATCH_BYTES);
    const args = [...this.#bounds];
    for (const { fields } of batch) args.push(String(fields.length), ...fields);
    try {
      await this.#host.ask({ script: SCRIPTS.eventsAdd, keys: [this.#stream], args }, (trimmed) => {
        if (typeof trimmed === "number") this.#seams.metrics.add("events_trimmed", trimmed);
      });
    } catch (error) {
      this.#failed(batch, error);
      return false;
    }
    this.#failure = "";
    this.#seams.metrics.add("events", batch.length);
    for (const { settle } of batch) settle?.();
    return true;
  }

  #failed(batch: readonly QueuedEvent[], error: unknown): void {
    const problem = error instanceof Error ? error : new BrokerUnavailable(String(error));
    this.#drop(this.#queue.putBack(batch));
    for (const { settle } of this.#queue.takeAwaited()) settle?.(problem);
    // One line per reason until a batch is taken. That Redis is away the connection says itself.
    if (this.#host.state !== "ready" || this.#failure === problem.message) return;
    this.#failure = problem.message;
    const fields = { stream: this.#stream, reason: problem.message };
    this.#seams.logger.warn(fields, "cannot pass on events yet, still trying");
  }
}
