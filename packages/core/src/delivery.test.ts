/**
 * What a subscriber may rely on, with everything at once.
 *
 * Any number of connections on two workers that share a bus connect (with channels or without), then
 * subscribe, unsubscribe, publish and end, in any order, with turns of the event loop and slices of fan-out
 * in between. For each subscription, from its confirmation to its end, with the publications of its channel
 * numbered in the order in which they were published:
 *
 * - it receives a run of consecutive numbers: publish order, no hole, no repetition;
 * - the run begins at the latest with the first one published after the subscribe reply was written, and no
 *   earlier than the first one whose delivery on that worker had not begun when the subscribe command
 *   arrived. This slack is what was on its way, and gathers in the batch that a new subscriber hears as a
 *   whole;
 * - a subscription that lives has received everything once nothing is on its way;
 * - one that has ended received everything whose delivery on that worker was over when the unsubscribe
 *   arrived, and nothing that was published after its reply;
 * - nothing of a channel comes before the reply that confirms it, nothing at all before the connect reply.
 */

import { decodeFrames } from "@holdfast/protocol";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { MemoryBroker, MemoryBus } from "./broker/broker-memory.js";
import type { Topic } from "./broker/topic.js";
import { CoreWorld, FakeClient } from "./testing/core-world.js";
import { type FakeClock, runPromises } from "./testing/fake-clock.js";
import { FakeTransport, TextFraming } from "./testing/fake-transport.js";

const CHANNELS = ["open:a", "open:b"] as const;
const DELIVERY_MS = 0.3;

type Step =
  | { readonly do: "open"; readonly worker: number; readonly withSubs: boolean }
  | { readonly do: "subscribe" | "unsubscribe"; readonly which: number; readonly channel: number }
  | { readonly do: "publish"; readonly which: number; readonly channel: number; readonly count: number }
  | { readonly do: "end"; readonly which: number; readonly how: "close" | "disconnect" }
  | { readonly do: "slice"; readonly worker: number }
  | { readonly do: "quiet" };

const worker = fc.nat({ max: 1 });
const channel = fc.nat({ max: CHANNELS.length - 1 });
const which = fc.nat({ max: 1000 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("open" as const), worker, withSubs: fc.boolean() }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom("subscribe" as const, "unsubscribe" as const),
      which,
      channel,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("publish" as const),
      which,
      channel,
      count: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("end" as const),
      which,
      how: fc.constantFrom("close" as const, "disconnect" as const),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("slice" as const), worker }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("quiet" as const) }) },
);

class SlowFraming extends TextFraming {
  readonly #clock: FakeClock;

  constructor(clock: FakeClock) {
    super();
    this.#clock = clock;
  }

  override frame(text: string): Uint8Array {
    this.#clock.spend(DELIVERY_MS);
    return super.frame(text);
  }
}

/** One subscription as its client sees it, and the bounds of what it may receive. */
interface Subscribed {
  readonly channel: string;
  readonly worker: number;
  /** Published before this had been delivered on the worker when the subscribe command was sent. */
  readonly earliest: number;
  /** Published before this may be missing: how many there were when the reply was seen to be written. */
  latest: number | undefined;
  /** Delivered for certain by the end; undefined while it lives. */
  atLeast: number | undefined;
  /** Published when it ended. */
  atMost: number | undefined;
  readonly received: number[];
}

/** Answers a turn of the event loop after it has done what was asked: publications overtake the answers. */
class LateBroker extends MemoryBroker {
  clock: FakeClock | undefined;

  override async subscribe(topic: Topic): Promise<void> {
    await super.subscribe(topic);
    await new Promise<void>((resolve) => this.clock?.defer(resolve));
  }
}

class Model {
  readonly bus = new MemoryBus();
  readonly workers = [0, 1].map(
    () => new CoreWorld(new LateBroker(this.bus), { fanOutSliceMs: 1, commandRate: 10_000 }),
  );
  readonly clients: ModelClient[] = [];
  /** Publications accepted per channel. */
  readonly published = new Map<string, number>(CHANNELS.map((name) => [name, 0]));
  /** Per worker: publications per channel when nothing was on its way to it. */
  readonly settled = this.workers.map(() => new Map<string, number>(CHANNELS.map((name) => [name, 0])));

  constructor() {
    for (const { broker, clock } of this.workers) broker.clock = clock;
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const each of steps) {
      await this.#do(each);
      // Whatever reaches core comes in its own turn of the event loop, hence after all promises.
      await runPromises();
      for (const client of this.clients) client.read();
    }
    await this.#quiet();
    for (const client of this.clients) {
      client.read();
      client.check(this.published);
    }
  }

  async #do(each: Step): Promise<void> {
    switch (each.do) {
      case "open":
        this.clients.push(new ModelClient(this, each.worker, each.withSubs));
        return;
      case "slice":
        this.workers[each.worker]!.clock.runDeferred();
        return;
      case "quiet":
        return this.#quiet();
      default: {
        const client = this.clients[each.which % Math.max(1, this.clients.length)];
        if (client === undefined) return;
        if (each.do === "end") return client.end(each.how);
        const name = CHANNELS[each.channel]!;
        if (each.do === "subscribe") return client.subscribe(name);
        if (each.do === "unsubscribe") return client.unsubscribe(name);
        if (each.do === "publish") for (let i = 0; i < each.count; i++) client.publish(name);
      }
    }
  }

  async #quiet(): Promise<void> {
    for (const { clock } of this.workers) await clock.settle();
    for (const settled of this.settled) for (const [name, count] of this.published) settled.set(name, count);
  }
}

