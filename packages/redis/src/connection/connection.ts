/**
 * The connection to Redis: one link after the other, for as long as it is wanted.
 *
 * One loop: open a link, let the user restore on it what it needs, be ready until it is lost, wait, again.
 * The waiting grows with every link that did not last, so that many workers do not press a server that is
 * just getting up. What the broker, presence, ingest and the other seams ask goes over the link of the
 * moment; what they say is theirs. Invariant: the state is "ready" only while a link is open that the user
 * has restored.
 */
import { isNativeError } from "node:util/types";
import { type BrokerState, BrokerUnavailable, type Topic } from "@holdfast/core";
import { BACKOFF_DEFAULTS, backoffDelay } from "@holdfast/protocol";
import { RedisKeys } from "../keys.js";
import { REDIS_DEFAULTS, type RedisOptions, type RedisSeams } from "../options.js";
import { pause } from "../runtime/pause.js";
import { databaseOf } from "../target.js";
import type { OpenSharded } from "./connections.js";
import { type LinkParts, RedisLink } from "./link.js";
import { OutageLog } from "./outage-log.js";
import { Pings } from "./pings.js";
import { type Reasons, reasonsOf } from "./reason.js";
import { Rejections } from "./rejections.js";
import { Roles } from "./role.js";
import type { RunCall } from "./run.js";
import type { ScriptCall } from "./script.js";
import type { ScriptHost } from "./script-host.js";
import { ServerIds } from "./server-ids.js";

/** What a link can have subscribed, and a mark among it. Each call settles within a deadline. */
export type SubscribableLink = Pick<RedisLink, "subscribe" | "unsubscribe" | "publish">;

/** The user of the pub/sub side, which is told of the connection's life. */
export interface ConnectionUser {
  /**
   * Restores the subscriptions on a new link. Resolves with fields for the log; rejects when the link is of
   * no use.
   */
  restore(link: SubscribableLink): Promise<object>;
  /** The link is gone. May be called without a link. */
  detach(): void;
  /** A payload on a subscribed channel. */
  message(channel: string, payload: Buffer): void;
  /** Payloads of a subscribed channel may have been missed, while the link stayed. Later ones follow. */
  skipped(channel: string): void;
  state(state: BrokerState): void;
}

/** What takes commands. */
export type CommandLink = Pick<RedisLink, "script" | "run" | "publish">;

/** What the calls before the first failure answered. */
export interface InOrder<T> {
  readonly done: readonly T[];
  readonly failure: BrokerUnavailable | undefined;
}

export class RedisConnection implements ScriptHost {
  readonly options: RedisOptions;
  readonly seams: RedisSeams;
  readonly keys: RedisKeys;
  /** Payloads that were not delivered, whichever of its seams found them. */
  readonly rejections: Rejections;
  /** An error as a reason that may be logged. */
  readonly reasonOf: Reasons;
  /** What all links have in common. */
  readonly #parts: LinkParts & { readonly log: OutageLog };
  /** Whether its servers say whose data they have. */
  readonly serverIds: ServerIds;
  readonly #closing = new AbortController();
  #state: BrokerState = "connecting";
  #user: ConnectionUser | undefined;
  #running: Promise<void> = Promise.resolve();
  /** The link that commands go to: there is one exactly while the state is "ready". */
  #link: RedisLink | undefined;

  /** `openSharded`: what sharded pub/sub is opened by, in a Cluster. */
  constructor(
    options: Pick<RedisOptions, "target"> & Partial<RedisOptions>,
    seams: RedisSeams,
    openSharded: OpenSharded,
  ) {
    this.options = Object.freeze({ ...REDIS_DEFAULTS, ...options });
    this.seams = seams;
    const { target, prefix } = this.options;
    this.keys = new RedisKeys(prefix, databaseOf(target));
    this.reasonOf = reasonsOf(target);
    this.rejections = new Rejections(seams.clock, seams.logger, seams.metrics);
    this.serverIds = new ServerIds(seams.logger);
    const { reasonOf } = this;
    const pings = new Pings(seams.logger, reasonOf);
    const roles = new Roles(seams.logger, reasonOf, pings);
    const { serverIds } = this;
    const log = new OutageLog(target, this.keys.channelPrefix, seams.logger);
    this.#parts = { ...seams, openSharded, reasonOf, pings, roles, serverIds, log };
  }

