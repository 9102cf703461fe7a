import { describe, expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import { codecs } from "../codec/codecs.js";
import { FakeClock } from "../testing/fake-clock.js";
import { TextFraming } from "../testing/fake-transport.js";
import { RecordingMetrics } from "../testing/recording-metrics.js";
import type { Batch } from "./batch.js";
import { Cork } from "./cork.js";
import { Audience, FanOut, type Listener } from "./fan-out.js";
import { messagePush, weightOf } from "./push.js";

const framing = new TextFraming();

/** Remembers the data it was given; a delivery takes `costMs` of the clock. */
class Ear implements Listener {
  slot = -1;
  readonly heard: string[] = [];
  readonly batches: Batch[] = [];
  onDeliver: () => void = () => {};
  readonly #clock: FakeClock;
  readonly #costMs: number;

  constructor(clock: FakeClock, costMs = 0) {
    this.#clock = clock;
    this.#costMs = costMs;
  }

  deliver(batch: Batch): number {
    this.#clock.spend(this.#costMs);
    this.batches.push(batch);
    const bytes = batch.bytesFor(codecs.raw, framing);
    this.heard.push(...framing.messages(bytes));
    this.onDeliver();
    return bytes.length;
  }
}

function world(options: { sliceMs?: number; maxPendingChars?: number } = {}) {
  const clock = new FakeClock();
  const metrics = new RecordingMetrics();
  const fanOut = new FanOut({ sliceMs: 5, ...options }, clock, metrics, new Cork(() => {}));
  const audience = (count: number, costMs = 0): { audience: Audience; ears: Ear[] } => {
    const audience = new Audience();
    const ears = Array.from({ length: count }, () => new Ear(clock, costMs));
    for (const ear of ears) audience.listeners.add(ear);
    return { audience, ears };
  };
  const publish = (audience: Audience, data: string): boolean => fanOut.add(audience, messagePush(data));
  /** Turns of the event loop until nothing waits. */
  const drain = (): number => {
    let turns = 0;
    while (clock.runDeferred() > 0) turns++;
    return turns;
  };
  return { clock, metrics, fanOut, audience, publish, drain };
}

describe("fan-out", () => {
  test("delivers after the current turn of the event loop, never inside the call", () => {
    const { audience, publish, drain } = world();
    const { audience: news, ears } = audience(2);
    publish(news, "1");
    expect(ears[0]!.heard).toEqual([]);
    drain();
    expect(ears.map(({ heard }) => heard)).toEqual([["1"], ["1"]]);
  });

  test("puts what arrives in one turn into one batch, shared by all listeners", () => {
    const { audience, publish, drain } = world();
    const { audience: news, ears } = audience(3);
    for (const data of ["1", "2", "3"]) publish(news, data);
    drain();
    for (const ear of ears) {
      expect(ear.heard).toEqual(["1", "2", "3"]);
      expect(ear.batches).toEqual([ears[0]!.batches[0]]);
    }
  });

  test("takes the topics in the order in which they began to wait", () => {
    const { clock, audience, publish, drain } = world();
    const order: string[] = [];
    const audiences = ["a", "b", "c"].map((name) => {
      const made = audience(1);
      made.ears[0]!.onDeliver = () => order.push(name);
      return made.audience;
    });
    for (const at of [2, 0, 1, 2, 0]) publish(audiences[at]!, "1");
    drain();
    publish(audiences[1]!, "2");
    publish(audiences[0]!, "2");
    drain();
    expect(order).toEqual(["c", "a", "b", "b", "a"]);
    expect(clock.deferred).toBe(0);
  });

  test("yields to the event loop when a slice is over, and goes on where it was", () => {
    const { audience, publish, drain, clock } = world({ sliceMs: 5 });
    const { audience: news, ears } = audience(1000, 0.1);
    publish(news, "1");
    const before = clock.monotonic();
    clock.runDeferred();
    // 32 deliveries between two looks at the clock.
    expect(clock.monotonic() - before).toBeLessThanOrEqual(5 + 32 * 0.1);
    const heard = ears.filter((ear) => ear.heard.length === 1).length;
    expect(heard).toBeGreaterThanOrEqual(50);
    expect(heard).toBeLessThan(100);
    expect(drain()).toBeGreaterThanOrEqual(10);
    for (const ear of ears) expect(ear.heard).toEqual(["1"]);
  });

  test("yields between many small topics as it does within a large one", () => {
    const { audience, publish, clock, drain } = world({ sliceMs: 5 });
    const rooms = Array.from({ length: 500 }, () => audience(1, 0.1));
    for (const room of rooms) publish(room.audience, "1");
    clock.runDeferred();
    const heard = rooms.filter(({ ears }) => ears[0]!.heard.length === 1).length;
    expect(heard).toBeGreaterThanOrEqual(49);
    expect(heard).toBeLessThanOrEqual(52);
    drain();
    for (const { ears } of rooms) expect(ears[0]!.heard).toEqual(["1"]);
  });

  test("gathers what arrives during a walk into one next batch", () => {
    const { audience, publish, clock, drain } = world({ sliceMs: 5 });
    const { audience: news, ears } = audience(200, 0.1);
    publish(news, "1");
    clock.runDeferred();
    for (const data of ["2", "3", "4"]) publish(news, data);
    drain();
    for (const ear of ears) {
      expect(ear.heard).toEqual(["1", "2", "3", "4"]);
      expect(ear.batches).toHaveLength(2);
    }
  });

  test("a listener that joins during a walk does not get that batch but all later ones", () => {
    const { audience, publish, clock, drain } = world({ sliceMs: 5 });
    const { audience: news, ears } = audience(200, 0.1);
    publish(news, "1");
    clock.runDeferred();
    const late = new Ear(clock);
    news.listeners.remove(ears[199]!);
    news.listeners.add(late);
    publish(news, "2");
    drain();
    expect(late.heard).toEqual(["2"]);
    expect(ears[199]!.heard).toEqual([]);
    expect(ears[198]!.heard).toEqual(["1", "2"]);
  });

  test("a listener may leave, or make another leave, while it is delivered to", () => {
    const { audience, publish, drain } = world();
    const { audience: news, ears } = audience(3);
    ears[0]!.onDeliver = () => {
      news.listeners.remove(ears[0]!);
      news.listeners.remove(ears[1]!);
    };
    publish(news, "1");
    drain();
    expect(ears.map(({ heard }) => heard.length)).toEqual([1, 0, 1]);
  });

  test("an audience that every listener left is passed over", () => {
    const { audience, publish, drain, fanOut } = world();
    const { audience: news, ears } = audience(1);
    publish(news, "1");
    news.listeners.remove(ears[0]!);
    drain();
    expect(ears[0]!.heard).toEqual([]);
    expect(fanOut.pendingChars).toBe(0);
    expect(news.listeners.end).toBe(0);
  });

  test("drops and counts the newest publication when too much waits, and recovers", () => {
    const { audience, publish, drain, fanOut, metrics } = world({ maxPendingChars: 200 });
    const { audience: news, ears } = audience(1);
    const { audience: sport } = audience(1);
    publish(news, "x".repeat(50));
    publish(sport, "y".repeat(50));
    publish(sport, "z");
    publish(news, "w".repeat(200));
    expect(fanOut.pendingChars).toBeLessThanOrEqual(200);
    expect(metrics.count("fanout_dropped")).toBe(2);
    drain();
    expect(fanOut.pendingChars).toBe(0);
    publish(news, "after");
    drain();
    expect(ears[0]!.heard).toEqual(["x".repeat(50), "after"]);
  });

  test("what is being walked still counts as waiting", () => {
    const { audience, publish, clock, fanOut, drain } = world();
    const { audience: news } = audience(200, 0.1);
    publish(news, "1");
    clock.runDeferred();
    expect(fanOut.pendingChars).toBe(weightOf(messagePush("1")));
    drain();
    expect(fanOut.pendingChars).toBe(0);
  });

  test("reports deliveries, bytes and time once per batch, not once per delivery", () => {
    const { audience, publish, drain, metrics, clock } = world();
    const { audience: news } = audience(1000);
    publish(news, "1");
    publish(news, "2");
    clock.spend(250);
    drain();
    expect(metrics.count("deliveries")).toBe(2000);
    expect(metrics.count("delivered_bytes")).toBe(1000 * Buffer.byteLength("1\x002\0"));
    expect(metrics.observed("fanout_seconds")).toEqual([0.25]);
    expect(metrics.calls).toBeLessThan(10);
  });

  test("a listener that writes nothing is no delivery", () => {
    const { audience, publish, drain, metrics } = world();
    const { audience: news } = audience(1);
    news.listeners.add({ slot: -1, deliver: () => 0 });
    publish(news, "1");
    drain();
    expect(metrics.count("deliveries")).toBe(1);
  });

  test("the cost of a topic does not grow with the number of topics that wait", () => {
    const { fanOut, audience, drain } = world({ maxPendingChars: 2 ** 40 });
    // A queue whose head is shifted off moves all that wait, for each of them.
    const shift = jest.spyOn(Array.prototype, "shift");
    const splice = jest.spyOn(Array.prototype, "splice");
    try {
      for (let i = 0; i < 10_000; i++) fanOut.add(audience(0).audience, messagePush("1"));
      const before = shift.mock.calls.length + splice.mock.calls.length;
      drain();
      // One for each stretch, at most: not one for each topic.
      expect(shift.mock.calls.length + splice.mock.calls.length - before).toBeLessThan(100);
    } finally {
      shift.mockRestore();
      splice.mockRestore();
    }
    expect(fanOut.pendingChars).toBe(0);
  });
});

test("whatever is interleaved, a listener hears each topic in order, without a hole or a repetition, from some point to its leaving", () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant("publish" as const), topic: fc.nat({ max: 2 }) }),
    fc.record({ do: fc.constant("join" as const), topic: fc.nat({ max: 2 }) }),
    fc.record({ do: fc.constant("leave" as const), which: fc.nat() }),
    fc.record({ do: fc.constant("slice" as const) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (script) => {
      const { audience, publish, clock, drain } = world({ sliceMs: 1 });
      const topics = [0, 1, 2].map(() => audience(30, 0.05));
      const published = [0, 0, 0];
      const members = topics.flatMap(({ ears }, topic) =>
        ears.map((ear) => ({ ear, topic, from: 0, left: false })),
      );
      for (const each of script) {
        if (each.do === "publish") publish(topics[each.topic]!.audience, `${published[each.topic]!++}`);
        else if (each.do === "join") {
          const ear = new Ear(clock, 0.05);
          topics[each.topic]!.audience.listeners.add(ear);
          members.push({ ear, topic: each.topic, from: published[each.topic]!, left: false });
        } else if (each.do === "leave") {
          const member = members[each.which % members.length]!;
          topics[member.topic]!.audience.listeners.remove(member.ear);
          member.left = true;
        } else clock.runDeferred();
      }
      drain();
      for (const { ear, topic, from, left } of members) {
        const heard = ear.heard.map(Number);
        const first = heard[0] ?? from;
        expect(first).toBeLessThanOrEqual(from);
        expect(heard).toEqual(heard.map((_, i) => first + i));
        if (!left) expect(first + heard.length).toBe(published[topic]);
      }
    }),
    { numRuns: 100 },
  );
});
