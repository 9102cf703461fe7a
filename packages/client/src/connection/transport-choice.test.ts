import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { TransportStorage } from "../options.js";
import { TRANSPORTS } from "../transports/transport.js";
import { Ladder } from "./transport-choice.js";

/** A page's storage. */
function memory(value: string | null = null): TransportStorage & { value: string | null } {
  return {
    value,
    getItem() {
      return this.value;
    },
    setItem(_key, to) {
      this.value = to;
    },
  };
}

const MINUTE = 60_000;

describe("the ladder", () => {
  it("gives way at once before anything has worked, and waits after each round", () => {
    const ladder = new Ladder(TRANSPORTS, undefined);
    const seen = Array.from({ length: 6 }, () => [ladder.current, ladder.failed()]);
    const round = [
      ["websocket", true],
      ["sse", true],
      ["poll", false],
    ];
    expect(seen).toEqual([...round, ...round]);
  });

  it("stays with what has worked until it failed three times, then tries the others, each after a wait", () => {
    const ladder = new Ladder(TRANSPORTS, undefined);
    ladder.worked();
    const seen = Array.from({ length: 6 }, () => {
      const again = ladder.failed();
      return [ladder.current, again];
    });
    expect(seen.map(([name]) => name)).toEqual(["websocket", "websocket", "sse", "poll", "websocket", "sse"]);
    expect(seen.some(([, again]) => again)).toBe(false);
  });

  it("gives way to cuts in a row, not to those of connections that lasted, and no further than the last", () => {
    const ladder = new Ladder(TRANSPORTS, undefined);
    ladder.worked();
    for (const ms of [5, 5, MINUTE, 5, 5]) ladder.lost(ms);
    expect(ladder.current).toBe("websocket");
    ladder.lost(5);
    expect(ladder.current).toBe("sse");
    for (let i = 0; i < 9; i++) ladder.lost(5);
    expect(ladder.current).toBe("poll");
  });

  it("climbs later each time in vain, and comes down at once when it falls", () => {
    const ladder = new Ladder(TRANSPORTS, memory("poll"));
    const waits: (number | undefined)[] = [];
    for (let i = 0; i < 8; i++) {
      waits.push(ladder.climbAfter(1));
      ladder.climbed(false);
    }
    expect(waits).toEqual([0.5, 1, 2, 4, 8, 16, 30, 30].map((minutes) => minutes * MINUTE));
    ladder.climbed(true);
    ladder.worked();
    expect([ladder.current, ladder.climbAfter(1)]).toEqual(["websocket", undefined]);
    ladder.lost(20_000);
    expect([ladder.current, ladder.climbAfter(1)]).toEqual(["poll", 30 * MINUTE]);
  });

  it("climbs to the best and to the one above by turns", () => {
    const ladder = new Ladder(TRANSPORTS, memory("poll"));
    const tried = Array.from({ length: 4 }, () => {
      const { above } = ladder;
      ladder.climbed(false);
      return above;
    });
    expect(tried).toEqual(["websocket", "sse", "websocket", "sse"]);
    ladder.climbed(true);
    expect(ladder.failed()).toBe(true);
    expect(ladder.current).toBe("poll");
  });

  it("begins anew with climbs that last", () => {
    const ladder = new Ladder(["websocket", "poll"], memory("poll"));
    ladder.worked();
    ladder.climbed(false);
    ladder.climbed(true);
    ladder.worked();
    ladder.lost(MINUTE);
    for (let i = 0; i < 3; i++) ladder.failed();
    expect(ladder.current).toBe("poll");
    expect(ladder.climbAfter(0)).toBe(15_000);
  });

  it("remembers what worked, and begins with it where it is one of its rungs", () => {
    const storage = memory();
    const ladder = new Ladder(TRANSPORTS, storage);
    ladder.failed();
    expect(storage.value).toBeNull();
    ladder.worked();
    expect(storage.value).toBe("sse");
    expect(new Ladder(TRANSPORTS, storage).current).toBe("sse");
    expect(new Ladder(["websocket", "poll"], storage).current).toBe("websocket");
    expect(new Ladder(TRANSPORTS, memory("__proto__")).current).toBe("websocket");
  });

  it("works where nothing can be remembered", () => {
    const forbidden = (): never => {
      throw new Error("SecurityError");
    };
    const ladder = new Ladder(TRANSPORTS, { getItem: forbidden, setItem: forbidden });
    ladder.worked();
    expect(ladder.current).toBe("websocket");
  });

  it("has a rung, a bounded wait and a way up, whatever happens", () => {
    const step = fc.oneof(
      fc.record({ do: fc.constantFrom("worked", "failed", "climb", "vain") }),
      fc.record({ do: fc.constant("lost"), ms: fc.nat(2 * MINUTE) }),
    ) as fc.Arbitrary<{ do: string; ms?: number }>;
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 80 }),
        fc.subarray([...TRANSPORTS], { minLength: 1 }),
        (steps, rungs) => {
          const ladder = new Ladder(rungs, undefined);
          for (const { do: what, ms = 0 } of steps) {
            const wait = ladder.climbAfter(0.5);
            if (what === "worked") ladder.worked();
            if (what === "failed") ladder.failed();
            if (what === "lost") ladder.lost(ms);
            if (wait !== undefined && (what === "climb" || what === "vain")) ladder.climbed(what === "climb");
            expect(rungs).toContain(ladder.current);
            const next = ladder.climbAfter(0.5);
            expect(next === undefined).toBe(ladder.current === rungs[0]);
            if (next === undefined) continue;
            expect(next).toBeGreaterThanOrEqual(15_000);
            expect(next).toBeLessThanOrEqual(30 * MINUTE);
            expect(rungs.indexOf(ladder.above)).toBeLessThan(rungs.indexOf(ladder.current));
          }
        },
      ),
    );
  });
});
