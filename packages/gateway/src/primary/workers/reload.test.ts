import { RecordingLogger } from "@holdfast/core/testing";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { Reload, type ReloadResult } from "./reload.js";

/** Slots that run programs, by number; a worker is its program's name and slot. */
class Crew {
  readonly slots: number;
  readonly running: string[];
  /** What runs in each slot, and what is replaced while a successor serves. */
  readonly log: string[] = [];
  /** Programs whose workers do not start. */
  readonly broken = new Set<string>();
  /** Steps that wait to be let go on. */
  readonly #steps: (() => void)[] = [];

  constructor(slots: number) {
    this.slots = slots;
    this.running = Array.from({ length: slots }, () => "old");
  }

  get waiting(): number {
    return this.#steps.length;
  }

  async succeed(slot: number, program: string): Promise<string> {
    await this.#step();
    if (this.broken.has(program)) throw new Error(`${program} is broken`);
    const predecessor = `${this.running[slot]}@${slot}`;
    this.running[slot] = program;
    this.log.push(`start ${program}@${slot}`);
    return predecessor;
  }

  async retire(worker: string): Promise<void> {
    this.log.push(`retire ${worker}`);
    await this.#step();
    this.log.push(`gone ${worker}`);
  }

  /** Lets the step under way go on; false when there is none. */
  async proceed(): Promise<boolean> {
    this.#steps.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
    return this.#steps.length > 0;
  }

  async finish(): Promise<void> {
    while (await this.proceed());
  }

  #step(): Promise<void> {
    return new Promise((resolve) => this.#steps.push(resolve));
  }
}

function setUp(slots: number) {
  const crew = new Crew(slots);
  const results: ReloadResult[] = [];
  const logger = new RecordingLogger();
  const reload = new Reload<string, string>(
    crew,
    (result) => results.push(result),
    logger,
    () => 0,
  );
  return { crew, results, logger, reload };
}

describe("a rolling reload", () => {
  it("replaces one worker after the other, each after its successor is ready", async () => {
    const { crew, results, reload } = setUp(2);
    reload.request("new");
    expect(reload.left).toBe(2);
    await crew.finish();
    expect(crew.log).toEqual([
      "start new@0",
      "retire old@0",
      "gone old@0",
      "start new@1",
      "retire old@1",
      "gone old@1",
    ]);
    expect(results).toEqual(["done"]);
    expect(reload.left).toBe(0);
    reload.request("newer");
    await crew.finish();
    expect(crew.running).toEqual(["newer", "newer"]);
  });

  it("says how far it is, and how and why the last one ended", async () => {
    const { crew, reload } = setUp(2);
    expect(reload.progress).toMatchObject({ state: "idle", left: 0, total: 2, startedAt: null });
    reload.request("new");
    expect(reload.progress).toMatchObject({ state: "rolling", left: 2, endedAt: null });
    await crew.finish();
    expect(reload.progress).toMatchObject({ state: "done", left: 0, endedAt: expect.any(String) });
    crew.broken.add("bad");
    reload.request("bad");
    await crew.finish();
    expect(reload.progress).toMatchObject({ state: "failed", left: 2, problem: "worker 0: bad is broken" });
    reload.request("newer");
    expect(reload.progress).toMatchObject({ state: "rolling", problem: null });
    reload.stop();
    expect(reload.progress).toMatchObject({ state: "stopped", left: 2 });
  });

  it("asked for again goes on with the newest, and replaces every worker by it", async () => {
    const { crew, results, reload } = setUp(3);
    reload.request("b");
    await crew.proceed();
    reload.request("c");
    reload.request("d");
    await crew.finish();
    expect(crew.running).toEqual(["d", "d", "d"]);
    expect(crew.log.filter((line) => line.startsWith("start"))).toEqual([
      "start b@0",
      "start d@1",
      "start d@2",
      "start d@0",
    ]);
    expect(results).toEqual(["done"]);
  });

  it("ends when a successor does not start; the workers left go on, and the next reload has all of them", async () => {
    const { crew, results, logger, reload } = setUp(2);
    crew.broken.add("bad");
    reload.request("bad");
    await crew.finish();
    expect(crew.running).toEqual(["old", "old"]);
    expect(results).toEqual(["failed"]);
    expect(logger.lines).toContainEqual(
      expect.objectContaining({ fields: expect.objectContaining({ worker: 0, problem: "bad is broken" }) }),
    );
    reload.request("good");
    await crew.finish();
    expect(crew.running).toEqual(["good", "good"]);
    expect(results).toEqual(["failed", "done"]);
  });

  it("goes on with a program that came while a broken one was tried", async () => {
    const { crew, results, reload } = setUp(2);
    crew.broken.add("bad");
    reload.request("bad");
    reload.request("good");
    await crew.finish();
    expect(crew.running).toEqual(["good", "good"]);
    expect(results).toEqual(["done"]);
  });

  it("stops for good, and says so once", async () => {
    const { crew, results, reload } = setUp(2);
    reload.request("new");
    reload.stop();
    reload.stop();
    reload.request("newer");
    await crew.finish();
    // A successor that was on its way may come; no client is told to leave for it.
    expect(crew.log).toEqual(["start new@0"]);
    expect(results).toEqual(["stopped"]);
  });

  it("never ends two at a time, and leaves the newest program everywhere, whenever it is asked", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.nat({ max: 12 }), { minLength: 1, maxLength: 6 }),
        async (slots, pauses) => {
          const { crew, results, reload } = setUp(slots);
          for (const [number, steps] of pauses.entries()) {
            reload.request(`program ${number}`);
            for (let step = 0; step < steps; step++) await crew.proceed();
            expect(crew.waiting).toBeLessThanOrEqual(1);
          }
          await crew.finish();
          expect(new Set(crew.running)).toEqual(new Set([`program ${pauses.length - 1}`]));
          const retired = crew.log.filter((line) => !line.startsWith("start"));
          for (let i = 0; i < retired.length; i += 2) {
            expect(retired[i + 1]).toBe(retired[i]?.replace("retire", "gone"));
          }
          expect(results.at(-1)).toBe("done");
          expect(reload.left).toBe(0);
        },
      ),
      { numRuns: 50 },
    );
  });
});
