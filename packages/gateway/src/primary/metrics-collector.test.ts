import { FakeClock } from "@holdfast/core/testing";
import { describe, expect, it } from "@jest/globals";
import type { ToWorker } from "../messages.js";
import type { MetricsSnapshot } from "../metrics.js";
import { MetricsCollector } from "./metrics-collector.js";
import type { WorkerProcess } from "./worker-process.js";

function worker(): { readonly process: WorkerProcess; readonly sent: ToWorker[] } {
  const sent: ToWorker[] = [];
  return { sent, process: { send: (message: ToWorker) => sent.push(message) } as unknown as WorkerProcess };
}

const snapshot = (name: string): MetricsSnapshot => [
  { name, help: "", type: "counter", aggregator: "sum", values: [] },
];

describe("collecting metrics", () => {
  it("asks every worker and waits for all", async () => {
    const clock = new FakeClock();
    const collector = new MetricsCollector(clock);
    const [a, b] = [worker(), worker()];
    const collected = collector.collect([a.process, b.process]);
    expect(a.sent).toEqual([{ type: "collect-metrics", id: 1 }]);
    collector.received(b.process, 1, snapshot("b"));
    collector.received(a.process, 1, snapshot("a"));
    expect(await collected).toEqual([snapshot("b"), snapshot("a")]);
    expect(clock.timers).toBe(0);
  });

  it("goes on without those that die, and with nobody has nothing to wait for", async () => {
    const collector = new MetricsCollector(new FakeClock());
    const [a, b] = [worker(), worker()];
    const both = collector.collect([a.process, b.process]);
    const one = collector.collect([a.process]);
    collector.received(b.process, 1, snapshot("b"));
    collector.gone(a.process);
    expect(await both).toEqual([snapshot("b")]);
    expect(await one).toEqual([]);
    expect(await collector.collect([])).toEqual([]);
  });

  it("goes on without those that are silent for two seconds, and ignores them later", async () => {
    const clock = new FakeClock();
    const collector = new MetricsCollector(clock);
    const [a, b] = [worker(), worker()];
    const collected = collector.collect([a.process, b.process]);
    collector.received(a.process, 1, snapshot("a"));
    clock.advance(2_000);
    collector.received(b.process, 1, snapshot("b"));
    expect(await collected).toEqual([snapshot("a")]);
  });

  it("counts each worker once, and keeps two collections apart", async () => {
    const collector = new MetricsCollector(new FakeClock());
    const [a, b] = [worker(), worker()];
    const first = collector.collect([a.process, b.process]);
    const second = collector.collect([a.process]);
    collector.received(a.process, 2, snapshot("second"));
    collector.received(a.process, 1, snapshot("first"));
    collector.received(a.process, 1, snapshot("again"));
    collector.received(worker().process, 1, snapshot("stranger"));
    collector.received(b.process, 1, snapshot("b"));
    expect(await first).toEqual([snapshot("first"), snapshot("b")]);
    expect(await second).toEqual([snapshot("second")]);
  });
});