  get state(): BrokerState {
    return this.#state;
  }

  /** How late the servers' signs of life come, ms; undefined before the first, and without a link. */
  get delayMs(): number | undefined {
    return this.#link?.delayMs;
  }

  /** Begins to connect and returns. Called once. */
  start(user: ConnectionUser): void {
    this.#user = user;
    this.#running = this.#run();
  }

  async ask<T>(call: ScriptCall, understand: (reply: unknown) => T): Promise<T> {
    const link = this.ready();
    try {
      return understand(await link.script(call));
    } catch (error) {
      throw new BrokerUnavailable(this.reasonOf(error));
    }
  }

  /**
   * Runs publications of one topic as one step, in their order. Never rejects: what failed has its reason,
   * and nothing behind it was done.
   */
  async askInOrder<T>(call: RunCall, understand: (reply: unknown) => T): Promise<InOrder<T>> {
    const done: T[] = [];
    try {
      for (const reply of await this.ready().run(call)) {
        if (isNativeError(reply)) throw reply;
        done.push(understand(reply));
      }
      return { done, failure: undefined };
    } catch (error) {
      const failure =
        error instanceof BrokerUnavailable ? error : new BrokerUnavailable(this.reasonOf(error));
      return { done, failure };
    }
  }

  /** Where scripts publish on a topic now: what lua/tell.lua takes. */
  destination(topic: Topic): string {
    const channel = this.keys.channel(topic);
    return this.#link?.isSharding ? this.keys.sharded.destination(channel) : channel;
  }

  /** PUBLISH through the server that has `key`. Rejects with `BrokerUnavailable`. */
  async publish(destination: string, data: string | Buffer, key: string): Promise<void> {
    const link = this.ready();
    try {
      await link.publish(destination, data, key);
    } catch (error) {
      throw new BrokerUnavailable(this.reasonOf(error));
    }
  }

  /** Ends the link; pending calls reject. Idempotent. */
  async close(): Promise<void> {
    if (this.#state !== "closed") {
      this.#closing.abort();
      this.#link = undefined;
      this.#user?.detach();
      this.#become("closed");
    }
    await this.#running;
  }

  /** The link that takes commands now. Throws `BrokerUnavailable` where there is none. */
  ready(): CommandLink {
    if (this.#link === undefined) throw new BrokerUnavailable(`the Redis broker is ${this.#state}`);
    return this.#link;
  }

  #become(state: BrokerState): void {
    if (this.#state === state || this.#state === "closed") return;
    this.#state = state;
    this.#user?.state(state);
  }

  async #run(): Promise<void> {
    const { clock, random } = this.seams;
    const { minRetryDelayMs, maxRetryDelayMs } = this.options;
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
    const { clock } = this.seams;
    const { signal } = this.#closing;
    const link = new RedisLink(this.options, this.#parts);
    const close = (): void => void link.close();
    signal.addEventListener("abort", close, { once: true });
    let readyAt: number | undefined;
    let reason: string;
    try {
      await link.open({
        message: (channel, payload) => this.#user?.message(channel, payload),
        skipped: (channel) => this.#user?.skipped(channel),
      });
      const restored = await this.#user?.restore(link);
      if (!signal.aborted) {
        readyAt = clock.monotonic();
        this.#link = link;
        this.#parts.log.ready({ ...restored, ...(link.isSharding && { sharded: true }) });
        this.#become("ready");
      }
      reason = await link.lost;
    } catch (error) {
      reason = this.reasonOf(error);
    }
    this.#link = undefined;
    this.#user?.detach();
    if (!signal.aborted) this.#parts.log.away(reason, readyAt !== undefined);
    this.#become("connecting");
    await link.close();
    signal.removeEventListener("abort", close);
    return readyAt === undefined ? 0 : clock.monotonic() - readyAt;
  }
}