class ModelClient {
  readonly #model: Model;
  readonly #worker: number;
  readonly #client: FakeClient;
  readonly #asked = new Map<number, Subscribed>();
  readonly #live = new Map<string, Subscribed>();
  readonly #all: Subscribed[] = [];
  #connected = false;
  #open = true;

  constructor(model: Model, worker: number, withSubs: boolean) {
    this.#model = model;
    this.#worker = worker;
    const { core, clock } = model.workers[worker]!;
    // A framing of its own: a delivery takes its time also where a cork holds it.
    const transport = new FakeTransport(new SlowFraming(clock));
    transport.onWrite = () => clock.spend(DELIVERY_MS);
    this.#client = new FakeClient(core, "lines", undefined, transport);
    const first = withSubs ? this.#subscribing(CHANNELS[0]) : undefined;
    const id = this.#client.connect(first === undefined ? undefined : { [first.channel]: null });
    if (first !== undefined) this.#asked.set(id, first);
  }

  subscribe(channel: string): void {
    if (!this.#open || !this.#connected) return;
    const subscribed = this.#subscribing(channel);
    this.#asked.set(this.#client.subscribe(channel), subscribed);
  }

  unsubscribe(channel: string): void {
    if (!this.#open || !this.#connected) return;
    this.read();
    this.#client.unsubscribe(channel);
    this.read();
    this.#ended(channel);
  }

  publish(channel: string): void {
    if (!this.#open || !this.#connected) return;
    const number = this.#model.published.get(channel) ?? 0;
    this.#model.published.set(channel, number + 1);
    this.#client.publish(channel, number);
  }

  end(how: "close" | "disconnect"): void {
    if (!this.#open) return;
    this.read();
    this.#open = false;
    if (how === "disconnect") {
      this.#client.connection.disconnect({ code: 3000, name: "drain", message: "Bye." });
      // What was held for it stands before the reason.
      this.read();
    }
    this.#client.gone();
    for (const channel of CHANNELS) this.#ended(channel);
  }

  /** Takes what was written, in order. */
  read(): void {
    for (const message of this.#client.transport.takeMessages()) {
      for (const frame of decodeFrames(message)) {
        if (frame.kind === "reply" && frame.op === "connect") this.#connected = true;
        if (frame.kind === "push" && frame.op === "publication") {
          expect(this.#connected).toBe(true);
          const { channel, data } = frame.body as { channel: string; data: number };
          const subscribed = this.#live.get(channel);
          expect(subscribed).toBeDefined();
          subscribed?.received.push(data);
        }
        if (frame.kind === "reply") this.#confirmed(frame.id);
        if (frame.kind === "error") this.#asked.delete(frame.id);
      }
    }
  }

  check(published: ReadonlyMap<string, number>): void {
    for (const { channel, received, earliest, latest, atLeast, atMost } of this.#all) {
      if (latest === undefined) {
        expect(received).toEqual([]);
        continue;
      }
      const first = received[0] ?? latest;
      expect(received).toEqual(received.map((_, i) => first + i));
      expect(first).toBeGreaterThanOrEqual(earliest);
      expect(first).toBeLessThanOrEqual(latest);
      const end = first + received.length;
      const total = published.get(channel) ?? 0;
      expect(end).toBeGreaterThanOrEqual(Math.min(atLeast ?? total, total));
      expect(end).toBeLessThanOrEqual(atMost ?? total);
    }
  }

  #subscribing(channel: string): Subscribed {
    const subscribed: Subscribed = {
      channel,
      worker: this.#worker,
      earliest: this.#model.settled[this.#worker]?.get(channel) ?? 0,
      latest: undefined,
      atLeast: undefined,
      atMost: undefined,
      received: [],
    };
    this.#all.push(subscribed);
    return subscribed;
  }

  #confirmed(id: number): void {
    const subscribed = this.#asked.get(id);
    if (subscribed === undefined) return;
    this.#asked.delete(id);
    subscribed.latest = this.#model.published.get(subscribed.channel) ?? 0;
    this.#live.set(subscribed.channel, subscribed);
  }

  #ended(channel: string): void {
    const subscribed = this.#live.get(channel);
    if (subscribed === undefined) return;
    this.#live.delete(channel);
    const settled = this.#model.settled[this.#worker]?.get(channel) ?? 0;
    // What was published before the confirmation is no promise.
    subscribed.atLeast = settled > (subscribed.latest ?? 0) ? settled : 0;
    subscribed.atMost = this.#model.published.get(channel) ?? 0;
  }
}

test("a subscriber receives the publications of its channel in publish order, without hole or repetition, from its confirmation to its end", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 150 }), async (steps) => {
      const model = new Model();
      await model.run(steps);
      for (const { logger, core } of model.workers) {
        expect(logger.messages("error")).toEqual([]);
        await core.close();
        expect([core.connections, core.subscriptions, core.topics]).toEqual([0, 0, 0]);
      }
      expect(model.bus.topics).toBe(0);
    }),
    { numRuns: 150 },
  );
}, 60_000);
