import { FakeClock } from "@holdfast/core/testing";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { SessionRefusal } from "../../link/metrics.js";
import { type SessionLimitOptions, SessionLimits } from "./session-limits.js";

const HOME = { address: "192.0.2.7", isProxy: false };
const OTHER = { address: "192.0.2.8", isProxy: false };
const PROXY = { address: "192.0.2.9", isProxy: true };

let clock: FakeClock;
let isFull: boolean;
let refused: SessionRefusal[];
let limits: SessionLimits;

function make(options: Partial<SessionLimitOptions> = {}, maxAddresses?: number): SessionLimits {
  const all = { ratePerConnection: 3, ratePerAddress: undefined, maxPerAddress: undefined, ...options };
  const parts = { clock, isFull: () => isFull, refused: (why: SessionRefusal) => refused.push(why) };
  limits = new SessionLimits(all, parts, maxAddresses);
  return limits;
}

beforeEach(() => {
  clock = new FakeClock();
  isFull = false;
  refused = [];
});

afterEach(() => {
  limits.close();
  expect(clock.timers).toBe(0);
});

/** How many of `tries` opens are taken. */
function taken(tries: number, who = HOME, connection: object | undefined = {}, channels = 1): number {
  let count = 0;
  for (let i = 0; i < tries; i++) if (limits.open(who, connection, channels) === undefined) count++;
  return count;
}

describe("opens over one connection", () => {
  it("have a rate, twice that at once, and others have their own", () => {
    make();
    const connection = {};
    expect(taken(50, HOME, connection)).toBe(6);
    expect(refused.at(-1)).toBe("limit_connection_rate");
    expect(limits.open(HOME, connection, 1)).toMatchObject({ name: "limit_rate", temporary: true });
    expect(taken(50, HOME, {})).toBe(6);
    clock.advance(1_000);
    expect(taken(50, HOME, connection)).toBe(3);
  });

  it("have what is left of it when the connection goes on as another", () => {
    make();
    const [connection, next] = [{}, {}];
    expect(taken(4, HOME, connection)).toBe(4);
    limits.moved(connection, next);
    expect(taken(50, HOME, next)).toBe(2);
    limits.moved({}, connection);
    expect(taken(50, HOME, connection)).toBe(0);
  });

  it("cost more the more channels they have", () => {
    make();
    // 1 + 160 / 32 = 6: the whole of what there is at once.
    expect(taken(50, HOME, {}, 160)).toBe(1);
    expect(taken(50, HOME, {}, 64)).toBe(2);
  });

  it("of a trusted proxy have no rate of their own: it carries many clients", () => {
    make();
    expect(taken(50, PROXY, {})).toBe(50);
  });
});

describe("opens from one address", () => {
  it("have a rate over all its connections, also a proxy's clients, and others have their own", () => {
    make({ ratePerAddress: 5 });
    let count = 0;
    for (let i = 0; i < 40; i++) count += taken(1, HOME, {});
    expect(count).toBe(10);
    expect(refused.at(-1)).toBe("limit_address_rate");
    expect(taken(3, OTHER, {})).toBe(3);
    expect(taken(40, PROXY, {})).toBe(10);
  });

  it("are as many as it may hold, until one ends", () => {
    make({ ratePerConnection: 1_000, maxPerAddress: 4 });
    const releases = Array.from({ length: 4 }, () => limits.hold(HOME));
    expect(taken(2)).toBe(0);
    expect(refused).toEqual(["limit_address", "limit_address"]);
    expect(taken(2, OTHER)).toBe(2);
    releases[0]?.();
    expect(taken(1)).toBe(1);
  });

  it("have one of their own that a proxy names, and four times that for the network of /64", () => {
    make({ ratePerAddress: 2, maxPerAddress: 1 });
    const named = (i: number) => ({ address: `2001:db8:5:5:0:0:0:${i.toString(16)}`, isProxy: true });
    const releases = [1, 2, 3, 4].map((i) => {
      expect(taken(1, named(i), {})).toBe(1);
      const release = limits.hold(named(i));
      expect(taken(1, named(i), {})).toBe(0);
      return release;
    });
    for (let i = 5; i < 50; i++) expect(taken(1, named(i), {})).toBe(0);
    expect(refused.at(-1)).toBe("limit_address");
    // The network's, and those of the four.
    expect(limits.addresses).toBe(5);
    for (const release of releases) release?.();
    let count = 0;
    for (let i = 5; i < 50; i++) count += taken(1, named(i), {});
    expect(count).toBe(4 * 4 - 4);
    expect(refused.at(-1)).toBe("limit_address_rate");
  });

  it("have no limit where the address is not known", () => {
    make({ ratePerAddress: 1, maxPerAddress: 1, ratePerConnection: 100 });
    const unknown = { address: undefined, isProxy: false };
    expect(limits.hold(unknown)).toBeUndefined();
    expect(taken(20, unknown as never, {})).toBe(20);
  });

  it("share one account beyond as many addresses as are remembered, which are forgotten when they hold nothing", () => {
    make({ ratePerAddress: 2 }, 3);
    let count = 0;
    for (let i = 0; i < 60; i++) count += taken(1, { address: `198.51.100.${i}`, isProxy: false }, {});
    expect(count).toBe(3 + 4);
    expect(limits.addresses).toBe(4);
    clock.advance(5_000);
    expect(limits.addresses).toBe(0);
  });
});

it("a full worker opens none", () => {
  make();
  isFull = true;
  expect(limits.open(HOME, {}, 0)).toMatchObject({ name: "unavailable", temporary: true });
  expect(refused).toEqual(["limit_connections"]);
});
