/**
 * The broker on Redis: pub/sub, and a log for what is to be kept (log.ts).
 *
 * One loop: open a link, restore the subscriptions on it, be ready until it is lost, wait, again. The waiting
 * grows with every link that did not last, so that many workers do not press a server that is just getting
 * up. Invariant: the state is "ready" only while a link is open on which every wished topic is subscribed.
 */
import {
  type Broker,
  type BrokerEvents,
  type BrokerPublishOptions,
  type BrokerState,
  BrokerUnavailable,
  type LogPage,
  type LogQuery,
  presenceOf,
  type RevocationStore,
  type Topic,
} from "@holdfast/core";
import { BACKOFF_DEFAULTS, backoffDelay, type Position } from "@holdfast/protocol";
import { RedisLink } from "./connection/link.js";
import { pause } from "./connection/pause.js";
import { Pings } from "./connection/pings.js";
import { type Reasons, reasonsOf, refusalIn } from "./connection/reason.js";
import { Rejections } from "./connection/rejections.js";
import { Roles } from "./connection/role.js";
import type { ScriptCall } from "./connection/script.js";
import { RedisDirectory } from "./directory.js";
import { envelop, open } from "./envelope.js";
import { type EventBounds, EventStream } from "./event-stream.js";
import { Ingest, type RetentionOf } from "./ingest.js";
import { RedisKeys } from "./keys.js";
import { pageOf, positionOf, publishCall, publishOnceCall, readCall } from "./log.js";
import { REDIS_DEFAULTS, type RedisOptions, type RedisSeams } from "./options.js";
import { RedisPresence } from "./presence.js";
import { RedisRevocations } from "./revocations.js";
import { secretCall, secretOf } from "./shared-secret.js";
import { RedisSubscriptions } from "./subscriptions.js";
import { databaseOf, describeTarget } from "./target.js";

/**
 * Different reasons that one outage may log: enough to see a refused connection turn into a refused password.
 */
const MAX_REASONS_LOGGED = 5;
/** What to do where Redis has not answered since the start. */
const REMEDY = "check the URL, and that Redis runs there";
/** Bytes of one piece of news of presence: far above what our scripts make. */
const MAX_PRESENCE_BYTES = 1024 * 1024;

export class RedisBroker implements Broker {
  readonly #options: RedisOptions;
  readonly #seams: RedisSeams;
  readonly #keys: RedisKeys;
  readonly #reasonOf: Reasons;
  readonly #subscriptions: RedisSubscriptions;
  readonly #rejections: Rejections;
  readonly #pings: Pings;
  readonly #roles: Roles;
  readonly #closing = new AbortController();
  readonly #reasonsLogged = new Set<string>();
  #state: BrokerState = "connecting";
  #events: BrokerEvents | undefined;
  #running: Promise<void> = Promise.resolve();
  /** The link that commands go to: there is one exactly while the state is "ready". */
  #link: RedisLink | undefined;

