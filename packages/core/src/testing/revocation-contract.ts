/**
 * The contract of the revocation seam as a test suite.
 */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type ControlMessage, parseControlMessage } from "../access/control-message.js";
import {
  MAX_REVOCATIONS_PER_CALL,
  type Revocation,
  type RevocationStore,
  RevocationsFull,
  type Subject,
} from "../access/revocation-store.js";

/** A store that keeps at most 1500, with the clock that it goes by. */
export interface RevocationWorld {
  /** Another client of the same store. */
  create(): Promise<RevocationStore>;
  /** ms since 1970. */
  now(): number;
  /** Lets so much time pass, ms. */
  pass(ms: number): Promise<void>;
  /** What was told on `control` so far. Resolves when what was told by now has arrived. */
  told(): Promise<readonly string[]>;
  close(): Promise<void>;
}

const MAX = 1500;
const HOUR = 60 * 60_000;

export function revocationContract(
  name: string,
  factory: () => RevocationWorld | Promise<RevocationWorld>,
): void {
  describe(`${name} keeps the revocation contract`, () => {
    let world: RevocationWorld;
    let store: RevocationStore;
    beforeEach(async () => {
      world = await factory();
      store = await world.create();
    });
    afterEach(() => world.close());

    const revocation = (subject: Subject, over: Partial<Revocation> = {}): Revocation => ({
      subject,
      at: world.now(),
      until: world.now() + HOUR,
      ...over,
    });
    const many = (count: number, first = 0): Revocation[] =>
      Array.from({ length: count }, (_, n) => revocation(`token:t${first + n}`));

    async function all(from: RevocationStore): Promise<Revocation[]> {
      const found: Revocation[] = [];
      for (;;) {
        const { revocations } = await from.list(found.length);
        found.push(...revocations);
        if (revocations.length < MAX_REVOCATIONS_PER_CALL) return found;
      }
    }

    async function orders(): Promise<(ControlMessage | { problem: string })[]> {
      return (await world.told()).map((text) => parseControlMessage(text, { now: world.now(), ttlMs: HOUR }));
    }

    test("what one adds is listed for all, to the letter, and told", async () => {
      const added = [
        revocation('user:Ä "quoted" \n😀'),
        revocation("token:a:b {c} \\"),
        revocation("session:0123456789abcdef", { at: 0 }),
      ];
      await store.add(added);
      const listed = await all(await world.create());
      expect(new Set(listed)).toEqual(new Set(added));
      expect(new Set(await orders())).toEqual(
        new Set(added.map((each) => ({ op: "revoke", revocation: each, stored: true }))),
      );
    });

    test("the later moments win, and what brings nothing new changes nothing", async () => {
      const first = revocation("user:a");
      await store.add([first]);
      const { version } = await store.list(0);
      await store.add([first, { ...first, at: first.at - 5, until: first.until - 5 }]);
      expect((await store.list(0, version)).version).toBe(version);
      expect(await world.told()).toHaveLength(1);
      await store.add([{ ...first, at: first.at + 7, until: first.until - 5 }]);
      expect(await all(store)).toEqual([{ ...first, at: first.at + 7 }]);
      await store.add([{ ...first, at: first.at - 7, until: first.until + 9 }]);
      expect(await all(store)).toEqual([{ ...first, at: first.at + 7, until: first.until + 9 }]);
      expect(await world.told()).toHaveLength(3);
      const twice = revocation("token:twice");
      await store.add([twice, { ...twice, until: twice.until - 9 }]);
      expect(await all(store)).toContainEqual(twice);
    });

    test("a version names one list, and who knows it gets nothing but it", async () => {
      const empty = await store.list(0);
      expect(empty.revocations).toEqual([]);
      expect(await store.list(0, empty.version)).toEqual({ version: empty.version, revocations: [] });
      await store.add([revocation("token:1")]);
      const one = await store.list(0, empty.version);
      expect(one.version).not.toBe(empty.version);
      expect(one.revocations).toHaveLength(1);
      expect(await store.list(0, one.version)).toEqual({ version: one.version, revocations: [] });
    });

    test("comes in pages, and nothing is hidden by what is added between two of them", async () => {
      await store.add(many(1000));
      await store.add(many(200, 1000));
      const first = await store.list(0);
      expect(first.revocations).toHaveLength(MAX_REVOCATIONS_PER_CALL);
      await store.add([revocation("user:late", { until: world.now() + 2 * HOUR })]);
      const second = await store.list(MAX_REVOCATIONS_PER_CALL);
      const seen = new Set([...first.revocations, ...second.revocations].map(({ subject }) => subject));
      for (const { subject } of many(1200)) expect(seen).toContain(subject);
      expect(await store.list(5000)).toMatchObject({ revocations: [] });
    });

    test("what has expired is neither listed nor kept, nor told", async () => {
      await store.add([revocation("token:short", { until: world.now() + 1000 }), revocation("token:long")]);
      await store.add([revocation("token:past", { until: world.now() - 1 })]);
      await world.pass(2000);
      expect((await all(store)).map(({ subject }) => subject)).toEqual(["token:long"]);
      expect(await world.told()).toHaveLength(2);
    });

    test("more than may be kept are refused whole, until there is room", async () => {
      await store.add(many(1000).map((each) => ({ ...each, until: world.now() + 60_000 })));
      await store.add(many(MAX - 1001, 1000));
      await expect(store.add(many(2, 2000))).rejects.toBeInstanceOf(RevocationsFull);
      expect(await all(store)).toHaveLength(MAX - 1);
      // One that is kept needs no room.
      await store.add([...many(1, 1000), revocation("user:last")]);
      await expect(store.add([revocation("user:more")])).rejects.toThrow("maxRevocations");
      await world.pass(61_000);
      await store.add([revocation("user:more")]);
      expect(await all(store)).toHaveLength(MAX - 1000 + 1);
    });

    test("what is spent is spent for all, once, until its time is over", async () => {
      const other = await world.create();
      const answers = await Promise.all(
        [store, other, store, other].map((each) => each.spend("ticket {1}", 30_000)),
      );
      expect(answers.filter(Boolean)).toHaveLength(1);
      expect(await other.spend("ticket 2", 30_000)).toBe(true);
      expect(await store.spend("ticket 2", 30_000)).toBe(false);
      await world.pass(31_000);
      expect(await store.spend("ticket 2", 1000)).toBe(true);
    });
  });
}
