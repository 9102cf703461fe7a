/**
 * The contract of the presence store about a session that two workers put: after a resume the old worker may
 * not know yet that its connection is gone.
 */
import { beforeEach, describe, expect, test } from "@jest/globals";
import type { Lease, PresenceChange, PresenceStore } from "../../presence/store.js";
import { drop, member, type PresenceTest, put, ROOM, resumed, SESSIONS } from "./presence-world.js";

/** The two workers of the test that runs; the first one has the store of the test. */
interface TwoWorkers {
  /** The second worker's store. */
  other(): PresenceStore;
  one(): Lease;
  two(): Lease;
  /** What the second worker says. */
  elsewhere(changes: readonly PresenceChange[]): ReturnType<PresenceTest["change"]>;
}

/** A session that is with two workers for a while belongs to that of its last resume. */
export function aSessionOfTwoWorkers(use: PresenceTest): void {
  describe("a session that two workers put", () => {
    let other: PresenceStore;
    let one: Lease;
    let two: Lease;
    beforeEach(async () => {
      other = await use.world().store();
      [one, two] = [await use.begin("w.1"), await use.begin("v.1", other)];
    });
    const both: TwoWorkers = {
      other: () => other,
      one: () => one,
      two: () => two,
      elsewhere: (changes) => use.change(two, changes, SESSIONS, other),
    };
    belongsToTheHigherCount(use, both);
    staysWhileOneHoldsIt(use, both);
    forgetsAtTheRightTime(use, both);
  });
}

/** The higher count has the session, whichever comes first or late. */
function belongsToTheHigherCount(use: PresenceTest, both: TwoWorkers): void {
  test("goes on with the higher count, without news, and the lower one cannot take it out", async () => {
    await use.change(both.one(), put(member("a")));
    const before = await use.store().read(ROOM, 10);
    expect(await both.elsewhere(put(resumed(1, member("a"))))).toEqual([]);
    await use.change(both.one(), drop("a"));
    await use.change(both.one(), put(member("a")));
    await use.store().end("w.1");
    expect(await use.store().read(ROOM, 10)).toEqual(before);
    await both.other().end("v.1");
    expect(await use.sessions()).toEqual([]);
  });

  test.each([
    ["the higher count comes first", [2, 1]],
    ["the lower count comes first", [1, 2]],
  ] as const)("belongs to the higher count, also where %s", async (_, [first, second]) => {
    const say = (count: number) =>
      count === 2
        ? both.elsewhere(put(resumed(2, member("a"))))
        : use.change(both.one(), put(resumed(1, member("a"))));
    await say(first);
    await say(second);
    await use.change(both.one(), drop("a"));
    expect(await use.sessions()).toEqual(["a"]);
    await both.elsewhere(drop("a"));
    expect(await use.sessions()).toEqual([]);
  });

  test("goes back and forth with each resume; a word that comes late changes nothing", async () => {
    await both.elsewhere(put(resumed(1, member("a"))));
    await both.elsewhere(put(resumed(3, member("a"))));
    await use.change(both.one(), put(resumed(2, member("a", undefined, "late"))));
    await use.change(both.one(), drop("a"));
    await use.store().end("w.1");
    const { members } = await use.store().read(ROOM, 10);
    expect(members).toEqual([member("a").text]);
    const again = await use.begin("w.2");
    await use.change(again, put(resumed(4, member("a"))));
    await both.elsewhere(drop("a"));
    await both.other().end("v.1");
    expect(await use.sessions()).toEqual(["a"]);
    await use.change(again, drop("a"));
    expect(await use.sessions()).toEqual([]);
  });
}

/** With equal counts both hold it: it stays until both have let go. */
function staysWhileOneHoldsIt(use: PresenceTest, both: TwoWorkers): void {
  test.each(["first", "second"] as const)(
    "with equal counts stays until both have let go of it, the %s before the other",
    async (which) => {
      await use.change(both.one(), put(resumed(1, member("a", "ann"))));
      const before = await use.store().read(ROOM, 10);
      await both.elsewhere(put(resumed(1, member("a", "ann"))));
      const [go, stay] = which === "first" ? [both.one(), both.two()] : [both.two(), both.one()];
      await use.change(go, drop("a"));
      await use.store().end(go.id);
      expect(await use.store().read(ROOM, 10)).toEqual(before);
      await use.change(stay, drop("a"));
      expect(await use.sessions()).toEqual([]);
      expect(await use.numbers()).toEqual({ users: 0, sessions: 0 });
    },
  );

  test.each(["w.1", "v.1"])("with equal counts stays when the lease %s ends, and not both", async (id) => {
    await use.change(both.one(), put(resumed(1, member("a"))));
    await both.elsewhere(put(resumed(1, member("a"))));
    await use.store().end(id);
    expect(await use.sessions()).toEqual(["a"]);
    await use.store().end(id === "w.1" ? "v.1" : "w.1");
    expect(await use.sessions()).toEqual([]);
    expect(await use.world().leftovers()).toEqual([]);
  });

  test("with equal counts stays under the later leases of both", async () => {
    await use.change(both.one(), put(resumed(1, member("a"))));
    await both.elsewhere(put(resumed(1, member("a"))));
    const [third, fourth] = [await use.begin("w.2"), await use.begin("v.2", both.other())];
    await use.change(third, put(resumed(1, member("a"))));
    await use.change(fourth, put(resumed(1, member("a"))), SESSIONS, both.other());
    await use.store().end("w.1");
    await use.store().end("v.1");
    await use.change(third, drop("a"));
    expect(await use.sessions()).toEqual(["a"]);
    await use.change(fourth, drop("a"), SESSIONS, both.other());
    expect(await use.sessions()).toEqual([]);
    await use.store().end("w.2");
    await use.store().end("v.2");
    expect(await use.world().leftovers()).toEqual([]);
  });
}

/** A count is kept for as long as the session is there, and no longer. */
function forgetsAtTheRightTime(use: PresenceTest, both: TwoWorkers): void {
  test("ends equal counts with the next resume", async () => {
    const third = await use.begin("u.1");
    await use.change(both.one(), put(resumed(1, member("a"))));
    await both.elsewhere(put(resumed(1, member("a"))));
    await use.change(third, put(resumed(2, member("a"))));
    await use.change(third, drop("a"));
    expect(await use.sessions()).toEqual([]);
    for (const id of ["w.1", "v.1", "u.1"]) await use.store().end(id);
    expect(await use.world().leftovers()).toEqual([]);
  });

  test("keeps its count under another text and another lease of its worker", async () => {
    await use.change(both.one(), put(resumed(2, member("a"))));
    await use.change(both.one(), put(resumed(2, member("a", undefined, "shown"))));
    const again = await use.begin("w.2");
    await use.change(again, put(resumed(2, member("a", undefined, "shown"))));
    await use.store().end("w.1");
    await both.elsewhere([...put(resumed(1, member("a"))), ...drop("a")]);
    const { members } = await use.store().read(ROOM, 10);
    expect(members).toEqual([member("a", undefined, "shown").text]);
  });

  test("begins anew after it has left", async () => {
    await use.change(both.one(), [...put(resumed(5, member("a"))), ...drop("a"), ...put(member("b"))]);
    await both.elsewhere(put(member("a")));
    await use.change(both.one(), put(resumed(1, member("a"))));
    await both.elsewhere(drop("a"));
    expect(await use.sessions()).toEqual(["a", "b"]);
  });
}
