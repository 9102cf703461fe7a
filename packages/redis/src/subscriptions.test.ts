import { BrokerUnavailable, channelTopic, type Topic } from "@holdfast/core";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { RedisSubscriptions, type SubscriptionLink } from "./subscriptions.js";

/** A Redis that answers when told to. */
class ManualLink implements SubscriptionLink {
  readonly subscribed = new Set<Topic>();
  readonly commands: string[] = [];
  readonly #unanswered: { answer(): void; refuse(): void }[] = [];

  subscribe(topics: readonly Topic[]): Promise<void> {
    return this.#command("SUBSCRIBE", topics, (topic) => this.subscribed.add(topic));
  }

  unsubscribe(topics: readonly Topic[]): Promise<void> {
    return this.#command("UNSUBSCRIBE", topics, (topic) => this.subscribed.delete(topic));
  }

  /** Answers the command under way, or refuses it. False when there is none. */
  answer(refuse = false): boolean {
    const command = this.#unanswered.shift();
    if (refuse) command?.refuse();
    else command?.answer();
    return command !== undefined;
  }

  #command(name: string, topics: readonly Topic[], apply: (topic: Topic) => void): Promise<void> {
    this.commands.push(`${name} ${topics.join(" ")}`);
    expect(this.#unanswered).toHaveLength(0);
    return new Promise((resolve, reject) => {
      this.#unanswered.push({
        answer: () => {
          topics.forEach(apply);
          resolve();
        },
        refuse: () => reject(new Error("NOPERM")),
      });
    });
  }
}

class Fixture {
  #deferred: (() => void)[] = [];
  link = new ManualLink();
  readonly subscriptions: RedisSubscriptions;

  constructor(maxTopicsPerCommand = 1000) {
    this.subscriptions = new RedisSubscriptions({
      maxTopicsPerCommand,
      defer: (run) => this.#deferred.push(run),
      reasonOf: (error) => (error as Error).message,
    });
  }

  /** A turn of the event loop. */
  async turn(): Promise<void> {
    const deferred = this.#deferred;
    this.#deferred = [];
    for (const run of deferred) run();
    await new Promise(setImmediate);
  }

