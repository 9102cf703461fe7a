import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { BrokerUnavailable } from "../broker/broker.js";
import { MemoryBus } from "../broker/broker-memory.js";
import type { PresenceRule } from "../namespace.js";
import { silentLogger } from "../runtime/logger.js";
import { noMetrics } from "../runtime/metrics.js";
import { FakeClock } from "../testing/fake-clock.js";
import { PresenceLease } from "./lease.js";
import { PresenceMembers } from "./members.js";
import { MemoryPresence } from "./memory.js";
import type { PresenceStore, StoredMember } from "./store.js";

const RULE: PresenceRule = { joinLeave: "session", maxListed: 100 };
const LEASE_MS = 3000;

const member = (session: string, count?: number): StoredMember => ({
  session,
  text: JSON.stringify({ session }),
  count,
});

/**
 * Workers on one store, of which each can be cut off from it, before or after the store has done what it was
 * asked.
 */
class World {
  readonly clock = new FakeClock();
  readonly store = new MemoryPresence(new MemoryBus(), this.clock);
  /** The sizes of all calls of `change`. */
  readonly calls: number[] = [];

  worker(name: string) {
    const link = { state: "up" as "up" | "down" | "deaf" };
    const through = async <T>(call: () => Promise<T>): Promise<T> => {
      if (link.state === "down") throw new BrokerUnavailable("away");
      const result = await call();
      if (link.state === "deaf") throw new BrokerUnavailable("no answer in time");
      return result;
    };
    const store: PresenceStore = {
      renew: (...args) => through(() => this.store.renew(...args)),
      change: (...args) => {
        this.calls.push(args[2].length);
        return through(() => this.store.change(...args));
      },
      read: (...args) => through(() => this.store.read(...args)),
      end: (...args) => through(() => this.store.end(...args)),
    };
    const { clock } = this;
    const lease: PresenceLease = new PresenceLease(LEASE_MS, {
      store,
      clock,
      logger: silentLogger,
      metrics: noMetrics,
      worker: name,
      begun: () => members.again(),
    });
    const members: PresenceMembers = new PresenceMembers({
      store,
      clock,
      logger: silentLogger,
      lease: () => lease.current,
      lapsed: (id) => lease.lapsed(id),
      settled: () => lease.settled(),
      transitions: () => {},
    });
    lease.restored();
    return { link, lease, members };
  }

  async sessions(channel: string): Promise<string[]> {
    const { members } = await this.store.read(channel, 1000);
    return members.map((text) => (JSON.parse(text) as { session: string }).session).sort();
  }

  async pass(ms: number, workers: readonly { members: PresenceMembers }[]): Promise<void> {
    for (let left = ms; left > 0; left -= 100) {
      this.clock.advance(100);
      for (const { members } of workers) members.turn();
      await this.clock.settle();
    }
  }
}

