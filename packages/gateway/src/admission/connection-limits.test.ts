import { FakeClock } from "@holdfast/core/testing";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { type ConnectionLimitOptions, ConnectionLimits } from "./connection-limits.js";

const NONE: ConnectionLimitOptions = {
  ratePerSecond: undefined,
  maxPerAddress: undefined,
  ratePerAddress: undefined,
};

function setUp(options: Partial<ConnectionLimitOptions>) {
  const clock = new FakeClock();
  const limits = new ConnectionLimits<{ name: string }>({ ...NONE, ...options }, clock);
  const worker = { name: "a" };
  /** Opens one if it may be. */
  const open = (address: string, holder = worker): string => {
    const refusal = limits.check(address);
    if (refusal !== undefined) return refusal;
    limits.opened({ address, charged: false });
    limits.hold(holder, address);
    return "open";
  };
  return { clock, limits, worker, open };
}

describe("limits on connections", () => {
  it("are none unless set, and remember no address", () => {
    const { limits, open } = setUp({});
    for (let i = 0; i < 1_000; i++) expect(open("192.0.2.1")).toBe("open");
    expect([limits.byAddress, limits.addresses]).toEqual([false, 0]);
  });

  it("bound what one address holds, and no other", () => {
    const { limits, open, worker } = setUp({ maxPerAddress: 2 });
    expect([open("a"), open("a"), open("a"), open("b")]).toEqual(["open", "open", "limit_address", "open"]);
    limits.release(worker, "a");
    expect([open("a"), open("a")]).toEqual(["open", "limit_address"]);
  });

  it("release all that a worker held when it is gone, and nothing twice", () => {
    const { limits, open, worker } = setUp({ maxPerAddress: 3 });
    const other = { name: "b" };
    expect([open("a"), open("a"), open("a", other)]).toEqual(["open", "open", "open"]);
    limits.gone(worker);
    limits.release(worker, "a");
    expect([open("a", other), open("a", other), open("a", other)]).toEqual(["open", "open", "limit_address"]);
  });

  it("bound how fast one address opens, twice the rate at once", () => {
    const { clock, open } = setUp({ ratePerAddress: 2 });
    const five = (): string[] => Array.from({ length: 5 }, () => open("a"));
    expect(five()).toEqual(["open", "open", "open", "open", "limit_address_rate"]);
    expect(open("b")).toBe("open");
    clock.advance(1_000);
    expect(five().filter((each) => each === "open")).toHaveLength(2);
  });

  it("count addresses beyond the table by their network, exactly, however the table changes", () => {
    const clock = new FakeClock();
    const limits = new ConnectionLimits<object>({ ...NONE, maxPerAddress: 2 }, clock, 2);
    const worker = {};
    const open = (address: string): string => {
      const refusal = limits.check(address);
      if (refusal !== undefined) return refusal;
      limits.opened({ address, charged: false });
      limits.hold(worker, address);
      return "open";
    };
    expect([open("10.0.0.1"), open("10.0.0.2")]).toEqual(["open", "open"]);
    const shared = ["192.0.2.1", "192.0.2.2", "192.0.2.3"];
    expect(shared.map(open)).toEqual(["open", "open", "limit_address"]);
    expect([open("10.0.0.1"), open("2001:db8:1:2::/64"), open("2001:db8:1:3::/64")]).toEqual([
      "open",
      "open",
      "open",
    ]);
    expect(open("2001:db8:1:4::/64")).toBe("limit_address");
    // The table has room again: an address that was counted with its network gets an account of its own.
    limits.release(worker, "10.0.0.2");
    limits.sweep();
    expect([open("192.0.2.1"), open("192.0.2.1"), open("192.0.2.1")]).toEqual([
      "open",
      "open",
      "limit_address",
    ]);
    for (let i = 0; i < 3; i++) limits.release(worker, "192.0.2.1");
    limits.release(worker, "192.0.2.2");
    expect([open("192.0.2.1"), open("192.0.2.1"), open("192.0.2.1")]).toEqual([
      "open",
      "open",
      "limit_address",
    ]);
    limits.gone(worker);
    clock.advance(1_000);
    limits.sweep();
    limits.sweep();
    expect(limits.addresses).toBe(0);
  });

  it("count an address that a proxy names on its own, and its network of /64 for four", () => {
    const { clock, limits, open, worker } = setUp({ maxPerAddress: 2, ratePerAddress: 20 });
    const named = (i: number): string => `2001:db8:5:5:0:0:0:${i.toString(16)}`;
    expect([open(named(1)), open(named(1)), open(named(1)), open(named(2))]).toEqual([
      "open",
      "open",
      "limit_address",
      "open",
    ]);
    const rotating = Array.from({ length: 40 }, (_, i) => open(named(i + 100)));
    expect(rotating.filter((each) => each === "open")).toHaveLength(4 * 2 - 3);
    expect(rotating.at(-1)).toBe("limit_address");
    expect(open("2001:db8:5:6:0:0:0:1")).toBe("open");
    // A refused address has no account: the network's, those of seven addresses, and the other network's two.
    expect(limits.addresses).toBe(1 + 7 + 2);
    limits.release(worker, named(1));
    expect([open(named(7)), open(named(8))]).toEqual(["open", "limit_address"]);
    limits.gone(worker);
    clock.advance(5_000);
    limits.sweep();
    expect(limits.addresses).toBe(0);
  });

  it("bound how fast the named addresses of one network of /64 open together", () => {
    const { open } = setUp({ ratePerAddress: 3 });
    const tries = Array.from({ length: 60 }, (_, i) => open(`2001:db8:5:5:0:0:0:${i.toString(16)}`));
    expect(tries.filter((each) => each === "open")).toHaveLength(4 * 3 * 2);
    expect(tries.at(-1)).toBe("limit_address_rate");
  });

  it("bound how fast all clients together open", () => {
    const { clock, open } = setUp({ ratePerSecond: 1 });
    expect([open("a"), open("b"), open("c")]).toEqual(["open", "open", "limit_rate"]);
    clock.advance(1_000);
    expect([open("c"), open("d")]).toEqual(["open", "limit_rate"]);
  });

  it("forget an address that holds nothing and has its full rate again", () => {
    const { clock, limits, open, worker } = setUp({ maxPerAddress: 5, ratePerAddress: 1 });
    open("a");
    limits.release(worker, "a");
    limits.sweep();
    expect(limits.addresses).toBe(1);
    clock.advance(2_000);
    limits.sweep();
    expect(limits.addresses).toBe(0);
  });

  it("agree with a count per holder, whatever happens in whatever order", () => {
    const step = fc.tuple(fc.constantFrom("open", "release", "gone"), fc.nat(2), fc.nat(1));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { limits, open } = setUp({ maxPerAddress: 3 });
        const workers = [{ name: "a" }, { name: "b" }] as const;
        let held: { address: string; worker: object }[] = [];
        for (const [what, which, whose] of steps) {
          const address = `address ${which}`;
          const worker = workers[whose as 0 | 1];
          if (what === "open") {
            const full = held.filter((each) => each.address === address).length >= 3;
            expect(open(address, worker)).toBe(full ? "limit_address" : "open");
            if (!full) held.push({ address, worker });
          } else if (what === "release") {
            const index = held.findIndex((each) => each.address === address && each.worker === worker);
            limits.release(worker, address);
            if (index !== -1) held.splice(index, 1);
          } else {
            limits.gone(worker);
            held = held.filter((each) => each.worker !== worker);
          }
        }
      }),
    );
  });
});
