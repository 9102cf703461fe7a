/**
 * Topics shared among the workers of an instance, against a model of Redis: each payload once and in order,
 * and none missing that `skipped` did not announce, whatever workers come, go, lose Redis or are slow.
 */
import { channelTopic, noMetrics, type OwnSubscriptions, type Topic } from "@holdfast/core";
import { FakeClock } from "@holdfast/core/testing";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { SiblingHome, TopicPlacement } from "./placement.js";
import { SharedTopics } from "./shared-topics.js";
import { type SharedPayload, TopicHome, type TopicInterest } from "./topic-home.js";

const TOPICS: readonly Topic[] = [channelTopic("a"), channelTopic("b"), channelTopic("c")];

/** What is on its way in one direction, in order; it moves when the schedule says so. */
class Pipe {
  #waiting: (() => void)[] = [];
  isCut = false;

  constructor(world: World) {
    world.pipes.push(this);
  }

  send(deliver: () => void): void {
    if (!this.isCut) this.#waiting.push(deliver);
  }

  get length(): number {
    return this.#waiting.length;
  }

  move(): void {
    this.#waiting.shift()?.();
  }

  cut(): void {
    this.isCut = true;
    this.#waiting = [];
  }
}

class World {
  readonly clock = new FakeClock();
  readonly pipes: Pipe[] = [];
  readonly workers: Worker[] = [];
  readonly published = new Map<Topic, number>();
  #made = 0;

  publish(topic: Topic): void {
    const n = (this.published.get(topic) ?? 0) + 1;
    this.published.set(topic, n);
    const payload = Buffer.from(String(n));
    this.each((worker) => worker.redis.message(topic, payload));
  }

  each(run: (worker: Worker) => void): void {
    for (const worker of this.workers) if (!worker.isDead) run(worker);
  }

  get live(): readonly Worker[] {
    return this.workers.filter(({ isDead }) => !isDead);
  }

  join(slot: number): void {
    const worker = new Worker(this, slot, `w${this.#made++}`);
    const others = this.live;
    this.workers.push(worker);
    for (const other of others) {
      worker.links.set(other, new ModelLink(this, worker, other));
      other.links.set(worker, new ModelLink(this, other, worker));
    }
    // As in a reload: a slot has one member.
    for (const other of others) if (other.slot === slot) other.isDraining = true;
    worker.up();
    for (const topic of TOPICS) worker.listen(topic);
    this.tell();
  }

  /** The primary's news. */
  tell(): void {
    this.each((worker) => worker.choose());
  }

  /** All that is on its way arrives, and all that is due happens. */
  async settle(): Promise<void> {
    this.pipes.splice(0, this.pipes.length, ...this.pipes.filter(({ isCut }) => !isCut));
    for (const ms of [150, 150, 150, 6_000, 150, 150, 150]) {
      for (let turns = 0; this.pipes.some((pipe) => pipe.length > 0); turns++) {
        expect(turns).toBeLessThan(1_000);
        for (const pipe of this.pipes) while (pipe.length > 0) pipe.move();
        await this.clock.settle();
      }
      this.clock.advance(ms);
      await this.clock.settle();
    }
  }
}

/** A worker's own link to Redis: subscribed when a command has arrived, answers and messages in one order. */
class RedisLink {
  readonly commands: Pipe;
  readonly pushes: Pipe;
  readonly #topics = new Set<string>(["fences"]);
  readonly #world: World;
  readonly #worker: Worker;

  constructor(world: World, worker: Worker) {
    this.#world = world;
    this.#worker = worker;
    this.commands = new Pipe(world);
    this.pushes = new Pipe(world);
  }

  get subscribed(): number {
    return this.#topics.size - 1;
  }

