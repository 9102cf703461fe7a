/**
 * Ingest: the reliable way in. What backends add to a stream is published once, in the order of the stream
 * for each channel, also when workers die and Redis goes away meanwhile.
 *
 * One worker of the cluster at a time holds a lease and works, the others stand by. What follows one another
 * in one channel is published in one step of Redis. Its rounds: take (renews
 * the lease), publish, settle (acknowledges and deletes). Invariants: only the holder is given entries, by
 * Redis itself; an entry is settled only after it was published or found malformed; each publication has a
 * key, so that what is published again, by the next holder or after a lost answer, is published once (for
 * `KEY_WINDOW_MS`); of one channel nothing is published before what came earlier. Two that both think they
 * hold the lease therefore publish in one order: each goes through the same entries from the first that is
 * not settled. A channel that Redis refuses holds up no other (refused-channels.ts).
 */
import { randomBytes } from "node:crypto";
import { BrokerUnavailable, type Retention, type Topic } from "@holdfast/core";
import { BACKOFF_DEFAULTS, backoffDelay } from "@holdfast/protocol";
import { type Reasons, reasonsOf } from "./connection/reason.js";
import type { Rejections } from "./connection/rejections.js";
import { MAX_RUN, MAX_RUN_BYTES } from "./connection/run.js";
import { SCRIPTS } from "./connection/script.js";
import type { ScriptHost } from "./connection/script-host.js";
import { type IngestEntry, type IngestPublication, parseEntry } from "./ingest-entry.js";
import { type PublishRun, publishTraced } from "./ingest-traces.js";
import { RedisKeys } from "./keys.js";
import type { RedisOptions, RedisSeams } from "./options.js";
import { RefusedChannels } from "./refused-channels.js";
import { pause } from "./runtime/pause.js";
import { MARK_BYTES } from "./stored-data.js";
import { StreamWaiter } from "./stream-waiter.js";

/** What is kept of a channel's past. */
export type RetentionOf = (channel: string) => Retention | undefined;

export interface IngestParts {
  readonly host: ScriptHost;
  /** To be over the same connection. The publications before a failure are done, the others are not. */
  readonly publish: PublishRun;
  readonly retentionOf: RetentionOf;
  readonly rejections: Pick<Rejections, "add">;
  /** For how long the stream belongs to a holder that is not heard of any more, ms. Default 10_000. */
  readonly leaseMs?: number;
}

const GROUP = "holdfast";
/** Far below `KEY_WINDOW_MS`: the next holder must find the keys of the one that died. */
const LEASE_MS = 10_000;
/** The holder renews its lease, and the others look for it, at least so often in the time of one. */
const LOOKS_PER_LEASE = 3;
/** Entries in one round: what is read and settled in one step each, a few ms of Redis. */
const MAX_ENTRIES = 1000;
/** Bytes in one round, one entry beyond. */
const MAX_BYTES = 1024 * 1024;

/** A publication and the entry that asks for it. */
type Order = IngestPublication & { readonly id: string };

/** What Redis gave the holder; undefined when another holds the lease. */
type Taken =
  | { readonly last: string; readonly entries: readonly IngestEntry[]; readonly reached: string }
  | undefined;

export class Ingest {
  readonly #parts: IngestParts;
  readonly #options: RedisOptions;
  readonly #seams: RedisSeams;
  readonly #keys: RedisKeys;
  readonly #reasonOf: Reasons;
  readonly #streamWaiter: StreamWaiter;
  readonly #refused: RefusedChannels;
  readonly #leaseMs: number;
  /** Names this holder among all. */
  readonly #name = randomBytes(12).toString("base64url");
  readonly #closing = new AbortController();
  /** Published, but Redis has not confirmed that they are settled. At most one round's. */
  #unsettled: readonly string[] = [];
  #failure = "";
  #running: Promise<void> = Promise.resolve();

