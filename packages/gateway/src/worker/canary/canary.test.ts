import {
  type BrokerEvents,
  CANARY,
  type CounterName,
  MemoryBroker,
  MemoryBus,
  type Metrics,
} from "@holdfast/core";
import { FakeClock } from "@holdfast/core/testing";
import { describe, expect, it } from "@jest/globals";
import { Canary, MAX_TRACKED } from "./canary.js";
import { CanarySequence, WINDOW } from "./canary-sequence.js";

const INTERVAL_MS = 1_000;

class Counts implements Metrics {
  readonly counts: Partial<Record<CounterName, number>> = {};
  readonly seconds: number[] = [];
  add(name: CounterName, amount: number): void {
    this.counts[name] = (this.counts[name] ?? 0) + amount;
  }
  observe(_name: string, seconds: number): void {
    this.seconds.push(seconds);
  }
}

/** A broker that does to what arrives as the test says: how often each canary is delivered. */
class FaultyBroker extends MemoryBroker {
  times: (n: number) => number = () => 1;
  override start(events: BrokerEvents): void {
    super.start({
      ...events,
      state: (state) => events.state(state),
      publication: (topic, data) => {
        const n = Number(/"n":(\d+)/.exec(String(data))?.[1]);
        for (let time = this.times(n); time > 0; time--) events.publication(topic, data);
      },
    });
  }
}

interface World {
  readonly canary: Canary;
  readonly broker: FaultyBroker;
  readonly metrics: Counts;
  readonly clock: FakeClock;
  readonly core: string[];
}

/** A worker of an instance, on a clock of its own. */
function worker(bus: MemoryBus, instance: string, publishes = true, clock = new FakeClock()): World {
  const broker = new FaultyBroker(bus);
  const metrics = new Counts();
  const owner = { slot: publishes ? 0 : 1, generation: instance.charCodeAt(0) };
  const canary = new Canary({ instance, owner, intervalMs: INTERVAL_MS }, clock, metrics);
  const core: string[] = [];
  canary.around(broker).start({ publication: (topic) => core.push(topic), state: () => {} });
  return { canary, broker, metrics, clock, core };
}