  message(topic: string, payload: Buffer): void {
    if (!this.#topics.has(topic)) return;
    this.pushes.send(() => {
      if (topic === "fences") this.#worker.fence(payload.toString());
      else this.#worker.home.payload(topic as Topic, payload);
    });
  }

  get own(): OwnSubscriptions {
    return {
      subscribe: (topic) => this.#ask(() => this.#topics.add(topic)),
      unsubscribe: (topic) => this.#ask(() => this.#topics.delete(topic)),
      fence: (mark) => {
        this.commands.send(() => this.#world.each(({ redis }) => redis.message("fences", Buffer.from(mark))));
        return Promise.resolve();
      },
      orderOf: () => "",
    };
  }

  #ask(run: () => void): Promise<void> {
    return new Promise((resolve) => {
      this.commands.send(() => {
        run();
        this.pushes.send(resolve);
      });
    });
  }

  cut(): void {
    this.commands.cut();
    this.pushes.cut();
  }
}

/** From one worker to another that is a home for it. */
class ModelLink implements SiblingHome {
  readonly slot: number;
  readonly to: Worker;
  readonly requests: Pipe;
  readonly answers: Pipe;
  readonly #from: Worker;
  readonly #interests = new Map<
    TopicPlacement,
    { readonly topic: Topic; readonly interest: TopicInterest }
  >();
  readonly #placements = new Set<TopicPlacement>();
  /** Topics whose payloads are left out now. */
  isSlow = false;
  readonly #skipped = new Set<TopicPlacement>();
  isAble = false;

