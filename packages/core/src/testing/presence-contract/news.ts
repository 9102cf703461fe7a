/**
 * The contract of the presence store about news: what is published of each change.
 */
import { expect, test } from "@jest/globals";
import { presenceTopic } from "../../broker/topic.js";
import { MAX_CHANGES } from "../../presence/store.js";
import { drop, member, type PresenceTest, put, ROOM, SESSIONS, USERS } from "./presence-world.js";

/** Each step is told, with numbers that have no gap, by session or by user. */
export function newsTellsEachStep(use: PresenceTest): void {
  test("news tells each step, with numbers that have no gap", async () => {
    await use.listener().broker.subscribe(presenceTopic(ROOM));
    const lease = await use.begin("w.1");
    await use.change(lease, put(member("a", "ann"), member("b", "ann")));
    await use.change(lease, drop("a"));
    const { sequence, version } = await use.store().read(ROOM, 0);
    expect(await use.heard(2)).toEqual([
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
    await use.listener().broker.subscribe(presenceTopic(ROOM));
    const lease = await use.begin("w.1");
    await use.change(lease, put(member("a", "ann"), member("b", "ann"), member("c")), USERS);
    await use.change(lease, drop("a", "b"), USERS);
    const all = await use.heard(2);
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
}

/** What is too much to list is counted, and what is too long comes in pieces. */
export function newsIsBounded(use: PresenceTest): void {
  test("above the size that is listed, news says how many", async () => {
    await use.listener().broker.subscribe(presenceTopic(ROOM));
    const lease = await use.begin("w.1");
    const rule = { ...SESSIONS, maxListed: 2 };
    await use.change(lease, put(member("a"), member("b"), member("c")), rule);
    await use.change(lease, drop("a"), rule);
    const all = await use.heard(2);
    expect(all.map(({ sessions }) => sessions)).toEqual([3, 2]);
    expect(all.map(({ steps }) => steps?.length)).toEqual([undefined, 1]);
  });

  test("news of many large members comes in pieces", async () => {
    await use.listener().broker.subscribe(presenceTopic(ROOM));
    const lease = await use.begin("w.1");
    const many = Array.from({ length: MAX_CHANGES }, (_, i) => member(`s${i}`, `u${i}`, "x".repeat(1000)));
    await use.change(lease, put(...many), { ...SESSIONS, maxListed: 1000 });
    const all = await use.heard(2);
    expect(all.flatMap(({ steps }) => steps ?? [])).toHaveLength(MAX_CHANGES);
    for (const { sequence, steps, sessions } of all) {
      expect(sessions).toBe(sequence - (all[0]?.sequence ?? 0) + (all[0]?.steps?.length ?? 0));
      expect(JSON.stringify(steps).length).toBeLessThan(40_000);
    }
  });
}

/** A member whose text changes leaves and joins. */
export function newsTellsWhatIsShown(use: PresenceTest): void {
  test("a session that shows something else leaves and joins", async () => {
    await use.listener().broker.subscribe(presenceTopic(ROOM));
    const lease = await use.begin("w.1");
    await use.change(lease, put(member("a", "ann", "old")));
    await use.change(lease, put(member("a", "ann", "new")));
    const [, second] = await use.heard(2);
    expect(second?.steps).toEqual([
      [0, 1, { session: "a", user: "ann", info: "old" }],
      [1, 1, { session: "a", user: "ann", info: "new" }],
    ]);
  });
}
