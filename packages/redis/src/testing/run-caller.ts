/**
 * The run caller: publishes as the gateway does, by the same script, and nothing else. For benches: it is
 * what Redis can do.
 */
import type { Retention, Topic } from "@holdfast/core";
import type { Redis } from "ioredis";
import { joined, MAX_RUN } from "../connection/run.js";
import { loadScripts, runScript } from "../connection/script.js";
import { RedisKeys } from "../keys.js";
import { type PublicationPart, publishCall } from "../log.js";

export class RunCaller {
  /** Publications in one run, at most. */
  static readonly mostAtOnce = MAX_RUN;
  readonly #redis: Redis;
  readonly #keys = new RedisKeys("holdfast:");
  readonly #retention: Retention;

  constructor(redis: Redis, retention: Retention) {
    this.#redis = redis;
    this.#retention = retention;
  }

  /** Tells the server the scripts. */
  start(): Promise<void> {
    return loadScripts(this.#redis);
  }

  /** Publishes them as one run. Rejects when Redis refused one. */
  async publish(topic: Topic, publications: readonly PublicationPart[]): Promise<void> {
    const names = { keys: this.#keys, destination: (each: Topic) => this.#keys.channel(each) };
    // A deadline, as the gateway has one: the time is asked for it.
    const deadline = String(Date.now() + 60_000);
    const run = { ...publishCall(names, topic, publications, this.#retention), deadline };
    const { script, keys, args } = joined([run]);
    const replies = await runScript(this.#redis, script, keys, args);
    const refusal = (Array.isArray(replies) ? replies : [replies]).find((reply) => reply instanceof Error);
    if (refusal !== undefined) throw refusal;
  }
}