  /** Turns and answers until nothing is left to do. */
  async finish(): Promise<void> {
    do await this.turn();
    while (this.link.answer() || this.#deferred.length > 0);
  }

  async attach(): Promise<void> {
    this.link = new ManualLink();
    const attached = this.subscriptions.attach(this.link);
    await this.finish();
    await attached;
  }
}

const A = channelTopic("a");
const B = channelTopic("b");
const C = channelTopic("c");

describe("subscriptions", () => {
  test("the calls of one turn become one command", async () => {
    const f = new Fixture();
    await f.attach();
    const calls = Promise.all([A, B, C].map((topic) => f.subscriptions.subscribe(topic)));
    await f.finish();
    await calls;
    expect(f.link.commands).toEqual([`SUBSCRIBE ${A} ${B} ${C}`]);
    const back = Promise.all([A, B].map((topic) => f.subscriptions.unsubscribe(topic)));
    await f.finish();
    await back;
    expect(f.link.commands.slice(1)).toEqual([`UNSUBSCRIBE ${A} ${B}`]);
  });

  test("a call settles only when Redis has answered", async () => {
    const f = new Fixture();
    await f.attach();
    let settled = false;
    const call = f.subscriptions.subscribe(A).then(() => {
      settled = true;
    });
    await f.turn();
    expect(settled).toBe(false);
    f.link.answer();
    await call;
  });

  test("a wish that is taken back in the same turn costs no command", async () => {
    const f = new Fixture();
    await f.attach();
    const calls = Promise.all([f.subscriptions.subscribe(A), f.subscriptions.unsubscribe(A)]);
    await f.finish();
    await calls;
    expect(f.link.commands).toEqual([]);
  });

  test("a wish that is taken back while its command is under way is undone by the next", async () => {
    const f = new Fixture();
    await f.attach();
    const first = f.subscriptions.subscribe(A);
    await f.turn();
    const second = f.subscriptions.unsubscribe(A);
    await f.finish();
    await Promise.all([first, second]);
    expect(f.link.commands).toEqual([`SUBSCRIBE ${A}`, `UNSUBSCRIBE ${A}`]);
    expect(f.link.subscribed.size).toBe(0);
  });

  test("many topics are restored in several commands", async () => {
    const f = new Fixture(2);
    await f.attach();
    const calls = Promise.all([A, B, C].map((topic) => f.subscriptions.subscribe(topic)));
    await f.finish();
    await calls;
    f.subscriptions.detach();
    await f.attach();
    expect(f.link.commands).toEqual([`SUBSCRIBE ${A} ${B}`, `SUBSCRIBE ${C}`]);
  });

  test("a refused topic is neither wished nor restored, and can be asked for again", async () => {
    const f = new Fixture();
    await f.attach();
    const refused = f.subscriptions.subscribe(A);
    await f.turn();
    const again = f.subscriptions.subscribe(A);
    f.link.answer(true);
    await expect(refused).rejects.toThrow(BrokerUnavailable);
    await f.turn();
    f.link.answer(true);
    await expect(again).rejects.toThrow("NOPERM");
    expect(f.subscriptions.has(A)).toBe(false);
    const third = f.subscriptions.subscribe(A);
    await f.finish();
    await third;
    expect(f.link.subscribed).toEqual(new Set([A]));
  });

  test("when the link goes, calls settle at once and only confirmed topics are restored", async () => {
    const f = new Fixture();
    await f.attach();
    const held = f.subscriptions.subscribe(A);
    await f.finish();
    await held;
    const underWay = f.subscriptions.subscribe(B);
    await f.turn();
    const waiting = f.subscriptions.subscribe(C);
    const leaving = f.subscriptions.unsubscribe(C);
    f.subscriptions.detach();
    await expect(underWay).rejects.toThrow(BrokerUnavailable);
    await expect(waiting).rejects.toThrow(BrokerUnavailable);
    await leaving;
    await expect(f.subscriptions.subscribe(B)).rejects.toThrow(BrokerUnavailable);
    await f.attach();
    expect(f.link.commands).toEqual([`SUBSCRIBE ${A}`]);
  });

  test("whatever is called, answered, refused and lost in whatever order, Redis ends with what was wished last", async () => {
    const topic = fc.constantFrom(A, B, C);
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ do: fc.constant("subscribe" as const), topic }) },
      { weight: 4, arbitrary: fc.record({ do: fc.constant("unsubscribe" as const), topic }) },
      { weight: 4, arbitrary: fc.record({ do: fc.constant("turn" as const) }) },
      { weight: 4, arbitrary: fc.record({ do: fc.constant("answer" as const) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("refuse" as const) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("lose" as const) }) },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        fc.integer({ min: 1, max: 3 }),
        async (steps, perCommand) => {
          const f = new Fixture(perCommand);
          await f.attach();
          // The model: for each topic its calls in order. The last that was not refused says what Redis
          // should hold.
          const calls = new Map<Topic, { wishes: boolean; outcome?: "done" | "refused" }[]>();
          const all: Promise<void>[] = [];
          let refused = false;
          for (const each of steps) {
            if (each.do === "subscribe" || each.do === "unsubscribe") {
              const call: { wishes: boolean; outcome?: "done" | "refused" } = {
                wishes: each.do === "subscribe",
              };
              calls.set(each.topic, [...(calls.get(each.topic) ?? []), call]);
              const settle = (outcome: "done" | "refused") => () => {
                call.outcome = outcome;
              };
              all.push(f.subscriptions[each.do](each.topic).then(settle("done"), settle("refused")));
            } else if (each.do === "turn") await f.turn();
            else if (each.do === "answer") f.link.answer();
            else if (each.do === "refuse") refused = f.link.answer(true) || refused;
            else {
              f.subscriptions.detach();
              await f.attach();
            }
          }
          await f.finish();
          await Promise.all(all);
          for (const [name, history] of calls) {
            const last = history.at(-1);
            if (last?.outcome === "done") {
              expect(f.subscriptions.has(name)).toBe(last.wishes);
              expect(f.link.subscribed.has(name)).toBe(last.wishes);
            }
            // What is wished is subscribed; the reverse may lag behind a refused UNSUBSCRIBE.
            if (f.subscriptions.has(name)) expect(f.link.subscribed).toContain(name);
            else if (!refused) expect(f.link.subscribed).not.toContain(name);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
