/**
 * Ingest: the reliable way in. What backends add to a stream is published once, in the order of the stream
 * for each channel, also when workers die and Redis goes away meanwhile.
 *
 * One worker of the cluster at a time holds a lease and works, the others stand by. What follows one another
 * in one channel is published in one step of Redis. Its rounds: take (renews the lease, and settles what was
 * published before: deletes it), publish. Invariants: only the holder is given entries, by Redis itself; an
 * entry is settled only after it was published or found malformed; each publication has a key, so that what
 * is published again, by the next holder or after a lost answer, is published once (for `KEY_WINDOW_MS`); of
 * one channel nothing is published before what came earlier. Two that both think they hold the lease
 * therefore publish in one order: each goes through the same entries from the first that is not settled. A
 * channel that Redis refuses holds up no other (refused-channels.ts).
 */
import { randomBytes } from "node:crypto";
import { BrokerUnavailable, type Retention, type Topic } from "@holdfast/core";
import { BACKOFF_DEFAULTS, backoffDelay } from "@holdfast/protocol";
import { type Reasons, reasonsOf } from "./connection/reason.js";
import type { Rejections } from "./connection/rejections.js";
import { MAX_RUN, MAX_RUN_BYTES } from "./connection/run.js";
import { SCRIPTS } from "./connection/script.js";
import type { ScriptHost } from "./connection/script-host.js";
import { type IngestEntry, type IngestPublication, parseEntry, type Taken, takenOf } from "./ingest-entry.js";
import { type PublishRun, publishTraced } from "./ingest-traces.js";
import { RedisKeys } from "./keys.js";
import type { RedisOptions, RedisSeams } from "./options.js";
import { idOf, isAtEnd, RefusedChannels } from "./refused-channels.js";
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

/** Far below `KEY_WINDOW_MS`: the next holder must find the keys of the one that died. */
const LEASE_MS = 10_000;
/** The holder renews its lease, and the others look for it, at least so often in the time of one. */
const LOOKS_PER_LEASE = 3;
/** Entries in one round: what is read and settled in one step each, a few ms of Redis. */
const MAX_ENTRIES = 1000;
/** Bytes in one round, a few entries beyond. */
const MAX_BYTES = 1024 * 1024;
/** With so many in a round, the next one is asked for meanwhile. */
const MANY_ENTRIES = 100;

/** A publication and the entry that asks for it. */
type Order = IngestPublication & { readonly id: string };

/** What the last take brought, and until when it may be published, monotonic ms. */
interface Round {
  readonly taken: Taken | undefined;
  readonly until: number;
}

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
  /** Published, but Redis has not confirmed that they are settled. At most two rounds'. */
  #unsettled: readonly string[] = [];
  /** The next round, which is asked for while a large one is published. */
  #ahead: Promise<Round> | undefined;
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
      delayMs: (sweeps) => delayMs(options, seams, sweeps),
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
        await this.#dropAhead();
        this.#refused.reset();
        this.#log(error);
        await pause(clock, delayMs(this.#options, this.#seams, failures++), signal);
      }
    }
    await this.#streamWaiter.close();
    await this.#dropAhead();
    await this.#release().catch(() => {});
  }

  /** Returns how long the next may wait, ms. Rejects when Redis did not do its part. */
  async #round(): Promise<number> {
    const { metrics, random } = this.#seams;
    const ahead = this.#ahead;
    this.#ahead = undefined;
    const { taken, until } = await (ahead ?? this.#take(this.#refused.begin()));
    const look = this.#leaseMs / LOOKS_PER_LEASE;
    if (taken === undefined) {
      this.#refused.reset();
      await this.#streamWaiter.close();
      return look * (0.5 + random() / 2);
    }
    if (this.#closing.signal.aborted) return 0;
    const { entries, reached } = taken;
    const final = entries.at(-1);
    if (final === undefined) {
      this.#refused.end(reached, true);
      const patienceMs = Math.ceil(this.#refused.patience(look));
      await this.#streamWaiter.wait(this.#keys.ingest, idOf(reached), patienceMs);
      if (this.#refused.size === 0) this.#failure = "";
      return 0;
    }
    if (!isAtEnd(reached)) metrics.add("ingest_rounds_full", 1);
    if (entries.length >= MANY_ENTRIES && this.#refused.size === 0) {
      this.#ahead = this.#take(final.id);
      // The next round reports a failure.
      this.#ahead.catch(() => {});
    }
    const isDone = await this.#publish(entries, until);
    // What was left comes before what was taken ahead: it is taken again, in its order.
    if (!isDone || this.#refused.size > 0) await this.#dropAhead();
    this.#refused.end(reached, isDone);
    return 0;
  }

  /** The entries of it stay pending. */
  async #dropAhead(): Promise<void> {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    await ahead?.catch(() => {});
  }

  /** Settles, too, what is not yet. `from`: see lua/ingest-take.lua. */
  async #take(from: string): Promise<Round> {
    const { maxPublicationBytes } = this.#options;
    const limits = [this.#leaseMs, MAX_ENTRIES, MAX_BYTES, maxPublicationBytes + MARK_BYTES].map(String);
    const settling = this.#unsettled;
    const call = {
      script: SCRIPTS.ingestTake,
      keys: [this.#keys.ingest, this.#keys.ingestLease],
      args: [this.#name, ...limits, from, ...settling],
    };
    const until = this.#seams.clock.monotonic() + this.#leaseMs;
    const taken = await this.#parts.host.ask(call, takenOf);
    this.#unsettled = this.#unsettled.slice(settling.length);
    return { taken, until };
  }

  /**
   * Channels side by side, each in order, until the lease is over. What was done is to be settled. True when
   * nothing is left of them but what is of refused channels.
   */
  async #publish(entries: readonly IngestEntry[], until: number): Promise<boolean> {
    const { clock } = this.#seams;
    const done: string[] = [];
    const orders = new Map<Topic, Order[]>();
    for (const entry of entries) {
      const order = parseEntry(entry, this.#options.maxPublicationBytes);
      if ("problem" in order) {
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
        this.#seams.metrics.add("ingest_runs", 1);
        this.#seams.metrics.add("ingest_entries", succeeded.length);
        for (const { id } of run.slice(0, succeeded.length)) done.push(id);
        if (failure === undefined) continue;
        refusal = failure;
        this.#refused.add(topic);
        return;
      }
    };
    await Promise.all([...orders].map(inOrder));
    this.#unsettled = [...this.#unsettled, ...done];
    if (refusal !== undefined) {
      // An outage refuses all; and so does a lack of memory, which must not be a loop without a pause.
      if (this.#parts.host.state !== "ready" || this.#refused.isFull) throw refusal;
      this.#log(refusal);
      if (published === 0) await pause(clock, this.#options.minRetryDelayMs, this.#closing.signal);
    }
    return isDone;
  }

  async #settle(): Promise<void> {
    if (this.#unsettled.length === 0) return;
    const call = {
      script: SCRIPTS.ingestSettle,
      keys: [this.#keys.ingest],
      args: this.#unsettled,
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

/** After so many failures, ms. */
function delayMs(options: RedisOptions, seams: Pick<RedisSeams, "random">, failures: number): number {
  const { minRetryDelayMs, maxRetryDelayMs } = options;
  const backoff = { ...BACKOFF_DEFAULTS, minDelayMs: minRetryDelayMs, maxDelayMs: maxRetryDelayMs };
  return backoffDelay(failures, seams.random(), minRetryDelayMs, backoff);
}

/** Publications of one channel, in their order, in runs. */
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
