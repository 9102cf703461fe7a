/**
 * The contract of the presence store about members: who is in a channel, and when a channel is one.
 */
import { expect, test } from "@jest/globals";
import type { Transition } from "../../presence/store.js";
import { drop, member, type PresenceTest, put, ROOM, SESSIONS } from "./presence-world.js";

/** A channel has the members that were put and not dropped, each once. */
export function membersComeAndGo(use: PresenceTest): void {
  test("a channel without members has none", async () => {
    expect(await use.store().read(ROOM, 10)).toMatchObject({ users: 0, sessions: 0, members: [] });
    expect((await use.store().read(ROOM, 10)).next).toBeUndefined();
  });

  test("members come and go, with the text that they came with", async () => {
    const lease = await use.begin("w.1");
    await use.change(lease, put(member("a", "ann", "é\n\u2028"), member("b")));
    const page = await use.store().read(ROOM, 10);
    expect(
      page.members.map((text) => JSON.parse(text)).sort((x, y) => (x.session < y.session ? -1 : 1)),
    ).toEqual([{ session: "a", user: "ann", info: "é\n\u2028" }, { session: "b" }]);
    expect(page).toMatchObject({ users: 2, sessions: 2 });
    await use.change(lease, drop("a"));
    expect(await use.sessions()).toEqual(["b"]);
  });

  test("a user's sessions are one user, anonymous ones are each their own", async () => {
    const lease = await use.begin("w.1");
    await use.change(
      lease,
      put(member("a", "ann"), member("b", "ann"), member("c"), member("d"), member("e", "ann\n.")),
    );
    expect(await use.numbers()).toEqual({ users: 4, sessions: 5 });
    await use.change(lease, drop("a", "c"));
    expect(await use.numbers()).toEqual({ users: 3, sessions: 3 });
  });

  test("what has happened already changes nothing", async () => {
    const lease = await use.begin("w.1");
    await use.change(lease, put(member("a")));
    const before = await use.store().read(ROOM, 10);
    expect(await use.change(lease, [...put(member("a")), ...drop("b")])).toEqual([]);
    expect(await use.store().read(ROOM, 10)).toEqual(before);
  });

  test("the first and the last are told as transitions, in order", async () => {
    const lease = await use.begin("w.1");
    const [first] = (await use.change(lease, put(member("a"), member("b")))) as readonly Transition[];
    const { version } = await use.store().read(ROOM, 0);
    expect(first).toEqual({ occupied: true, version: version - 1 });
    expect(await use.change(lease, drop("a"))).toEqual([]);
    expect(await use.change(lease, [...drop("b"), ...put(member("c")), ...drop("c")])).toEqual([
      { occupied: false, version: version + 2 },
      { occupied: true, version: version + 3 },
      { occupied: false, version: version + 4 },
    ]);
  });
}

/** A channel that was empty goes on above all numbers that it had. */
export function numbersOnlyAscend(use: PresenceTest): void {
  test("a channel that was empty begins above all that it had", async () => {
    const lease = await use.begin("w.1");
    for (let round = 0, last = 0; round < 5; round++) {
      await use.change(lease, put(member("a"), member("b")));
      const { sequence, version } = await use.store().read(ROOM, 0);
      expect(Math.min(sequence, version)).toBeGreaterThan(last);
      expect(Number.isSafeInteger(sequence) && Number.isSafeInteger(version)).toBe(true);
      await use.change(lease, drop("a", "b"));
      last = Math.max(sequence, version) + 2;
    }
  });
}

/** Each channel has its own members, for all workers the same. */
export function channelsAreApart(use: PresenceTest): void {
  test("channels are apart, whatever their names", async () => {
    const lease = await use.begin("w.1");
    const names = ["a", "{a}{b}", "größe", "*?[a]", "a:b:c"];
    for (const name of names) await use.change(lease, put(member(`in ${name}`)), SESSIONS, use.store(), name);
    for (const name of names) expect(await use.sessions(name)).toEqual([`in ${name}`]);
  });

  test("all workers see the same", async () => {
    const other = await use.world().store();
    const [one, two] = [await use.begin("w.1"), await use.begin("v.1", other)];
    await Promise.all([
      use.change(one, put(member("a"))),
      use.change(two, put(member("b")), SESSIONS, other),
    ]);
    expect(await use.sessions()).toEqual(["a", "b"]);
    expect(await other.read(ROOM, 10)).toEqual(await use.store().read(ROOM, 10));
  });
}