describe("a worker's members", () => {
  it("tells what happens in one turn in one call, the last word for each", async () => {
    const world = new World();
    const { members } = world.worker("w");
    await world.clock.settle();
    for (const name of ["a", "b", "c"]) members.join("room", RULE, member(name), members);
    members.leave("room", "b", members);
    await world.clock.settle();
    expect(world.calls).toEqual([3]);
    expect(await world.sessions("room")).toEqual(["a", "c"]);
    expect(members.size).toBe(2);
  });

  it("splits what is too much for one call", async () => {
    const world = new World();
    const { members } = world.worker("w");
    await world.clock.settle();
    for (let i = 0; i < 150; i++) members.join("room", RULE, member(`s${i}`), members);
    await world.clock.settle();
    expect(world.calls).toEqual([64, 64, 22]);
    for (let i = 0; i < 150; i++) members.leave("room", `s${i}`, members);
    await world.clock.settle();
    expect(members.channels).toBe(0);
  });

  it("tells many channels, so many at once", async () => {
    const world = new World();
    const { members } = world.worker("w");
    await world.clock.settle();
    for (let i = 0; i < 500; i++) members.join(`room:${i}`, RULE, member("a"), members);
    await world.clock.settle();
    expect(world.store.channels).toBe(500);
  });

  it("does not let go of a member that another holds by now", async () => {
    const world = new World();
    const { members } = world.worker("w");
    await world.clock.settle();
    const [first, second] = [{}, {}];
    members.join("room", RULE, member("a", 1), second);
    members.join("room", RULE, member("a"), first);
    members.leave("room", "a", first);
    expect(members.transfer("room", "a", first, {})).toBe(false);
    await world.clock.settle();
    expect(await world.sessions("room")).toEqual(["a"]);
    members.leave("room", "a", second);
    await world.clock.settle();
    expect(await world.sessions("room")).toEqual([]);
  });

  it("keeps a member until the last of two connections with one count has left", async () => {
    const world = new World();
    const { members } = world.worker("w");
    await world.clock.settle();
    const [first, second, lingering] = [{}, {}, {}];
    members.join("room", RULE, member("a", 1), first);
    members.join("room", RULE, member("a", 1), second);
    expect(members.size).toBe(1);
    expect(members.transfer("room", "a", second, lingering)).toBe(true);
    members.leave("room", "a", second);
    members.leave("room", "a", first);
    await world.clock.settle();
    expect(await world.sessions("room")).toEqual(["a"]);
    members.leave("room", "a", lingering);
    await world.clock.settle();
    expect(await world.sessions("room")).toEqual([]);
  });

  it("does not take back a session that has gone on elsewhere while the store was away", async () => {
    const world = new World();
    const [cut, other] = [world.worker("v"), world.worker("w")];
    await world.clock.settle();
    other.members.join("room", RULE, member("a"), world);
    await world.clock.settle();
    cut.link.state = "down";
    cut.members.join("room", RULE, member("a", 1), world);
    await world.clock.settle();
    other.members.join("room", RULE, member("a", 2), world);
    await world.clock.settle();
    cut.link.state = "up";
    cut.lease.restored();
    await world.pass(LEASE_MS, [cut, other]);
    cut.members.leave("room", "a", world);
    await world.pass(LEASE_MS, [cut, other]);
    expect(await world.sessions("room")).toEqual(["a"]);
    other.members.leave("room", "a", world);
    await world.clock.settle();
    expect(await world.sessions("room")).toEqual([]);
  });

  it.each([[0], [1]])(
    "after lost data a session is its newer worker's, also where worker %i is first",
    async (first) => {
      const world = new World();
      const workers = [world.worker("v"), world.worker("w")];
      const [older, newer] = workers;
      await world.clock.settle();
      older?.members.join("room", RULE, member("a", 4), world);
      newer?.members.join("room", RULE, member("a", 5), world);
      await world.clock.settle();
      for (const id of ["v.1", "w.1"]) await world.store.end(id);
      for (const at of [first, 1 - first]) {
        workers[at]?.lease.restored();
        await world.clock.settle();
      }
      older?.members.leave("room", "a", world);
      await world.pass(LEASE_MS, workers);
      expect(await world.sessions("room")).toEqual(["a"]);
    },
  );

  it("puts a member again that the store says has left", async () => {
    const world = new World();
    const { members } = world.worker("w");
    await world.clock.settle();
    members.join("room", RULE, member("a"), world);
    members.join("room", RULE, member("gone"), world);
    members.leave("room", "gone", world);
    await world.clock.settle();
    const { until } = await world.store.renew("w.9", LEASE_MS, true);
    await world.store.change("room", { id: "w.9", until }, [{ kind: "drop", session: "a" }], RULE);
    for (const session of ["a", "gone", "never"]) members.left("room", session);
    members.left("elsewhere", "a");
    await world.clock.settle();
    expect(await world.sessions("room")).toEqual(["a"]);
  });

  it("does not end the earlier lease before all are said again", async () => {
    const world = new World();
    const { lease, members } = world.worker("w");
    await world.clock.settle();
    for (let i = 0; i < 100; i++) members.join("room", RULE, member(`s${i}`), members);
    await world.clock.settle();
    const { version } = await world.store.read("room", 0);
    lease.restored();
    await world.clock.settle();
    expect(lease.current?.id).toBe("w.2");
    expect(await world.store.read("room", 0)).toMatchObject({ version, sessions: 100 });
    expect(await world.store.renew("w.1", LEASE_MS, false)).toMatchObject({ held: false });
  });

  const who = fc.nat(1);
  const action = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        what: fc.constant("join" as const),
        who,
        session: fc.nat(5),
        channel: fc.nat(2),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        what: fc.constant("leave" as const),
        who,
        session: fc.nat(5),
        channel: fc.nat(2),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        what: fc.constant("link" as const),
        who,
        state: fc.constantFrom("up", "down", "deaf"),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ what: fc.constant("pass" as const), ms: fc.constantFrom(100, 500, 2000, 4000) }),
    },
    { weight: 2, arbitrary: fc.record({ what: fc.constant("settle" as const) }) },
    { weight: 1, arbitrary: fc.record({ what: fc.constant("lose" as const) }) },
  );

  it("whatever fails meanwhile, the store has them in the end, and no others", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 40 }), async (actions) => {
        const world = new World();
        const workers = [world.worker("v"), world.worker("w")];
        /** By worker and channel. Sessions of two workers have different names. */
        const truth = new Map<string, Set<string>>();
        const there = (channel: string): Set<string> => {
          const known = truth.get(channel) ?? new Set();
          truth.set(channel, known);
          return known;
        };
        for (const each of actions) {
          switch (each.what) {
            case "join":
            case "leave": {
              const worker = workers[each.who];
              const session = `s${each.who}${each.session}`;
              const channel = `room:${each.channel}`;
              if (each.what === "join") {
                worker?.members.join(channel, RULE, member(session), workers);
                there(channel).add(session);
              } else {
                worker?.members.leave(channel, session, workers);
                there(channel).delete(session);
              }
              break;
            }
            case "link": {
              const worker = workers[each.who];
              if (worker === undefined) break;
              const wasUp = worker.link.state === "up";
              worker.link.state = each.state;
              // A link that comes back is another link.
              if (each.state === "up" && !wasUp) worker.lease.restored();
              break;
            }
            case "pass":
              await world.pass(each.ms, workers);
              break;
            case "lose":
              // Redis came back empty: all links were lost with it.
              for (const [id] of [["v.1"], ["w.1"], ["v.2"], ["w.2"]]) await world.store.end(id ?? "");
              for (const { lease, link } of workers) if (link.state === "up") lease.restored();
              break;
            default:
              await world.clock.settle();
          }
        }
        for (const { lease, link } of workers) {
          if (link.state === "up") continue;
          link.state = "up";
          lease.restored();
        }
        await world.pass(3 * LEASE_MS, workers);
        for (let channel = 0; channel <= 2; channel++) {
          const name = `room:${channel}`;
          expect(await world.sessions(name)).toEqual([...there(name)].sort());
        }
      }),
      { numRuns: 200 },
    );
  });
});
