import { FakeClock } from "@holdfast/core/testing";
import { describe, expect, it } from "@jest/globals";
import type { ToWorker } from "../../link/messages.js";
import { Collector } from "./collector.js";
import type { WorkerProcess } from "./worker-process.js";

function worker(): { readonly process: WorkerProcess; readonly sent: ToWorker[] } {
  const sent: ToWorker[] = [];
  return { sent, process: { send: (message: ToWorker) => sent.push(message) } as unknown as WorkerProcess };
}

const question = (id: number): ToWorker => ({ type: "collect-metrics", id });

describe("a collection", () => {
  it("asks every worker and waits for all", async () => {
    const clock = new FakeClock();
    const collector = new Collector<string>(clock);
    const [a, b] = [worker(), worker()];
    const collected = collector.collect([a.process, b.process], question);
    expect(a.sent).toEqual([{ type: "collect-metrics", id: 1 }]);
    collector.received(b.process, 1, "b");
    collector.received(a.process, 1, "a");
    expect(await collected).toEqual(["b", "a"]);
    expect(clock.timers).toBe(0);
  });

  it("goes on without those that die, and with none has nothing to wait for", async () => {
    const collector = new Collector<string>(new FakeClock());
    const [a, b] = [worker(), worker()];
    const both = collector.collect([a.process, b.process], question);
    const one = collector.collect([a.process], question);
    collector.received(b.process, 1, "b");
    collector.gone(a.process);
    expect(await both).toEqual(["b"]);
    expect(await one).toEqual([]);
    expect(await collector.collect([], question)).toEqual([]);
  });

  it("goes on without those that are silent for two seconds, and ignores them later", async () => {
    const clock = new FakeClock();
    const collector = new Collector<string>(clock);
    const [a, b] = [worker(), worker()];
    const collected = collector.collect([a.process, b.process], question);
    collector.received(a.process, 1, "a");
    clock.advance(2_000);
    collector.received(b.process, 1, "b");
    expect(await collected).toEqual(["a"]);
  });

  it("counts each worker once, and keeps two collections apart", async () => {
    const collector = new Collector<string>(new FakeClock());
    const [a, b] = [worker(), worker()];
    const first = collector.collect([a.process, b.process], question);
    const second = collector.collect([a.process], question);
    collector.received(a.process, 2, "second");
    collector.received(a.process, 1, "first");
    collector.received(a.process, 1, "again");
    collector.received(worker().process, 1, "stranger");
    collector.received(b.process, 1, "b");
    expect(await first).toEqual(["first", "b"]);
    expect(await second).toEqual(["second"]);
  });
});