  constructor(parts: IngestParts, options: RedisOptions, seams: RedisSeams) {
    this.#parts = parts;
    this.#options = options;
    this.#seams = seams;
    this.#keys = new RedisKeys(options.prefix);
    this.#reasonOf = reasonsOf(options.target);
    this.#streamWaiter = new StreamWaiter(options, seams.clock, seams.random);
    this.#leaseMs = parts.leaseMs ?? LEASE_MS;
    this.#refused = new RefusedChannels({
      now: () => seams.clock.monotonic(),
      delayMs: (sweeps) => this.#delayMs(sweeps),
    });
  }

  /** Begins, as soon as the connection is ready. Called once. */
  start(): void {
    this.#running = this.#run();
  }

  /** Ends the round under way after its current publications, and gives the lease back. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#streamWaiter.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock } = this.#seams;
    const { signal } = this.#closing;
    for (let failures = 0; !signal.aborted; ) {
      try {
        await pause(clock, await this.#round(), signal);
        failures = 0;
      } catch (error) {
        this.#refused.reset();
        this.#log(error);
        await pause(clock, this.#delayMs(failures++), signal);
      }
    }
    await this.#streamWaiter.close();
    await this.#release().catch(() => {});
  }

  #delayMs(failures: number): number {
    const { minRetryDelayMs, maxRetryDelayMs } = this.#options;
    const backoff = { ...BACKOFF_DEFAULTS, minDelayMs: minRetryDelayMs, maxDelayMs: maxRetryDelayMs };
    return backoffDelay(failures, this.#seams.random(), minRetryDelayMs, backoff);
  }

  /** Returns how long the next may wait, ms. Rejects when Redis did not do its part. */
  async #round(): Promise<number> {
    const { clock, random } = this.#seams;
    await this.#settle();
    const askedAt = clock.monotonic();
    const taken = await this.#take();
    const look = this.#leaseMs / LOOKS_PER_LEASE;
    if (taken === undefined) {
      this.#refused.reset();
      await this.#streamWaiter.close();
      return look * (0.5 + random() / 2);
    }
    if (this.#closing.signal.aborted) return 0;
    const { entries, last, reached } = taken;
    if (entries.length === 0) {
      this.#refused.end(reached, true);
      const patienceMs = Math.ceil(this.#refused.patience(look));
      await this.#streamWaiter.wait(this.#keys.ingest, last, patienceMs);
      if (this.#refused.size === 0) this.#failure = "";
      return 0;
    }
    const isDone = await this.#publish(entries, askedAt + this.#leaseMs);
    this.#refused.end(reached, isDone);
    return 0;
  }

  #take(): Promise<Taken> {
    const { maxPublicationBytes } = this.#options;
    const limits = [this.#leaseMs, GROUP, MAX_ENTRIES, MAX_BYTES, maxPublicationBytes + MARK_BYTES].map(
      String,
    );
    const from = this.#refused.begin();
    const call = {
      script: SCRIPTS.ingestTake,
      keys: [this.#keys.ingest, this.#keys.ingestLease],
      args: [this.#name, ...limits, from],
    };
    return this.#parts.host.ask(call, takenOf);
  }

  /**
   * Channels side by side, each in order, until the lease is over. Then settles what was done. True when
   * nothing is left of them but what is of refused channels.
   */
  async #publish(entries: readonly IngestEntry[], until: number): Promise<boolean> {
    const { clock } = this.#seams;
    const done: string[] = [];
    const orders = new Map<Topic, Order[]>();
    for (const entry of entries) {
      const order = parseEntry(entry, this.#options.maxPublicationBytes);
      if (order === undefined) done.push(entry.id);
      else if ("problem" in order) {
        const sample = Buffer.from(entry.fields.map(String).join(" "));
        this.#parts.rejections.add(`${this.#keys.ingest} ${entry.id}`, sample, order.problem);
        done.push(entry.id);
      } else {
        const queue = orders.get(order.topic);
        if (queue === undefined) orders.set(order.topic, [{ id: entry.id, ...order }]);
        else queue.push({ id: entry.id, ...order });
      }
    }
    let isDone = true;
    let published = 0;
    let refusal: unknown;
    const inOrder = async ([topic, queue]: [Topic, readonly Order[]]): Promise<void> => {
      if (this.#refused.has(topic)) return;
      for (const run of runsOf(queue)) {
        if (this.#closing.signal.aborted || clock.monotonic() > until) {
          isDone = false;
          return;
        }
        const retention = this.#parts.retentionOf(run[0].channel);
        const { done: succeeded, failure } = await publishTraced(
          this.#parts.publish,
          this.#seams,
          topic,
          run,
          retention,
        );
        published += succeeded.length;
        for (const { id } of run.slice(0, succeeded.length)) done.push(id);
        if (failure === undefined) continue;
        refusal = failure;
        this.#refused.add(topic);
        return;
      }
    };
    await Promise.all([...orders].map(inOrder));
    this.#unsettled = done;
    if (refusal !== undefined) {
      // An outage refuses all; and so does a lack of memory, which must not be a loop without a pause.
      if (this.#parts.host.state !== "ready" || this.#refused.isFull) throw refusal;
      this.#log(refusal);
      if (published === 0) await pause(clock, this.#options.minRetryDelayMs, this.#closing.signal);
    }
    await this.#settle();
    return isDone;
  }

  async #settle(): Promise<void> {
    if (this.#unsettled.length === 0) return;
    const call = {
      script: SCRIPTS.ingestSettle,
      keys: [this.#keys.ingest],
      args: [GROUP, ...this.#unsettled],
    };
    await this.#parts.host.ask(call, () => {});
    this.#unsettled = [];
  }

  async #release(): Promise<void> {
    await this.#settle();
    const call = { script: SCRIPTS.ingestRelease, keys: [this.#keys.ingestLease], args: [this.#name] };
    await this.#parts.host.ask(call, () => {});
  }

  /**
   * One line per reason until everything is published and the next entry can be waited for again. That Redis
   * is away the broker says itself.
   */
  #log(error: unknown): void {
    if (this.#parts.host.state !== "ready") return;
    const reason =
      error instanceof BrokerUnavailable
        ? error.message
        : `cannot wait for entries: ${this.#reasonOf(error)}`;
    if (this.#failure === reason || this.#closing.signal.aborted) return;
    this.#failure = reason;
    this.#seams.logger.warn(
      { stream: this.#keys.ingest, reason },
      "cannot publish from the stream yet, still trying",
    );
  }
}

/** Publications of one channel, in their order, in parts that are a batch each. */
function runsOf(queue: readonly Order[]): (readonly [Order, ...Order[]])[] {
  const runs: [Order, ...Order[]][] = [];
  let bytes = 0;
  for (const order of queue) {
    const run = runs.at(-1);
    if (run === undefined || run.length === MAX_RUN || bytes >= MAX_RUN_BYTES) {
      runs.push([order]);
      bytes = 0;
    } else run.push(order);
    bytes += Buffer.byteLength(order.data);
  }
  return runs;
}

function takenOf(reply: unknown): Taken {
  if (reply === null) return undefined;
  if (!Array.isArray(reply) || !Array.isArray(reply[1]))
    throw new Error("Redis holds something else than a stream");
  return { last: String(reply[0]), entries: reply[1].map(entryOf), reached: String(reply[2]) };
}

function entryOf(reply: unknown): IngestEntry {
  const [id, fields] = Array.isArray(reply) ? reply : [];
  return {
    id: String(id),
    fields: Array.isArray(fields) ? fields.filter((each) => Buffer.isBuffer(each)) : [],
  };
}
