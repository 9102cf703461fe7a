import { FakeClock, RecordingLogger } from "@holdfast/core/testing";
import { describe, expect, it } from "@jest/globals";
import { KILL_GRACE_MS } from "../workers/worker-drain.js";
import type { WorkerProcess, WorkerState } from "../workers/worker-process.js";
import { InstanceDrain } from "./instance-drain.js";

/** As much of a worker process as a drain looks at. */
class FakeWorker {
  readonly owner = { slot: 0, generation: 0 };
  readonly said: unknown[] = [];
  readonly closed: Promise<void>;
  state: WorkerState = "ready";
  clients = 10;
  queue = { waiting: 0, waitingMs: 0 };
  killed = 0;
  #close: () => void = () => {};

  constructor() {
    this.closed = new Promise((resolve) => {
      this.#close = resolve;
    });
  }

  enter(state: WorkerState): void {
    this.state = state;
  }

  send(message: unknown): void {
    this.said.push(message);
  }

  kill(): void {
    this.killed++;
    this.end();
  }

  end(): void {
    this.state = "ended";
    this.clients = 0;
    this.#close();
  }
}

function setUp(count: number) {
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const workers = Array.from({ length: count }, () => new FakeWorker());
  const did: string[] = [];
  const drain = new InstanceDrain(
    {
      workers: () => workers.filter(({ state }) => state !== "ended") as unknown as WorkerProcess[],
      announce: () => did.push("announce"),
      refuse: () => did.push("refuse"),
    },
    clock,
    logger,
  );
  return { clock, logger, workers, did, drain };
}

const PLAN = { delayMs: 30_000, windowMs: 60_000, ratePerSecond: 100 };

describe("an instance's drain", () => {
  it("announces, waits, sends away with each worker's share of the rate, and is done when none is left", async () => {
    const { clock, workers, did, drain } = setUp(2);
    expect(drain.progress).toEqual({
      state: "serving",
      left: 20,
      total: 20,
      startedAt: null,
      deadline: null,
    });
    drain.begin(PLAN);
    drain.begin({ ...PLAN, delayMs: 0 });
    expect(did).toEqual(["announce"]);
    expect(drain.progress).toMatchObject({
      state: "announced",
      startedAt: "2024-01-01T00:00:00.000Z",
      deadline: "2024-01-01T00:01:40.000Z",
    });
    clock.advance(30_000);
    await clock.settle();
    expect(did).toEqual(["announce", "refuse"]);
    for (const { said, state } of workers) {
      expect(state).toBe("draining");
      expect(said).toEqual([
        { type: "drain", windowMs: 60_000, reason: "the instance is stopping", ratePerSecond: 50 },
      ]);
    }
    workers[0]?.end();
    expect(drain.progress).toMatchObject({ state: "draining", left: 10, total: 20 });
    workers[1]?.end();
    await drain.done;
    expect(drain.progress).toMatchObject({ state: "drained", left: 0, total: 20 });
    expect(clock.timers).toBe(0);
  });

  it("kills what has not drained at the deadline, and says how far it is meanwhile", async () => {
    const { clock, logger, workers, drain } = setUp(2);
    drain.begin({ ...PLAN, delayMs: 0 });
    workers[0]?.end();
    await clock.settle();
    clock.advance(60_000 + KILL_GRACE_MS);
    await drain.done;
    expect(workers.map(({ killed }) => killed)).toEqual([0, 1]);
    expect(logger.messages("info").filter((text) => text === "drain: under way")).toHaveLength(14);
    expect(logger.messages("warn")).toEqual(["worker did not drain in time; killing it"]);
  });

  it("hurried does not wait for the delay, whether it had begun or not", async () => {
    for (const begun of [true, false]) {
      const { clock, did, drain, workers } = setUp(1);
      if (begun) drain.begin(PLAN);
      drain.hurry({ windowMs: 0, ratePerSecond: undefined });
      await clock.settle();
      expect(did).toEqual(["announce", "refuse"]);
      expect(workers[0]?.said).toEqual([{ type: "drain", windowMs: 0, reason: "the instance is stopping" }]);
      drain.hurry({ windowMs: 5, ratePerSecond: undefined });
      clock.advance(30_000);
      await clock.settle();
      expect(workers[0]?.said).toHaveLength(1);
    }
  });

  it("lets a worker have the sockets that are under way to it, but not for ever", async () => {
    const { clock, workers, drain } = setUp(2);
    const [soon, never] = workers as [FakeWorker, FakeWorker];
    soon.queue.waiting = 1;
    never.queue.waiting = 1;
    drain.begin({ ...PLAN, delayMs: 0 });
    await clock.settle();
    expect(soon.said).toEqual([]);
    soon.queue.waiting = 0;
    clock.advance(20);
    await clock.settle();
    expect([soon.said.length, never.said.length]).toEqual([1, 0]);
    clock.advance(1_000);
    await clock.settle();
    expect(never.said).toHaveLength(1);
  });

  it("kills a worker that is not ready at once, and lets one that drains already go on", async () => {
    const { clock, workers, drain } = setUp(2);
    const [starting, leaving] = workers as [FakeWorker, FakeWorker];
    starting.state = "starting";
    leaving.state = "draining";
    drain.begin({ ...PLAN, delayMs: 0 });
    await clock.settle();
    expect(starting.killed).toBe(1);
    expect([leaving.said, leaving.killed]).toEqual([[], 0]);
    leaving.end();
    await drain.done;
  });

  it("with no worker is done at once, without a word", async () => {
    const { drain, logger } = setUp(0);
    drain.begin({ ...PLAN, delayMs: 0 });
    await drain.done;
    expect(logger.lines).toEqual([]);
  });
});
