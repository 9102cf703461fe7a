import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ReadRefused, Reads } from "./reads.js";

const LIMITS = { atOnce: 2, maxWaiting: 6, maxWaitingPerLane: 3 };

/** Reads that the test ends, one by one. */
class Bench {
  readonly reads: Reads;
  readonly begun: string[] = [];
  readonly #ends: (() => void)[] = [];
  readonly #askers = new Map<string, object>();

  constructor(limits = LIMITS) {
    this.reads = new Reads(limits);
  }

  ask(name: string): Promise<string> {
    const asker = this.#askers.get(name) ?? {};
    this.#askers.set(name, asker);
    return this.reads.run(asker, () => {
      this.begun.push(name);
      return new Promise((resolve) => this.#ends.push(() => resolve(name)));
    });
  }

  get underWay(): number {
    return this.#ends.length;
  }

  /** The oldest read under way is answered. */
  async end(): Promise<void> {
    this.#ends.shift()?.();
    for (let i = 0; i < 5; i++) await Promise.resolve();
  }
}

describe("reads", () => {
  test("are a few at once, one of each asker, and the askers take turns", async () => {
    const bench = new Bench();
    const answers = ["a", "a", "a", "b", "b", "c"].map((name) => bench.ask(name));
    expect(bench.begun).toEqual(["a", "b"]);
    for (let i = 0; i < 6; i++) await bench.end();
    expect(bench.begun).toEqual(["a", "b", "c", "a", "b", "a"]);
    expect(await Promise.all(answers)).toEqual(["a", "a", "a", "b", "b", "c"]);
    expect(bench.reads.waiting).toBe(0);
  });

  test("are refused beyond what may wait in one lane, and beyond what may wait in all", async () => {
    const bench = new Bench();
    for (let i = 0; i < 4; i++) void bench.ask("greedy");
    await expect(bench.ask("greedy")).rejects.toMatchObject({ full: "lane" });
    for (const name of ["b", "c", "d", "e"]) void bench.ask(name);
    await expect(bench.ask("f")).rejects.toBeInstanceOf(ReadRefused);
    await expect(bench.ask("f")).rejects.toMatchObject({ full: "worker" });
    await bench.end();
    await bench.end();
    const late = bench.ask("f");
    while (bench.underWay > 0) await bench.end();
    expect(await late).toBe("f");
  });

  test("that fail make room for the next", async () => {
    const reads = new Reads({ ...LIMITS, atOnce: 1 });
    const asker = {};
    const failing = reads.run(asker, () => Promise.reject(new Error("the broker is away")));
    const next = reads.run(asker, async () => "read");
    await expect(failing).rejects.toThrow("the broker is away");
    expect(await next).toBe("read");
  });

  test("whatever is asked and answered: the limits hold, nothing is lost, and no asker is overtaken twice", async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant("ask" as const), asker: fc.constantFrom("a", "b", "c", "d") }),
      fc.record({ kind: fc.constant("end" as const) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const bench = new Bench();
        const outcomes: string[] = [];
        let asked = 0;
        for (const each of steps) {
          if (each.kind === "end") await bench.end();
          else {
            asked++;
            bench.ask(each.asker).then(
              () => outcomes.push("answered"),
              () => outcomes.push("refused"),
            );
          }
          expect(bench.underWay).toBeLessThanOrEqual(LIMITS.atOnce);
          expect(bench.reads.waiting).toBeLessThanOrEqual(LIMITS.maxWaiting);
        }
        while (bench.underWay > 0) await bench.end();
        expect(outcomes).toHaveLength(asked);
        expect(bench.begun).toHaveLength(outcomes.filter((each) => each === "answered").length);
      }),
    );
  });
});
