/**
 * Probes: whether the member that is listened to still hears the rest of its cluster.
 *
 * A member that was cut off, or has just come back, goes on to accept subscriptions and answers PING, but
 * what other members publish does not reach it. So a few of them are asked to publish something small.
 * Invariant: one that arrives is enough; a single broken pair of members must not cost all connections.
 */
import type { Clock } from "@holdfast/core";
import type { Redis } from "ioredis";
import { withDeadline } from "../runtime/deadline.js";

/** Members that are asked at once: each has to tell all members of the cluster. */
const MAX_ASKED = 3;

export class Probe {
  readonly #subscriber: Redis;
  readonly #channel: string;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  #sent = 0;
  #heard: (payload: string) => void = () => {};

  private constructor(subscriber: Redis, channel: string, clock: Clock, timeoutMs: number) {
    this.#subscriber = subscriber;
    this.#channel = channel;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /** `channel` is used by no other connection. */
  static async start(subscriber: Redis, channel: string, clock: Clock, timeoutMs: number): Promise<Probe> {
    const probe = new Probe(subscriber, channel, clock, timeoutMs);
    await withDeadline(clock, timeoutMs, "SUBSCRIBE", subscriber.subscribe(channel));
    const name = Buffer.from(channel);
    subscriber.on("messageBuffer", (to: Buffer, payload: Buffer) => {
      if (to.equals(name)) probe.#heard(payload.toString());
    });
    return probe;
  }

  /** Rejects when others of `masters` took a probe and none of it arrived in time. One at a time. */
  async run(masters: readonly Redis[], random: () => number): Promise<void> {
    const { host, port } = this.#subscriber.options;
    const others = masters.filter(({ options }) => options.host !== host || options.port !== port);
    const first = Math.floor(random() * others.length);
    const asked = [...others.slice(first), ...others.slice(0, first)].slice(0, MAX_ASKED);
    const id = String(this.#sent++);
    const arrived = new Promise<void>((resolve) => {
      this.#heard = (payload) => {
        if (payload === id) resolve();
      };
    });
    // Without a receiver nothing comes back, and nothing is known.
    const taken = asked.map((node) => node.publish(this.#channel, id));
    const nobody = Promise.allSettled(taken).then((outcomes) =>
      outcomes.some(({ status }) => status === "fulfilled") ? arrived : undefined,
    );
    await withDeadline(
      this.#clock,
      this.#timeoutMs,
      "a probe through another member",
      Promise.race([arrived, nobody]),
    );
  }
}
