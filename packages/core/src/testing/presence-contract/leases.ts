/**
 * The contract of the presence store about leases: a worker's members live as long as its lease.
 */
import { describe, expect, test } from "@jest/globals";
import { presenceTopic } from "../../broker/topic.js";
import { MAX_CHANGES } from "../../presence/store.js";
import {
  drop,
  LAPSED_MS,
  LEASE_MS,
  member,
  type PresenceTest,
  put,
  ROOM,
  SESSIONS,
} from "./presence-world.js";

/** With a lease go its members, each once, and nothing of them is kept. */
export function anEndTakesMembersOut(use: PresenceTest): void {
  test("ending a lease takes out its members, and no others", async () => {
    const [one, two] = [await use.begin("w.1"), await use.begin("v.1")];
    const many = Array.from({ length: MAX_CHANGES }, (_, i) => member(`s${i}`));
    for (const channel of [ROOM, "other"])
      await use.change(one, put(...many), SESSIONS, use.store(), channel);
    await use.change(two, put(member("stays")));
    await Promise.all([use.store().end("w.1"), use.store().end("w.1"), use.store().end("never begun.1")]);
    expect(await use.sessions()).toEqual(["stays"]);
    expect(await use.sessions("other")).toEqual([]);
  });

  test("nothing is kept of members that have gone", async () => {
    const [one, two] = [await use.begin("w.1"), await use.begin("v.1")];
    await use.change(one, put(member("a", "ann"), member("b")));
    await use.change(two, put(member("c", "ann"), member("b")));
    await use.change(one, drop("a", "b"));
    await use.store().end("v.1");
    await use.store().end("w.1");
    expect(await use.world().leftovers()).toEqual([]);
  });

  test("each member of an ended lease leaves once, whichever worker else is at it", async () => {
    await use.listener().broker.subscribe(presenceTopic(ROOM));
    const lease = await use.begin("w.1");
    const many = Array.from({ length: MAX_CHANGES }, (_, i) => member(`s${i}`));
    await use.change(lease, put(...many), { ...SESSIONS, maxListed: 1000 });
    const other = await use.world().store();
    await Promise.all([use.store().end("w.1"), other.end("w.1"), use.store().end("w.1")]);
    const { version } = await use.store().read(ROOM, 0);
    expect(version).toBeGreaterThan(0);
    for (;;) {
      const left = (await use.news()).flatMap(({ steps }) => steps ?? []).filter(([came]) => came === 0);
      if (left.length < MAX_CHANGES) continue;
      expect(left).toHaveLength(MAX_CHANGES);
      break;
    }
  });
}

/** A lease is held while it is renewed, and refuses what comes after it. */
export function leasesLapse(use: PresenceTest): void {
  describe("leases", () => {
    areHeldWhileRenewed(use);
    refuseWhatIsLate(use);
  });
}

/** One that is renewed in time is held; one that lapsed goes to one of the others. */
function areHeldWhileRenewed(use: PresenceTest): void {
  test("one that is renewed is held, and says when the next of the others lapses", async () => {
    await use.begin("w.1");
    const state = await use.store().renew("v.1", 2000, true);
    expect(state).toMatchObject({ held: true, lapsed: [] });
    expect(state.nextMs).toBeGreaterThan(50_000);
    expect(state.nextMs).toBeLessThan(70_000);
    const again = await use.store().renew("v.1", 5000, false);
    expect(again.held).toBe(true);
    expect(again.until).toBeGreaterThan(state.until);
  });

  test("one that never began is not held", async () => {
    expect(await use.store().renew("w.1", 60_000, false)).toMatchObject({ held: false });
  });

  test("one that lapsed is given to one of the askers, and refuses changes", async () => {
    const lease = await use.begin("w.1", use.store(), LEASE_MS);
    await use.change(lease, put(member("a")));
    await use.world().pass(LAPSED_MS);
    expect(await use.change(lease, put(member("late")))).toBe("lapsed");
    const states = [
      await use.store().renew("v.1", 60_000, true),
      await use.store().renew("u.1", 60_000, true),
    ];
    expect(states.flatMap(({ lapsed }) => lapsed)).toEqual(["w.1"]);
    expect(await use.store().renew("w.1", 60_000, false)).toMatchObject({ held: false });
    await use.store().end("w.1");
    expect(await use.sessions()).toEqual([]);
  });

  test("one that was late and that no worker has noticed goes on", async () => {
    const lease = await use.begin("w.1", use.store(), LEASE_MS);
    await use.world().pass(LAPSED_MS);
    const state = await use.store().renew(lease.id, 60_000, false);
    expect(state.held).toBe(true);
    expect(await use.change({ id: "w.1", until: state.until }, put(member("a")))).not.toBe("lapsed");
  });
}

/** One that has ended refuses changes, and a later one takes its members over. */
function refuseWhatIsLate(use: PresenceTest): void {
  test("one that was ended before its time refuses what comes late, wherever that goes", async () => {
    const lease = await use.begin("w.1");
    const other = await use.world().store();
    await use.change(lease, put(member("a")));
    await use.change(lease, put(member("a")), SESSIONS, other);
    const next = await use.begin("w.2");
    await use.change(next, put(member("a")));
    await use.store().end("w.1");
    for (const at of [use.store(), other]) {
      expect(await use.change(lease, put(member("late")), SESSIONS, at)).toBe("lapsed");
      expect(await use.change(lease, put(member("late")), SESSIONS, at, "room:2")).toBe("lapsed");
    }
    expect([await use.sessions(), await use.sessions("room:2")]).toEqual([["a"], []]);
    await use.store().end("w.2");
    expect(await use.world().leftovers()).toEqual([]);
  });

  test("a worker that comes back with another lease puts back who is still there", async () => {
    const lease = await use.begin("w.1", use.store(), LEASE_MS);
    await use.change(lease, put(member("a"), member("b")));
    const again = await use.begin("w.2");
    const before = await use.store().read(ROOM, 10);
    await use.change(again, put(member("a")));
    expect(await use.store().read(ROOM, 10)).toEqual(before);
    await use.store().end("w.1");
    expect(await use.sessions()).toEqual(["a"]);
    await use.store().end("w.2");
    expect(await use.sessions()).toEqual([]);
  });
}
