import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { TransportStorage } from "../options.js";
import { TRANSPORTS } from "../transports/transport.js";
import { TransportChoice } from "./transport-choice.js";

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

describe("the transport choice", () => {
  it("gives way at once before anything has worked, and waits after each round", () => {
    const choice = new TransportChoice(TRANSPORTS, undefined);
    const seen = Array.from({ length: 6 }, () => [choice.current, choice.failed()]);
    const round = [
      ["websocket", true],
      ["sse", true],
      ["poll", false],
    ];
    expect(seen).toEqual([...round, ...round]);
  });

  it("stays with what has worked until it failed three times, then tries the others, each after a wait", () => {
    const choice = new TransportChoice(TRANSPORTS, undefined);
    choice.worked();
    const seen = Array.from({ length: 6 }, () => {
      const again = choice.failed();
      return [choice.current, again];
    });
    expect(seen.map(([name]) => name)).toEqual(["websocket", "websocket", "sse", "poll", "websocket", "sse"]);
    expect(seen.some(([, again]) => again)).toBe(false);
  });

  it("gives way to cuts in a row, not to those of connections that lasted, and no further than the last", () => {
    const choice = new TransportChoice(TRANSPORTS, undefined);
    choice.worked();
    for (const ms of [5, 5, MINUTE, 5, 5]) choice.lost(ms);
    expect(choice.current).toBe("websocket");
    choice.lost(5);
    expect(choice.current).toBe("sse");
    for (let i = 0; i < 9; i++) choice.lost(5);
    expect(choice.current).toBe("poll");
  });

  it("upgrades later each time in vain, and goes back at once when the upgrade fails", () => {
    const choice = new TransportChoice(TRANSPORTS, memory("poll"));
    const waits: (number | undefined)[] = [];
    for (let i = 0; i < 8; i++) {
      waits.push(choice.upgradeAfter(1));
      choice.upgraded(false);
    }
    expect(waits).toEqual([0.5, 1, 2, 4, 8, 16, 30, 30].map((minutes) => minutes * MINUTE));
    choice.upgraded(true);
    choice.worked();
    expect([choice.current, choice.upgradeAfter(1)]).toEqual(["websocket", undefined]);
    choice.lost(20_000);
    expect([choice.current, choice.upgradeAfter(1)]).toEqual(["poll", 30 * MINUTE]);
  });

  it("upgrades to the best and to the next better one by turns", () => {
    const choice = new TransportChoice(TRANSPORTS, memory("poll"));
    const tried = Array.from({ length: 4 }, () => {
      const { better } = choice;
      choice.upgraded(false);
      return better;
    });
    expect(tried).toEqual(["websocket", "sse", "websocket", "sse"]);
    choice.upgraded(true);
    expect(choice.failed()).toBe(true);
    expect(choice.current).toBe("poll");
  });

  it("begins anew with upgrades that last", () => {
    const choice = new TransportChoice(["websocket", "poll"], memory("poll"));
    choice.worked();
    choice.upgraded(false);
    choice.upgraded(true);
    choice.worked();
    choice.lost(MINUTE);
    for (let i = 0; i < 3; i++) choice.failed();
    expect(choice.current).toBe("poll");
    expect(choice.upgradeAfter(0)).toBe(15_000);
  });

  it("remembers what worked, and begins with it where it may be used", () => {
    const storage = memory();
    const choice = new TransportChoice(TRANSPORTS, storage);
    choice.failed();
    expect(storage.value).toBeNull();
    choice.worked();
    expect(storage.value).toBe("sse");
    expect(new TransportChoice(TRANSPORTS, storage).current).toBe("sse");
    expect(new TransportChoice(["websocket", "poll"], storage).current).toBe("websocket");
    expect(new TransportChoice(TRANSPORTS, memory("__proto__")).current).toBe("websocket");
  });

  it("works where nothing can be remembered", () => {
    const forbidden = (): never => {
      throw new Error("SecurityError");
    };
    const choice = new TransportChoice(TRANSPORTS, { getItem: forbidden, setItem: forbidden });
    choice.worked();
    expect(choice.current).toBe("websocket");
  });

  it("has a transport, a bounded wait and an upgrade, whatever happens", () => {
    const step = fc.oneof(
      fc.record({ do: fc.constantFrom("worked", "failed", "upgrade", "vain") }),
      fc.record({ do: fc.constant("lost"), ms: fc.nat(2 * MINUTE) }),
    ) as fc.Arbitrary<{ do: string; ms?: number }>;
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 80 }),
        fc.subarray([...TRANSPORTS], { minLength: 1 }),
        (steps, transports) => {
          const choice = new TransportChoice(transports, undefined);
          for (const { do: what, ms = 0 } of steps) {
            const wait = choice.upgradeAfter(0.5);
            if (what === "worked") choice.worked();
            if (what === "failed") choice.failed();
            if (what === "lost") choice.lost(ms);
            if (wait !== undefined && (what === "upgrade" || what === "vain"))
              choice.upgraded(what === "upgrade");
            expect(transports).toContain(choice.current);
            const next = choice.upgradeAfter(0.5);
            expect(next === undefined).toBe(choice.current === transports[0]);
            if (next === undefined) continue;
            expect(next).toBeGreaterThanOrEqual(15_000);
            expect(next).toBeLessThanOrEqual(30 * MINUTE);
            expect(transports.indexOf(choice.better)).toBeLessThan(transports.indexOf(choice.current));
          }
        },
      ),
    );
  });
});