  constructor(options: Pick<RedisOptions, "target"> & Partial<RedisOptions>, seams: RedisSeams) {
    this.#options = Object.freeze({ ...REDIS_DEFAULTS, ...options });
    this.#seams = seams;
    this.#keys = new RedisKeys(this.#options.prefix, databaseOf(this.#options.target));
    this.#reasonOf = reasonsOf(this.#options.target);
    this.#rejections = new Rejections(seams.clock, seams.logger, seams.metrics);
    this.#pings = new Pings(seams.logger, this.#reasonOf);
    this.#roles = new Roles(seams.logger, this.#reasonOf, this.#pings);
    this.#subscriptions = new RedisSubscriptions({
      maxTopicsPerCommand: this.#options.maxTopicsPerCommand,
      defer: (run) => seams.clock.defer(run),
      reasonOf: this.#reasonOf,
    });
  }

  get state(): BrokerState {
    return this.#state;
  }

  start(events: BrokerEvents): void {
    this.#events = events;
    this.#running = this.#run();
  }

  async publish(
    topic: Topic,
    data: string,
    options: BrokerPublishOptions = {},
  ): Promise<Position | undefined> {
    const { retention, key } = options;
    const keys = this.#keys;
    if (retention !== undefined) {
      return this.ask(publishCall(keys, topic, data, retention, key), positionOf);
    }
    if (key !== undefined) return this.ask(publishOnceCall(keys, topic, data, key), positionOf);
    const link = this.#ready();
    try {
      await link.publish(keys.channel(topic), envelop(data), keys.log(topic));
      return undefined;
    } catch (error) {
      throw new BrokerUnavailable(this.#reasonOf(error));
    }
  }

  async read(topic: Topic, query: LogQuery): Promise<LogPage> {
    return this.ask(readCall(this.#keys, topic, query), pageOf);
  }

  /** Kept by Redis: one that lost it makes another, and what the first has signed is no longer known. */
  async secret(): Promise<string> {
    return this.ask(secretCall(this.#keys), secretOf);
  }

  /** The way in over the ingest stream, over this broker's link. To be closed before this broker. */
  ingest(retentionOf: RetentionOf): Ingest {
    return new Ingest({ host: this, retentionOf, rejections: this.#rejections }, this.#options, this.#seams);
  }

  /**
   * Who is where, over this broker's link. With `eventsLength`, about how many events the stream keeps,
   * channels that become occupied or vacated are added to it in the step that makes them so, where one server
   * has both.
   */
  presence(eventsLength?: number): RedisPresence {
    const events =
      eventsLength === undefined || this.#options.target.kind === "cluster"
        ? undefined
        : { key: this.#keys.events, maxLength: eventsLength };
    return new RedisPresence(this, this.#keys, events);
  }

  /** Which instance each worker is of, over this broker's link. To be closed before this broker. */
  directory(): RedisDirectory {
    return new RedisDirectory(this, this.#keys, this.#seams.clock);
  }

  /**
   * The stream for backends, over this broker's link; `bounds`: about how much it keeps. To be closed before.
   */
  events(bounds: EventBounds): EventStream {
    return new EventStream(this, bounds, this.#options, this.#seams);
  }

  /** The cluster's revocations, over this broker's link. */
  revocations(): RevocationStore {
    return new RedisRevocations(this, this.#keys, this.#options.maxRevocations);
  }

  async subscribe(topic: Topic): Promise<void> {
    this.#ready();
    await this.#subscriptions.subscribe(topic);
  }

  /** While Redis is away this only withdraws the wish: there is nothing else to carry out. */
  async unsubscribe(topic: Topic): Promise<void> {
    if (this.#events === undefined || this.#state === "closed") this.#ready();
    await this.#subscriptions.unsubscribe(topic);
  }

  async close(): Promise<void> {
    if (this.#state !== "closed") {
      this.#closing.abort();
      this.#link = undefined;
      this.#subscriptions.detach();
      this.#become("closed");
    }
    await this.#running;
  }

  /**
   * Runs a script over the link of the moment. Rejects with `BrokerUnavailable`. For the parts of this
   * package.
   */
  async ask<T>(call: ScriptCall, understand: (reply: unknown) => T): Promise<T> {
    const link = this.#ready();
    try {
      return understand(await link.script(call));
    } catch (error) {
      throw new BrokerUnavailable(this.#reasonOf(error));
    }
  }

  #ready(): RedisLink {
    if (this.#link === undefined) throw new BrokerUnavailable(`the Redis broker is ${this.#state}`);
    return this.#link;
  }

  #become(state: BrokerState): void {
    if (this.#state === state || this.#state === "closed") return;
    this.#state = state;
    this.#events?.state(state);
  }

  async #run(): Promise<void> {
    const { clock, random } = this.#seams;
    const { minRetryDelayMs, maxRetryDelayMs } = this.#options;
    const backoff = { ...BACKOFF_DEFAULTS, minDelayMs: minRetryDelayMs, maxDelayMs: maxRetryDelayMs };
    const { signal } = this.#closing;
    for (let attempt = 0; !signal.aborted; attempt++) {
      const readyForMs = await this.#live();
      if (readyForMs > backoff.stableAfterMs) attempt = 0;
      await pause(clock, backoffDelay(attempt, random(), minRetryDelayMs, backoff), signal);
    }
  }

  /** One link, from opening to its end. Returns for how long it was ready, ms. Never rejects. */
  async #live(): Promise<number> {
    const { clock, random } = this.#seams;
    const { signal } = this.#closing;
    const link = new RedisLink(this.#options, { clock, random, roles: this.#roles, pings: this.#pings });
    const close = (): void => void link.close();
    signal.addEventListener("abort", close, { once: true });
    let readyAt: number | undefined;
    let reason: string;
    try {
      await link.open((channel, payload) => this.#deliver(channel.toString(), payload));
      await this.#subscriptions.attach({
        subscribe: (topics) => link.subscribe(this.#keys.channels(topics)),
        unsubscribe: (topics) => link.unsubscribe(this.#keys.channels(topics)),
      });
      if (!signal.aborted) {
        readyAt = clock.monotonic();
        this.#link = link;
        this.#logReady();
        this.#become("ready");
      }
      reason = await link.lost;
    } catch (error) {
      reason = this.#reasonOf(error);
    }
    this.#link = undefined;
    this.#subscriptions.detach();
    if (!signal.aborted) this.#logAway(reason, readyAt !== undefined);
    this.#become("connecting");
    await link.close();
    signal.removeEventListener("abort", close);
    return readyAt === undefined ? 0 : clock.monotonic() - readyAt;
  }

  #deliver(channel: string, payload: Buffer): void {
    const topic = this.#keys.topic(channel);
    // Not wished: an unsubscribe is on its way.
    if (topic === undefined || !this.#subscriptions.has(topic)) return;
    const opened = open(payload);
    if (opened === undefined) {
      this.#rejections.add(channel, payload, "begins with the mark of our own publications, which it is not");
      return;
    }
    const { start, position } = opened;
    const { maxPublicationBytes } = this.#options;
    // Joins and leaves are published whatever the limit for publications is.
    const maxBytes = presenceOf(topic) === undefined ? maxPublicationBytes : MAX_PRESENCE_BYTES;
    if (payload.length - start > maxBytes) {
      this.#rejections.add(channel, payload, `is larger than ${maxBytes} bytes`);
      return;
    }
    this.#events?.publication(topic, payload.toString("utf8", start), position);
  }

  #logReady(): void {
    this.#reasonsLogged.clear();
    const { target } = this.#options;
    // Backends publish there: a name that is not the usual one has to be seen somewhere.
    const channels = databaseOf(target) === 0 ? {} : { channels: `${this.#keys.channelPrefix}…` };
    const fields = { redis: describeTarget(target), topics: this.#subscriptions.size, ...channels };
    this.#seams.logger.info(fields, "connected to Redis");
  }

  /** One line per outage and reason: retries that fail alike say nothing. */
  #logAway(reason: string, wasReady: boolean): void {
    if (this.#reasonsLogged.has(reason) || this.#reasonsLogged.size >= MAX_REASONS_LOGGED) return;
    this.#reasonsLogged.add(reason);
    const fields = { redis: describeTarget(this.#options.target), reason };
    const refusal = refusalIn(reason);
    if (refusal !== undefined) this.#seams.logger.error(fields, `Redis ${refusal}; still trying`);
    else if (wasReady) this.#seams.logger.warn(fields, "lost Redis");
    else this.#seams.logger.warn({ ...fields, remedy: REMEDY }, "cannot reach Redis yet, still trying");
  }
}