  constructor(world: World, from: Worker, to: Worker) {
    this.#from = from;
    this.to = to;
    this.slot = to.slot;
    this.requests = new Pipe(world);
    this.answers = new Pipe(world);
    const isAble = to.home.isAble;
    this.answers.send(() => this.#able(isAble));
  }

  subscribe(placement: TopicPlacement): void {
    if (!this.isAble) return placement.refused();
    this.#placements.add(placement);
    this.requests.send(() => {
      const interest: TopicInterest = {
        accepted: () => {},
        confirmed: () => this.#answer(placement, () => placement.confirmed()),
        refused: () => this.#answer(placement, () => placement.refused()),
        payload: (payload) => this.#payload(placement, payload),
      };
      this.#interests.set(placement, { topic: placement.topic, interest });
      this.to.home.add(placement.topic, interest);
    });
  }

  unsubscribe(placement: TopicPlacement): void {
    if (!this.#placements.delete(placement)) return;
    this.requests.send(() => {
      const known = this.#interests.get(placement);
      this.#interests.delete(placement);
      if (known !== undefined) this.to.home.remove(known.topic, known.interest);
    });
  }

  fence(mark: string): void {
    this.#tellSkipped();
    this.answers.send(() => this.#from.topics.fence(this, mark));
  }

  fast(): void {
    this.isSlow = false;
    this.#tellSkipped();
  }

  #tellSkipped(): void {
    for (const placement of this.#skipped) this.#answer(placement, () => placement.skipped());
    this.#skipped.clear();
  }

  /** The home has said whether it reaches Redis. */
  tellState(isAble: boolean): void {
    this.#skipped.clear();
    this.answers.send(() => this.#able(isAble));
  }

  /** The home is gone. */
  lost(): void {
    this.requests.cut();
    this.answers.cut();
    this.#able(false);
  }

  /** The worker that asks is gone. */
  end(): void {
    this.requests.cut();
    this.answers.cut();
    for (const { topic, interest } of this.#interests.values()) this.to.home.remove(topic, interest);
  }

  #payload(placement: TopicPlacement, { bytes }: SharedPayload): void {
    if (this.isSlow) this.#skipped.add(placement);
    else this.#answer(placement, () => placement.payload({ bytes }));
  }

  #answer(placement: TopicPlacement, run: () => void): void {
    this.answers.send(() => {
      if (this.#placements.has(placement)) run();
    });
  }

  #able(isAble: boolean): void {
    if (this.isAble === isAble) return;
    this.isAble = isAble;
    const placements = [...this.#placements];
    for (const placement of placements) this.unsubscribe(placement);
    this.#from.choose();
    this.#from.topics.lost(placements);
  }
}

class Worker implements SiblingHome {
  readonly slot: number;
  readonly name: string;
  readonly home = new TopicHome();
  readonly topics: SharedTopics;
  readonly links = new Map<Worker, ModelLink>();
  readonly listens = new Map<Topic, Follower>();
  readonly #world: World;
  redis: RedisLink;
  isDead = false;
  isDraining = false;

  constructor(world: World, slot: number, name: string) {
    this.#world = world;
    this.slot = slot;
    this.name = name;
    this.redis = new RedisLink(world, this);
    const { clock } = world;
    this.topics = new SharedTopics(
      { self: this, name, clock, metrics: noMetrics },
      {
        payload: (topic, payload) => this.listens.get(topic)?.hear(Number(payload.toString())),
        skipped: (topic) => this.listens.get(topic)?.skipped(),
      },
    );
  }

  subscribe(placement: TopicPlacement): void {
    this.home.add(placement.topic, placement);
  }

  unsubscribe(placement: TopicPlacement): void {
    this.home.remove(placement.topic, placement);
  }

  fence(mark: string): void {
    const name = mark.slice(0, mark.lastIndexOf("."));
    if (name === this.name) this.topics.fence(this, mark);
    for (const other of this.#world.live) if (other.name === name) other.links.get(this)?.fence(mark);
  }

  choose(): void {
    const homes: SiblingHome[] = [];
    for (const [worker, link] of this.links)
      if (link.isAble && !worker.isDead && !worker.isDraining) homes.push(link);
    if (!this.isDraining) homes.push(this);
    this.topics.choose(homes);
  }

  up(): void {
    this.redis = new RedisLink(this.#world, this);
    this.home.attach(this.redis.own);
    this.topics.attach(this.redis.own);
    for (const other of this.#world.live) other.links.get(this)?.tellState(true);
    this.choose();
    // As the broker does: all that is wished is subscribed anew, and has to be proven.
    for (const [topic, follower] of this.listens) this.#subscribe(topic, follower);
  }

  down(): void {
    this.redis.cut();
    this.topics.detach();
    this.home.detach();
    for (const other of this.#world.live) other.links.get(this)?.tellState(false);
    for (const follower of this.listens.values()) follower.down();
  }

  listen(topic: Topic): void {
    if (this.listens.has(topic)) return;
    const follower = new Follower(() => this.#world.published.get(topic) ?? 0);
    this.listens.set(topic, follower);
    if (this.home.isAble) this.#subscribe(topic, follower);
  }

  leave(topic: Topic): void {
    this.listens.delete(topic);
    void this.topics.unsubscribe([topic]);
  }

  die(): void {
    this.isDead = true;
    this.redis.cut();
    for (const link of this.links.values()) link.end();
    for (const other of this.#world.live) {
      const link = other.links.get(this);
      other.links.delete(this);
      link?.lost();
    }
    this.#world.tell();
  }

  #subscribe(topic: Topic, follower: Follower): void {
    this.topics.subscribe([topic]).then(
      () => {
        if (this.listens.get(topic) === follower) follower.confirmed();
      },
      () => {},
    );
  }
}

/** What one worker has heard of a topic. */
class Follower {
  readonly #published: () => number;
  #last = 0;
  /** The highest that may come next: beyond the last but one something is missing. */
  #mostNext = Number.POSITIVE_INFINITY;

  constructor(published: () => number) {
    this.#published = published;
  }

  get last(): number {
    return this.#last;
  }

  hear(n: number): void {
    expect(n).toBeGreaterThan(this.#last);
    expect(n).toBeLessThanOrEqual(this.#mostNext);
    this.#last = n;
    this.#mostNext = n + 1;
  }

  /** Something up to now may be missing, nothing later. */
  skipped(): void {
    this.#mostNext = Math.max(this.#last, this.#published()) + 1;
  }

  /** What is published from now on comes. */
  confirmed(): void {
    this.#mostNext = Math.min(this.#mostNext, this.#published() + 1);
  }

  /** Until it is confirmed again, anything may be missing. */
  down(): void {
    this.#mostNext = Number.POSITIVE_INFINITY;
  }

  /** Whether nothing more is due. */
  get isComplete(): boolean {
    return this.#mostNext > this.#published();
  }
}

type Step =
  | { readonly do: "publish" | "listen" | "leave"; readonly topic: number; readonly worker: number }
  | { readonly do: "die" | "join" | "drain" | "down" | "up" | "slow" | "fast"; readonly worker: number }
  | { readonly do: "move"; readonly pipe: number; readonly count: number }
  | { readonly do: "wait"; readonly ms: number }
  /** Much at once: what is on its way moves, by chance, while more is published and time passes. */
  | { readonly do: "traffic"; readonly seed: number; readonly hops: number };

const nat = fc.nat(63);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("publish" as const), topic: nat, worker: nat }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("listen" as const), topic: nat, worker: nat }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("leave" as const), topic: nat, worker: nat }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom("die", "join", "drain", "down", "up", "slow", "fast"),
      worker: nat,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("move" as const),
      pipe: nat,
      count: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("traffic" as const),
      seed: fc.nat(),
      hops: fc.integer({ min: 20, max: 150 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(0, 60, 150, 6_000) }),
  },
);

function of<Item>(items: readonly Item[], n: number): Item | undefined {
  return items[n % Math.max(1, items.length)];
}

async function traffic(world: World, seed: number, hops: number): Promise<void> {
  let state = seed;
  const next = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  for (let i = 0; i < hops; i++) {
    const busy = world.pipes.filter(({ length }) => length > 0);
    of(busy, next(busy.length))?.move();
    if (next(6) === 0) world.publish(of(TOPICS, next(3)) as Topic);
    if (next(8) === 0) world.clock.advance(20);
    await world.clock.settle();
  }
}

async function carryOut(world: World, each: Step): Promise<void> {
  switch (each.do) {
    case "move": {
      const pipe = of(
        world.pipes.filter(({ length }) => length > 0),
        each.pipe,
      );
      for (let i = 0; i < each.count; i++) pipe?.move();
      return;
    }
    case "traffic":
      return traffic(world, each.seed, each.hops);
    case "wait":
      return world.clock.advance(each.ms);
    case "join":
      if (world.live.length < 5) world.join(each.worker % 4);
      return;
    default:
  }
  const worker = of(world.live, each.worker);
  if (worker === undefined) return;
  switch (each.do) {
    case "publish":
      return world.publish(of(TOPICS, each.topic) as Topic);
    case "listen":
      return worker.listen(of(TOPICS, each.topic) as Topic);
    case "leave":
      return worker.leave(of(TOPICS, each.topic) as Topic);
    case "die":
      if (world.live.length > 1) worker.die();
      return;
    case "drain":
      worker.isDraining = true;
      return world.tell();
    case "down":
      if (worker.home.isAble) worker.down();
      return;
    case "up":
      if (!worker.home.isAble) worker.up();
      return;
    case "slow":
      for (const link of worker.links.values()) link.isSlow = true;
      return;
    case "fast":
      for (const link of worker.links.values()) link.fast();
      return;
    default:
  }
}

describe("topics shared among siblings", () => {
  test("each payload comes once and in order, and none is missing unannounced", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40, size: "max" }), async (steps) => {
        const world = new World();
        for (let slot = 0; slot < 3; slot++) world.join(slot);
        await world.settle();
        for (const each of steps) {
          await carryOut(world, each);
          await world.clock.settle();
        }
        for (const worker of world.live) {
          if (!worker.home.isAble) worker.up();
          for (const link of worker.links.values()) link.fast();
        }
        await world.settle();
        for (const topic of TOPICS) {
          const listeners = world.live.filter(({ listens }) => listens.has(topic));
          // Once per instance, wherever a worker may be a home.
          const homes = world.live.filter(({ home }) => home.homes(topic));
          const isShared = world.live.some(({ isDraining }) => !isDraining);
          if (isShared) expect(homes).toHaveLength(listeners.length > 0 ? 1 : 0);
          const n = world.published.get(topic) ?? 0;
          for (const { listens } of listeners) expect(listens.get(topic)?.isComplete).toBe(true);
          // From here on nothing may be missing.
          world.publish(topic);
          await world.settle();
          for (const { listens } of listeners) expect(listens.get(topic)?.last).toBe(n + 1);
        }
      }),
      { numRuns: 60 },
    );
  }, 60_000);
});
