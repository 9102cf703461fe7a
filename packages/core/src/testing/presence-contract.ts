/**
 * The contract of the presence store as a test suite: what `presence-store.ts` says in words, every
 * implementation must pass.
 */

import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Broker } from "../broker/broker.js";
import { presenceTopic } from "../broker/topic.js";
import type { PresenceRule } from "../namespace.js";
import type {
  Lease,
  MembersPage,
  PresenceChange,
  PresenceNews,
  PresenceStore,
  StoredMember,
  Transition,
} from "../presence/store.js";
import { MAX_CHANGES, MAX_PRESENCE_PAGE_BYTES } from "../presence/store.js";
import { BrokerListener } from "./broker-listener.js";

export interface PresenceWorld {
  /** A store as one worker has it, ready; all of a world share their members. */
  store(): Promise<PresenceStore>;
  /** A broker that hears their news, not started. The suite closes it. */
  broker(): Broker;
  /** Lets the store's clock go on. */
  pass(ms: number): Promise<void>;
  /** Everything that the stores keep, by any name: empty once no channel has a member. */
  leftovers(): Promise<readonly string[]>;
  close(): Promise<void>;
}

const ROOM = "room:1";
const SESSIONS: PresenceRule = { joinLeave: "session", maxListed: 100 };
const USERS: PresenceRule = { joinLeave: "user", maxListed: 100 };
/** Short, because some stores have real clocks; long beside a slow machine's answer. */
const LEASE_MS = 600;
/** Beyond a lease's end, for stores that let clocks differ. */
const LAPSED_MS = LEASE_MS + 700;

/** A member whose session is its name. */
export function member(session: string, user?: string, info?: string): StoredMember {
  return { session, user, text: JSON.stringify({ user, session, info }) };
}

/** The same, as its session was resumed so many times. */
export function resumed(count: number, member: StoredMember): StoredMember {
  return { ...member, count };
}

export function put(...members: readonly StoredMember[]): PresenceChange[] {
  return members.map((each) => ({ kind: "put", member: each }));
}

function drop(...sessions: readonly string[]): PresenceChange[] {
  return sessions.map((session) => ({ kind: "drop", session }));
}

