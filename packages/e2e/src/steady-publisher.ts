/**
 * A backend that publishes numbers to several channels at a steady pace, through the reliable way in, and
 * never loses one.
 *
 * Numbers count up in each channel. An entry whose fate is unknown is sent again, with the same key and
 * before all that come after it: the gateway publishes it once, in order. Invariant: what `published` says
 * has been accepted by Redis.
 */
import type { Redis } from "ioredis";
import { eventually } from "./deadline.js";

export interface PublisherOptions {
  /** Where Redis is now; asked again after each failure. */
  readonly connect: () => Redis;
  readonly channels: readonly string[];
  /** Messages a second over all channels. */
  readonly rate: number;
}

interface Entry {
  readonly channel: string;
  readonly number: number;
}

const BEAT_MS = 20;
const RETRY_MS = 100;

export class SteadyPublisher {
  readonly #options: PublisherOptions;
  /** How many numbers each channel has. */
  readonly published = new Map<string, number>();
  readonly #waiting: Entry[] = [];
  readonly #numbered = new Map<string, number>();
  /** Told apart by run: keys of another round mean something else. */
  readonly #run = Math.random().toString(36).slice(2);
  #state: "running" | "stopping" | "closed" = "running";
  #redis: Redis | undefined;
  #turn = 0;
  readonly #done: Promise<void>;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#done = this.#publish();
  }

  /** Sends what is due, then one last number to each channel. Resolves when Redis has all of it. */
  async finish(): Promise<ReadonlyMap<string, number>> {
    this.#state = "stopping";
    await this.#done;
    return this.published;
  }

  /** One more number to each channel, once it has finished. Resolves when Redis has them. */
  async more(): Promise<void> {
    for (const _ of this.#options.channels) this.#next();
    await eventually(
      "Redis takes the last numbers",
      () => this.#send().then(() => this.#waiting.length === 0),
      60_000,
    );
  }

  async close(): Promise<void> {
    this.#state = "closed";
    await this.#done;
    this.#redis?.disconnect();
  }

  async #publish(): Promise<void> {
    let last = performance.now();
    let due = 0;
    while (this.#state === "running") {
      await pause(BEAT_MS);
      const now = performance.now();
      due += ((now - last) / 1000) * this.#options.rate;
      last = now;
      for (; due >= 1; due--) this.#next();
      await this.#send();
    }
    if (this.#state !== "closed") await this.more();
  }

  #next(): void {
    const channel = this.#options.channels[this.#turn++ % this.#options.channels.length] ?? "";
    const number = this.#numbered.get(channel) ?? 0;
    this.#numbered.set(channel, number + 1);
    this.#waiting.push({ channel, number });
  }

  async #send(): Promise<void> {
    const batch = this.#waiting.slice(0, 500);
    if (batch.length === 0) return;
    try {
      this.#redis ??= this.#options.connect();
      const pipeline = this.#redis.pipeline();
      for (const { channel, number } of batch) {
        const key = `${this.#run}-${number}`;
        pipeline.xadd("holdfast:ingest", "*", "channel", channel, "data", String(number), "key", key);
      }
      for (const [error] of (await pipeline.exec()) ?? []) if (error) throw error;
    } catch {
      this.#redis?.disconnect();
      this.#redis = undefined;
      return pause(RETRY_MS);
    }
    this.#waiting.splice(0, batch.length);
    for (const { channel, number } of batch) this.published.set(channel, number + 1);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
