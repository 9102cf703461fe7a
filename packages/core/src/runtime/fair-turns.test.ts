import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { FairTurns, type TurnLimits, TurnRefused } from "./fair-turns.js";

const LIMITS: TurnLimits = { atOnce: 2, atOncePerAsker: 1, maxWaiting: 6, maxWaitingPerAsker: 3 };

/** Work that the test ends, piece by piece. */
class Bench {
  readonly turns: FairTurns;
  readonly begun: string[] = [];
  readonly #ends: (() => void)[] = [];
  readonly #askers = new Map<string, object>();

  constructor(limits = LIMITS) {
    this.turns = new FairTurns(limits);
  }

  ask(name: string): Promise<string> {
    const asker = this.#askers.get(name) ?? {};
    this.#askers.set(name, asker);
    return this.turns.run(asker, () => {
      this.begun.push(name);
      return new Promise((resolve) => this.#ends.push(() => resolve(name)));
    });
  }

  get underWay(): number {
    return this.#ends.length;
  }

  /** The oldest piece under way ends. */
  async end(): Promise<void> {
    this.#ends.shift()?.();
    for (let i = 0; i < 5; i++) await Promise.resolve();
  }
}

describe("work in turns", () => {
  test("is a few pieces at once, one of each asker, and the askers take turns", async () => {
    const bench = new Bench();
    const answers = ["a", "a", "a", "b", "b", "c"].map((name) => bench.ask(name));
    expect(bench.begun).toEqual(["a", "b"]);
    for (let i = 0; i < 6; i++) await bench.end();
    expect(bench.begun).toEqual(["a", "b", "c", "a", "b", "a"]);
    expect(await Promise.all(answers)).toEqual(["a", "a", "a", "b", "b", "c"]);
    expect(bench.turns.waiting).toBe(0);
  });

  test("is refused beyond what may wait of one asker, and beyond what may wait of all", async () => {
    const bench = new Bench();
    for (let i = 0; i < 4; i++) void bench.ask("greedy");
    await expect(bench.ask("greedy")).rejects.toMatchObject({ full: "asker" });
    for (const name of ["b", "c", "d", "e"]) void bench.ask(name);
    await expect(bench.ask("f")).rejects.toBeInstanceOf(TurnRefused);
    await expect(bench.ask("f")).rejects.toMatchObject({ full: "all" });
    await bench.end();
    await bench.end();
    const late = bench.ask("f");
    while (bench.underWay > 0) await bench.end();
    expect(await late).toBe("f");
  });

  test("that fails makes room for the next", async () => {
    const turns = new FairTurns({ ...LIMITS, atOnce: 1 });
    const asker = {};
    const failing = turns.run(asker, () => Promise.reject(new Error("the broker is away")));
    const next = turns.run(asker, async () => "read");
    await expect(failing).rejects.toThrow("the broker is away");
    expect(await next).toBe("read");
  });

  test("of several askers is begun at once where one asker has as much under way as it may", async () => {
    const turns = new FairTurns({ ...LIMITS, atOnce: 4, atOncePerAsker: 2, maxWaiting: 2 });
    const [greedy, honest] = [{}, {}];
    const begun: string[] = [];
    const enter = (asker: object, name: string): void => {
      void turns.enter(asker).then(
        () => begun.push(name),
        () => begun.push(`${name} refused`),
      );
    };
    for (let nth = 0; nth < 5; nth++) enter(greedy, `greedy ${nth}`);
    enter(honest, "honest");
    await new Promise(setImmediate);
    expect(begun).toEqual(["greedy 0", "greedy 1", "greedy 4 refused", "honest"]);
    turns.leave(greedy);
    await new Promise(setImmediate);
    expect(begun.at(-1)).toBe("greedy 2");
    expect(turns.waiting).toBe(1);
  });

  test("of askers that have come later goes before the second piece of one that has ended its first", async () => {
    const turns = new FairTurns({ ...LIMITS, atOnce: 1, atOncePerAsker: 1, maxWaiting: 20 });
    const askers = [{}, {}, {}];
    const order: number[] = [];
    for (const [index, asker] of askers.entries())
      for (let nth = 0; nth < 2; nth++) void turns.enter(asker).then(() => order.push(index));
    for (let nth = 0; nth < 6; nth++) {
      await new Promise(setImmediate);
      turns.leave(askers[order.at(-1)!]!);
    }
    expect(order).toEqual([0, 1, 2, 0, 1, 2]);
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
          expect(bench.turns.waiting).toBeLessThanOrEqual(LIMITS.maxWaiting);
        }
        while (bench.underWay > 0) await bench.end();
        expect(outcomes).toHaveLength(asked);
        expect(bench.begun).toHaveLength(outcomes.filter((each) => each === "answered").length);
      }),
    );
  });
});