/** Runs the contract against `factory`, which makes a new world for each test. */
export function presenceContract(name: string, factory: () => PresenceWorld | Promise<PresenceWorld>): void {
  describe(`${name} keeps the presence contract`, () => {
    let world: PresenceWorld;
    let store: PresenceStore;
    let listener: BrokerListener;
    let marks = 0;
    beforeEach(async () => {
      world = await factory();
      store = await world.store();
      listener = new BrokerListener(world.broker());
      await listener.reach("ready");
    });
    afterEach(async () => {
      await listener.broker.close();
      await world.close();
    });

    const begin = async (id: string, at = store, forMs = 60_000): Promise<Lease> => {
      const { held, until } = await at.renew(id, forMs, true);
      expect(held).toBe(true);
      return { id, until };
    };
    const change = async (
      lease: Lease,
      changes: readonly PresenceChange[],
      rule = SESSIONS,
      at = store,
      channel = ROOM,
    ) => {
      const outcome = await at.change(channel, lease, changes, rule);
      return outcome.kind === "lapsed" ? "lapsed" : outcome.transitions;
    };
    /** All that was published about the room so far. */
    const news = async (): Promise<PresenceNews[]> => {
      const mark = `"mark ${++marks}"`;
      await listener.broker.publish(presenceTopic(ROOM), mark);
      const texts = await listener.upTo(mark);
      return texts.flatMap((text) => (text.startsWith("{") ? [JSON.parse(text) as PresenceNews] : []));
    };
    const heard = async (count: number): Promise<PresenceNews[]> => {
      for (;;) {
        const all = await news();
        if (all.length >= count) return all;
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const sessions = async (channel = ROOM): Promise<string[]> => {
      const found: string[] = [];
      let page: MembersPage | undefined;
      do {
        page = await store.read(channel, 1000, page?.next);
        found.push(...page.members.map((text) => (JSON.parse(text) as { session: string }).session));
      } while (page.next !== undefined);
      return found.sort();
    };
    const numbers = async () => {
      const { users, sessions } = await store.read(ROOM, 0);
      return { users, sessions };
    };

    test("a channel without members has none", async () => {
      expect(await store.read(ROOM, 10)).toMatchObject({ users: 0, sessions: 0, members: [] });
      expect((await store.read(ROOM, 10)).next).toBeUndefined();
    });

    test("members come and go, with the text that they came with", async () => {
      const lease = await begin("w.1");
      await change(lease, put(member("a", "ann", "é\n\u2028"), member("b")));
      const page = await store.read(ROOM, 10);
      expect(
        page.members.map((text) => JSON.parse(text)).sort((x, y) => (x.session < y.session ? -1 : 1)),
      ).toEqual([{ session: "a", user: "ann", info: "é\n\u2028" }, { session: "b" }]);
      expect(page).toMatchObject({ users: 2, sessions: 2 });
      await change(lease, drop("a"));
      expect(await sessions()).toEqual(["b"]);
    });

    test("a user's sessions are one user, anonymous ones are each their own", async () => {
      const lease = await begin("w.1");
      await change(
        lease,
        put(member("a", "ann"), member("b", "ann"), member("c"), member("d"), member("e", "ann\n.")),
      );
      expect(await numbers()).toEqual({ users: 4, sessions: 5 });
      await change(lease, drop("a", "c"));
      expect(await numbers()).toEqual({ users: 3, sessions: 3 });
    });

    test("what has happened already changes nothing", async () => {
      const lease = await begin("w.1");
      await change(lease, put(member("a")));
      const before = await store.read(ROOM, 10);
      expect(await change(lease, [...put(member("a")), ...drop("b")])).toEqual([]);
      expect(await store.read(ROOM, 10)).toEqual(before);
    });

    test("the first and the last are told as transitions, in order", async () => {
      const lease = await begin("w.1");
      const [first] = (await change(lease, put(member("a"), member("b")))) as readonly Transition[];
      const { version } = await store.read(ROOM, 0);
      expect(first).toEqual({ occupied: true, version: version - 1 });
      expect(await change(lease, drop("a"))).toEqual([]);
      expect(await change(lease, [...drop("b"), ...put(member("c")), ...drop("c")])).toEqual([
        { occupied: false, version: version + 2 },
        { occupied: true, version: version + 3 },
        { occupied: false, version: version + 4 },
      ]);
    });

    test("news tells each step, with numbers that have no gap", async () => {
      await listener.broker.subscribe(presenceTopic(ROOM));
      const lease = await begin("w.1");
      await change(lease, put(member("a", "ann"), member("b", "ann")));
      await change(lease, drop("a"));
      const { sequence, version } = await store.read(ROOM, 0);
      expect(await heard(2)).toEqual([
        {
          sequence: sequence - 1,
          version: version - 1,
          users: 1,
          sessions: 2,
          steps: [
            [1, 1, { user: "ann", session: "a" }],
            [1, 1, { user: "ann", session: "b" }],
          ],
        },
        { sequence, version, users: 1, sessions: 1, steps: [[0, 1, { user: "ann", session: "a" }]] },
      ]);
    });

    test("where users are told, versions count their first and last sessions", async () => {
      await listener.broker.subscribe(presenceTopic(ROOM));
      const lease = await begin("w.1");
      await change(lease, put(member("a", "ann"), member("b", "ann"), member("c")), USERS);
      await change(lease, drop("a", "b"), USERS);
      const all = await heard(2);
      expect(all.map(({ steps }) => steps?.map(([came, told]) => [came, told]))).toEqual([
        [
          [1, 1],
          [1, 0],
          [1, 1],
        ],
        [
          [0, 0],
          [0, 1],
        ],
      ]);
      expect((all[1]?.version ?? 0) - (all[0]?.version ?? 0)).toBe(1);
      expect((all[1]?.sequence ?? 0) - (all[0]?.sequence ?? 0)).toBe(2);
    });

    test("above the size that is listed, news says how many", async () => {
      await listener.broker.subscribe(presenceTopic(ROOM));
      const lease = await begin("w.1");
      const rule = { ...SESSIONS, maxListed: 2 };
      await change(lease, put(member("a"), member("b"), member("c")), rule);
      await change(lease, drop("a"), rule);
      const all = await heard(2);
      expect(all.map(({ sessions }) => sessions)).toEqual([3, 2]);
      expect(all.map(({ steps }) => steps?.length)).toEqual([undefined, 1]);
    });

    test("news of many large members comes in pieces", async () => {
      await listener.broker.subscribe(presenceTopic(ROOM));
      const lease = await begin("w.1");
      const many = Array.from({ length: MAX_CHANGES }, (_, i) => member(`s${i}`, `u${i}`, "x".repeat(1000)));
      await change(lease, put(...many), { ...SESSIONS, maxListed: 1000 });
      const all = await heard(2);
      expect(all.flatMap(({ steps }) => steps ?? [])).toHaveLength(MAX_CHANGES);
      for (const { sequence, steps, sessions } of all) {
        expect(sessions).toBe(sequence - (all[0]?.sequence ?? 0) + (all[0]?.steps?.length ?? 0));
        expect(JSON.stringify(steps).length).toBeLessThan(40_000);
      }
    });

    test("pages have every member once", async () => {
      const lease = await begin("w.1");
      const names = Array.from({ length: 300 }, (_, i) => `s${String(i).padStart(15, "0")}`);
      for (let i = 0; i < names.length; i += 100)
        await change(lease, put(...names.slice(i, i + 100).map((name) => member(name))));
      const found: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await store.read(ROOM, 70, cursor);
        expect(page.sessions).toBe(300);
        expect(page.members.length).toBeLessThanOrEqual(70);
        found.push(...page.members.map((text) => (JSON.parse(text) as { session: string }).session));
        cursor = page.next;
      } while (cursor !== undefined);
      expect(found.sort()).toEqual(names);
    });

    test("pages end at their bytes, long before their members", async () => {
      const lease = await begin("w.1");
      const names = Array.from({ length: 75 }, (_, i) => `s${String(i).padStart(15, "0")}`);
      const quiet: PresenceRule = { joinLeave: "off", maxListed: 0 };
      for (let i = 0; i < names.length; i += 15)
        await change(
          lease,
          put(...names.slice(i, i + 15).map((name) => member(name, name, "ü".repeat(9_000)))),
          quiet,
        );
      const found: string[] = [];
      const sizes: number[] = [];
      let cursor: string | undefined;
      do {
        const page = await store.read(ROOM, 1000, cursor);
        sizes.push(page.members.reduce((bytes, text) => bytes + Buffer.byteLength(text), 0));
        found.push(...page.members.map((text) => (JSON.parse(text) as { session: string }).session));
        cursor = page.next;
      } while (cursor !== undefined);
      expect(found.sort()).toEqual(names);
      expect(sizes).toHaveLength(2);
      expect(Math.max(...sizes)).toBeLessThanOrEqual(MAX_PRESENCE_PAGE_BYTES);
    });

    test("any text is a cursor", async () => {
      const lease = await begin("w.1");
      await change(lease, put(member("a")));
      for (const cursor of ["", "nonsense", "[", "\n", "-1", "1e999"]) await store.read(ROOM, 10, cursor);
    });

    test("a channel that was empty begins above all that it had", async () => {
      const lease = await begin("w.1");
      for (let round = 0, last = 0; round < 5; round++) {
        await change(lease, put(member("a"), member("b")));
        const { sequence, version } = await store.read(ROOM, 0);
        expect(Math.min(sequence, version)).toBeGreaterThan(last);
        expect(Number.isSafeInteger(sequence) && Number.isSafeInteger(version)).toBe(true);
        await change(lease, drop("a", "b"));
        last = Math.max(sequence, version) + 2;
      }
    });

    test("channels are apart, whatever their names", async () => {
      const lease = await begin("w.1");
      const names = ["a", "{a}{b}", "größe", "*?[a]", "a:b:c"];
      for (const name of names) await change(lease, put(member(`in ${name}`)), SESSIONS, store, name);
      for (const name of names) expect(await sessions(name)).toEqual([`in ${name}`]);
    });

    test("all workers see the same", async () => {
      const other = await world.store();
      const [one, two] = [await begin("w.1"), await begin("v.1", other)];
      await Promise.all([change(one, put(member("a"))), change(two, put(member("b")), SESSIONS, other)]);
      expect(await sessions()).toEqual(["a", "b"]);
      expect(await other.read(ROOM, 10)).toEqual(await store.read(ROOM, 10));
    });

    describe("a session that two workers put", () => {
      let other: PresenceStore;
      let one: Lease;
      let two: Lease;
      /** What the second worker says. */
      const elsewhere = (changes: readonly PresenceChange[]) => change(two, changes, SESSIONS, other);
      beforeEach(async () => {
        other = await world.store();
        [one, two] = [await begin("w.1"), await begin("v.1", other)];
      });

      test("goes on with the higher count, without news, and the lower one cannot take it out", async () => {
        await change(one, put(member("a")));
        const before = await store.read(ROOM, 10);
        expect(await elsewhere(put(resumed(1, member("a"))))).toEqual([]);
        await change(one, drop("a"));
        await change(one, put(member("a")));
        await store.end("w.1");
        expect(await store.read(ROOM, 10)).toEqual(before);
        await other.end("v.1");
        expect(await sessions()).toEqual([]);
      });

      test.each([
        ["the higher count comes first", [2, 1]],
        ["the lower count comes first", [1, 2]],
      ] as const)("belongs to the higher count, also where %s", async (_, [first, second]) => {
        const say = (count: number) =>
          count === 2 ? elsewhere(put(resumed(2, member("a")))) : change(one, put(resumed(1, member("a"))));
        await say(first);
        await say(second);
        await change(one, drop("a"));
        expect(await sessions()).toEqual(["a"]);
        await elsewhere(drop("a"));
        expect(await sessions()).toEqual([]);
      });

      test("goes back and forth with each resume; a word that comes late changes nothing", async () => {
        await elsewhere(put(resumed(1, member("a"))));
        await elsewhere(put(resumed(3, member("a"))));
        await change(one, put(resumed(2, member("a", undefined, "late"))));
        await change(one, drop("a"));
        await store.end("w.1");
        const { members } = await store.read(ROOM, 10);
        expect(members).toEqual([member("a").text]);
        const again = await begin("w.2");
        await change(again, put(resumed(4, member("a"))));
        await elsewhere(drop("a"));
        await other.end("v.1");
        expect(await sessions()).toEqual(["a"]);
        await change(again, drop("a"));
        expect(await sessions()).toEqual([]);
      });

      test.each(["first", "second"] as const)(
        "with equal counts stays until both have let go of it, the %s before the other",
        async (which) => {
          await change(one, put(resumed(1, member("a", "ann"))));
          const before = await store.read(ROOM, 10);
          await elsewhere(put(resumed(1, member("a", "ann"))));
          const [go, stay] = which === "first" ? [one, two] : [two, one];
          await change(go, drop("a"));
          await store.end(go.id);
          expect(await store.read(ROOM, 10)).toEqual(before);
          await change(stay, drop("a"));
          expect(await sessions()).toEqual([]);
          expect(await numbers()).toEqual({ users: 0, sessions: 0 });
        },
      );

      test.each(["w.1", "v.1"])(
        "with equal counts stays when the lease %s ends, and not both",
        async (id) => {
          await change(one, put(resumed(1, member("a"))));
          await elsewhere(put(resumed(1, member("a"))));
          await store.end(id);
          expect(await sessions()).toEqual(["a"]);
          await store.end(id === "w.1" ? "v.1" : "w.1");
          expect(await sessions()).toEqual([]);
          expect(await world.leftovers()).toEqual([]);
        },
      );

      test("with equal counts stays under the later leases of both", async () => {
        await change(one, put(resumed(1, member("a"))));
        await elsewhere(put(resumed(1, member("a"))));
        const [third, fourth] = [await begin("w.2"), await begin("v.2", other)];
        await change(third, put(resumed(1, member("a"))));
        await change(fourth, put(resumed(1, member("a"))), SESSIONS, other);
        await store.end("w.1");
        await store.end("v.1");
        await change(third, drop("a"));
        expect(await sessions()).toEqual(["a"]);
        await change(fourth, drop("a"), SESSIONS, other);
        expect(await sessions()).toEqual([]);
        await store.end("w.2");
        await store.end("v.2");
        expect(await world.leftovers()).toEqual([]);
      });

      test("ends equal counts with the next resume", async () => {
        const third = await begin("u.1");
        await change(one, put(resumed(1, member("a"))));
        await elsewhere(put(resumed(1, member("a"))));
        await change(third, put(resumed(2, member("a"))));
        await change(third, drop("a"));
        expect(await sessions()).toEqual([]);
        for (const id of ["w.1", "v.1", "u.1"]) await store.end(id);
        expect(await world.leftovers()).toEqual([]);
      });

      test("keeps its count under another text and another lease of its worker", async () => {
        await change(one, put(resumed(2, member("a"))));
        await change(one, put(resumed(2, member("a", undefined, "shown"))));
        const again = await begin("w.2");
        await change(again, put(resumed(2, member("a", undefined, "shown"))));
        await store.end("w.1");
        await elsewhere([...put(resumed(1, member("a"))), ...drop("a")]);
        const { members } = await store.read(ROOM, 10);
        expect(members).toEqual([member("a", undefined, "shown").text]);
      });

      test("begins anew after it has left", async () => {
        await change(one, [...put(resumed(5, member("a"))), ...drop("a"), ...put(member("b"))]);
        await elsewhere(put(member("a")));
        await change(one, put(resumed(1, member("a"))));
        await elsewhere(drop("a"));
        expect(await sessions()).toEqual(["a", "b"]);
      });
    });

    test("a session that shows something else leaves and joins", async () => {
      await listener.broker.subscribe(presenceTopic(ROOM));
      const lease = await begin("w.1");
      await change(lease, put(member("a", "ann", "old")));
      await change(lease, put(member("a", "ann", "new")));
      const [, second] = await heard(2);
      expect(second?.steps).toEqual([
        [0, 1, { session: "a", user: "ann", info: "old" }],
        [1, 1, { session: "a", user: "ann", info: "new" }],
      ]);
    });

    test("ending a lease takes out its members, and no others", async () => {
      const [one, two] = [await begin("w.1"), await begin("v.1")];
      const many = Array.from({ length: MAX_CHANGES }, (_, i) => member(`s${i}`));
      for (const channel of [ROOM, "other"]) await change(one, put(...many), SESSIONS, store, channel);
      await change(two, put(member("stays")));
      await Promise.all([store.end("w.1"), store.end("w.1"), store.end("never begun.1")]);
      expect(await sessions()).toEqual(["stays"]);
      expect(await sessions("other")).toEqual([]);
    });

    test("nothing is kept of members that have gone", async () => {
      const [one, two] = [await begin("w.1"), await begin("v.1")];
      await change(one, put(member("a", "ann"), member("b")));
      await change(two, put(member("c", "ann"), member("b")));
      await change(one, drop("a", "b"));
      await store.end("v.1");
      await store.end("w.1");
      expect(await world.leftovers()).toEqual([]);
    });

    test("each member of an ended lease leaves once, whichever worker else is at it", async () => {
      await listener.broker.subscribe(presenceTopic(ROOM));
      const lease = await begin("w.1");
      const many = Array.from({ length: MAX_CHANGES }, (_, i) => member(`s${i}`));
      await change(lease, put(...many), { ...SESSIONS, maxListed: 1000 });
      const other = await world.store();
      await Promise.all([store.end("w.1"), other.end("w.1"), store.end("w.1")]);
      const { version } = await store.read(ROOM, 0);
      expect(version).toBeGreaterThan(0);
      for (;;) {
        const left = (await news()).flatMap(({ steps }) => steps ?? []).filter(([came]) => came === 0);
        if (left.length < MAX_CHANGES) continue;
        expect(left).toHaveLength(MAX_CHANGES);
        break;
      }
    });

    describe("leases", () => {
      test("one that is renewed is held, and says when the next of the others lapses", async () => {
        await begin("w.1");
        const state = await store.renew("v.1", 2000, true);
        expect(state).toMatchObject({ held: true, lapsed: [] });
        expect(state.nextMs).toBeGreaterThan(50_000);
        expect(state.nextMs).toBeLessThan(70_000);
        const again = await store.renew("v.1", 5000, false);
        expect(again.held).toBe(true);
        expect(again.until).toBeGreaterThan(state.until);
      });

      test("one that never began is not held", async () => {
        expect(await store.renew("w.1", 60_000, false)).toMatchObject({ held: false });
      });

      test("one that lapsed is given to one of the askers, and refuses changes", async () => {
        const lease = await begin("w.1", store, LEASE_MS);
        await change(lease, put(member("a")));
        await world.pass(LAPSED_MS);
        expect(await change(lease, put(member("late")))).toBe("lapsed");
        const states = [await store.renew("v.1", 60_000, true), await store.renew("u.1", 60_000, true)];
        expect(states.flatMap(({ lapsed }) => lapsed)).toEqual(["w.1"]);
        expect(await store.renew("w.1", 60_000, false)).toMatchObject({ held: false });
        await store.end("w.1");
        expect(await sessions()).toEqual([]);
      });

      test("one that was late and that no worker has noticed goes on", async () => {
        const lease = await begin("w.1", store, LEASE_MS);
        await world.pass(LAPSED_MS);
        const state = await store.renew(lease.id, 60_000, false);
        expect(state.held).toBe(true);
        expect(await change({ id: "w.1", until: state.until }, put(member("a")))).not.toBe("lapsed");
      });

      test("one that was ended before its time refuses what comes late, wherever that goes", async () => {
        const lease = await begin("w.1");
        const other = await world.store();
        await change(lease, put(member("a")));
        await change(lease, put(member("a")), SESSIONS, other);
        const next = await begin("w.2");
        await change(next, put(member("a")));
        await store.end("w.1");
        for (const at of [store, other]) {
          expect(await change(lease, put(member("late")), SESSIONS, at)).toBe("lapsed");
          expect(await change(lease, put(member("late")), SESSIONS, at, "room:2")).toBe("lapsed");
        }
        expect([await sessions(), await sessions("room:2")]).toEqual([["a"], []]);
        await store.end("w.2");
        expect(await world.leftovers()).toEqual([]);
      });

      test("a worker that comes back with another lease puts back who is still there", async () => {
        const lease = await begin("w.1", store, LEASE_MS);
        await change(lease, put(member("a"), member("b")));
        const again = await begin("w.2");
        const before = await store.read(ROOM, 10);
        await change(again, put(member("a")));
        expect(await store.read(ROOM, 10)).toEqual(before);
        await store.end("w.1");
        expect(await sessions()).toEqual(["a"]);
        await store.end("w.2");
        expect(await sessions()).toEqual([]);
      });
    });
  });
}