async function pass(worlds: readonly World[], intervals: number): Promise<void> {
  for (let n = 0; n < intervals; n++) {
    for (const { clock } of worlds) clock.advance(INTERVAL_MS);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("a canary", () => {
  it("sees one publication lost of 10,000, at the worker that it was lost for and at no other", async () => {
    const bus = new MemoryBus();
    const [a, b] = [worker(bus, "a"), worker(bus, "b")];
    let lost = 0;
    b.broker.times = (n) => (n === 5_000 && ++lost === 1 ? 0 : 1);
    await pass([a, b], 5_000);
    expect(lost).toBe(2);
    expect(a.metrics.counts.canaries_sent).toBe(5_000);
    await pass([a, b], WINDOW);
    expect(b.metrics.counts).toEqual({
      canaries_sent: 5_000 + WINDOW,
      canaries_heard: 10_000 + 2 * WINDOW - 1,
      canaries_lost: 1,
    });
    expect(a.metrics.counts.canaries_lost).toBeUndefined();
    expect(a.canary.instances).toBe(2);
    expect(b.core).toEqual([]);
  }, 60_000);

  it("counts duplicates, and takes them for no measurement", async () => {
    const bus = new MemoryBus();
    const [a, b] = [worker(bus, "a"), worker(bus, "b", false)];
    b.broker.times = (n) => (n === 3 ? 3 : 1);
    await pass([a, b], 5);
    expect(b.metrics.counts).toEqual({ canaries_heard: 7, canaries_duplicate: 2 });
    expect(b.metrics.seconds.length).toBe(5);
  });

  it("estimates how far another instance's clock is off, and takes that out of the latency", async () => {
    const bus = new MemoryBus();
    const [a, b] = [worker(bus, "a"), worker(bus, "b")];
    a.clock.set(b.clock.now() - 2_500);
    await pass([a, b], 3);
    expect(b.canary.skewSeconds).toBeCloseTo(2.5);
    expect(a.canary.skewSeconds).toBeCloseTo(2.5);
    expect(Math.max(...a.metrics.seconds, ...b.metrics.seconds)).toBe(0);
  });

  it("hears an instance no more: it is forgotten, and what was missing counts as lost", async () => {
    const bus = new MemoryBus();
    const [a, b] = [worker(bus, "a"), worker(bus, "b")];
    b.broker.times = (n) => (n === 3 ? 0 : 1);
    await pass([a, b], 4);
    a.canary.close();
    await pass([b], 2);
    expect(b.canary.instances).toBe(2);
    await pass([b], 12);
    expect(b.canary.instances).toBe(1);
    // Number 3 of both.
    expect(b.metrics.counts.canaries_lost).toBe(2);
  });

  it("says for how long it has heard none, while its broker could be reached", async () => {
    const bus = new MemoryBus();
    const [a, b] = [worker(bus, "a"), worker(bus, "b")];
    await pass([a, b], 3);
    expect(b.canary.report()).toEqual({ instances: 2, intervalMs: INTERVAL_MS, silentMs: 0 });
    b.broker.times = () => 0;
    await pass([a, b], 5);
    expect(b.canary.report().silentMs).toBe(5 * INTERVAL_MS);
    expect(a.canary.report().silentMs).toBe(0);
    b.broker.times = () => 1;
    await pass([a, b], 1);
    expect(b.canary.report().silentMs).toBe(0);
  });

  it("keeps its process from resting where its interval is shorter than a rest", () => {
    const of = (intervalMs: number): Canary =>
      new Canary(
        { instance: "a", owner: { slot: 0, generation: 1 }, intervalMs },
        new FakeClock(),
        new Counts(),
      );
    expect([of(200).mayRest, of(999).mayRest, of(1_000).mayRest]).toEqual([false, false, true]);
  });

  it("takes what the broker refused for failed, not for lost", async () => {
    const bus = new MemoryBus();
    const [a, b] = [worker(bus, "a"), worker(bus, "b", false)];
    await pass([a, b], 3);
    const { publish } = a.broker;
    a.broker.publish = () => Promise.reject(new Error("away"));
    await pass([a, b], 2);
    a.broker.publish = publish.bind(a.broker);
    await pass([a, b], 2 * WINDOW);
    expect(a.metrics.counts.canaries_failed).toBe(2);
    expect(b.metrics.counts).toEqual({ canaries_heard: 3 + 2 * WINDOW });
  });

  it("follows so many instances and no more, and nothing that is no canary", async () => {
    const bus = new MemoryBus();
    const { canary, metrics } = worker(bus, "a", false);
    const text = (instance: string, n: unknown = 1) =>
      JSON.stringify({ instance, life: instance, n, at: 1, trip: 0 });
    for (let n = 0; n < MAX_TRACKED + 3; n++) bus.publish(CANARY, text(`other${n}`), {});
    for (const wrong of [
      "",
      "null",
      "[]",
      text("x", "1"),
      text("x", 0),
      text("x", 1e99),
      text("y".repeat(999)),
    ])
      bus.publish(CANARY, wrong, {});
    await new Promise((resolve) => setImmediate(resolve));
    expect(canary.instances).toBe(MAX_TRACKED);
    expect(metrics.counts).toEqual({ canaries_heard: MAX_TRACKED, canaries_untracked: 3 + 7 });
  });
});

describe("a sequence", () => {
  const heard = (numbers: readonly number[]) => {
    const sequence = new CanarySequence(0);
    const verdicts = numbers.map((n) => sequence.hear(n));
    return {
      kinds: verdicts.map(({ kind }) => kind[0]).join(""),
      lost: verdicts.reduce((sum, { lost }) => sum + lost, 0),
      missing: sequence.end(),
    };
  };

  it.each([
    ["in order", [1, 2, 3], { kinds: "nnn", lost: 0, missing: 0 }],
    ["one overtaken", [1, 3, 2, 4], { kinds: "nnrn", lost: 0, missing: 0 }],
    ["one twice", [1, 2, 2], { kinds: "nnd", lost: 0, missing: 0 }],
    ["one missing, not yet lost", [1, 3], { kinds: "nn", lost: 0, missing: 1 }],
    ["one lost", [1, 3, 4, 5, 6, 7, 8, 9, 10], { kinds: "nnnnnnnnn", lost: 1, missing: 0 }],
    ["many lost at once", [1, 102], { kinds: "nn", lost: 93, missing: 7 }],
    ["one too late, which is lost already", [20, 1], { kinds: "nd", lost: 12, missing: 7 }],
  ] as const)("%s", (_what, numbers, expected) => {
    expect(heard(numbers)).toEqual(expected);
  });
});
