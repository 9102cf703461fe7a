import { describe, expect, it } from "@jest/globals";
import type { Connection } from "../connection/connection.js";
import { AddressSearches } from "./address-search.js";

function setUp(count: number, costMs = 0) {
  const time = { ms: 0 };
  let asked = 0;
  const connections = Array.from({ length: count }, (_, n) => ({
    id: `s${String(n).padStart(6, "0")}`,
    transport: {
      clientAddress: () => {
        asked++;
        time.ms += costMs;
        return n % 10 === 0 ? "203.0.113.9" : "198.51.100.1";
      },
    },
    session: { user: undefined, identity: {}, subscriptions: [], channels: 0 },
  })) as unknown as Connection[];
  const searches = new AddressSearches(() => connections, { monotonic: () => time.ms });
  const take = (after = "", limit = 100) => searches.take({ addresses: ["203.0.113.9"], after, limit });
  return { time, take, asked: () => asked };
}

describe("a search by address", () => {
  it("finds the connections from there in pages, in the order of ids, and says where each comes from", () => {
    const { take } = setUp(300);
    const first = take("", 20);
    expect(first).toMatchObject({ waitMs: 0, isCut: false });
    expect(first.connections).toHaveLength(20);
    expect(first.connections[1]).toEqual({
      session: "s000010",
      address: "203.0.113.9",
      subscriptions: 0,
      channels: [],
    });
    const second = take(first.connections.at(-1)?.session, 20);
    expect(second.connections.map(({ session }) => session).at(-1)).toBe("s000290");
    expect(second.connections).toHaveLength(10);
  });

  it("asks no more connections than it has time for, and says so", () => {
    const { take, asked } = setUp(100_000, 0.1);
    expect(take().isCut).toBe(true);
    expect(asked()).toBeLessThan(1_500);
  });

  it("is not made when the share of time is used up, says when it may be, and then is", () => {
    const { take, asked, time } = setUp(1_000, 0.1);
    let made = 0;
    while (made < 100 && take().waitMs === 0) made++;
    expect(made).toBe(3);
    const looked = asked();
    const { waitMs, connections } = take();
    expect([waitMs > 0, connections.length, asked()]).toEqual([true, 0, looked]);
    time.ms += waitMs;
    expect(take().waitMs).toBe(0);
    expect(take().waitMs).toBeGreaterThan(0);
  });
});
