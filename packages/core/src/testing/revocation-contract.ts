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

/** The world of the test that runs, and what is written and read in it. */
interface Revocations {
  world(): RevocationWorld;
  store(): RevocationStore;
  /** One from now on, for an hour. */
  revocation(subject: Subject, over?: Partial<Revocation>): Revocation;
  /** That many, of tokens t0, t1 and so on, or from `first` on. */
  many(count: number, first?: number): Revocation[];
  /** What was told, read as workers read it. */
  orders(): Promise<(ControlMessage | { problem: string })[]>;
}

export function revocationContract(
  name: string,
  factory: () => RevocationWorld | Promise<RevocationWorld>,
): void {
  describe(`${name} keeps the revocation contract`, () => {
    const use = revocationsPerTest(factory);
    tellsAllOfThem(use);
    listsThem(use);
    keepsNoMoreThanItMay(use);
    spendsOnce(use);
  });
}

/** What is added is listed and told; the later moments win. */
function tellsAllOfThem(use: Revocations): void {
  test("what one adds is listed for all, to the letter, and told", async () => {
    const added = [
      use.revocation('user:Ä "quoted" \n😀'),
      use.revocation("token:a:b {c} \\"),
      use.revocation("session:0123456789abcdef", { at: 0 }),
    ];
    await use.store().add(added);
    const listed = await all(await use.world().create());
    expect(new Set(listed)).toEqual(new Set(added));
    expect(new Set(await use.orders())).toEqual(
      new Set(added.map((each) => ({ op: "revoke", revocation: each, stored: true }))),
    );
  });

  test("the later moments win, and what brings nothing new changes nothing", async () => {
    const first = use.revocation("user:a");
    await use.store().add([first]);
    const { version } = await use.store().list(0);
    await use.store().add([first, { ...first, at: first.at - 5, until: first.until - 5 }]);
    expect((await use.store().list(0, version)).version).toBe(version);
    expect(await use.world().told()).toHaveLength(1);
    await use.store().add([{ ...first, at: first.at + 7, until: first.until - 5 }]);
    expect(await all(use.store())).toEqual([{ ...first, at: first.at + 7 }]);
    await use.store().add([{ ...first, at: first.at - 7, until: first.until + 9 }]);
    expect(await all(use.store())).toEqual([{ ...first, at: first.at + 7, until: first.until + 9 }]);
    expect(await use.world().told()).toHaveLength(3);
    const twice = use.revocation("token:twice");
    await use.store().add([twice, { ...twice, until: twice.until - 9 }]);
    expect(await all(use.store())).toContainEqual(twice);
  });
}

/** A list has a version and comes in pages. */
function listsThem(use: Revocations): void {
  test("a version names one list, and who knows it gets nothing but it", async () => {
    const empty = await use.store().list(0);
    expect(empty.revocations).toEqual([]);
    expect(await use.store().list(0, empty.version)).toEqual({ version: empty.version, revocations: [] });
    await use.store().add([use.revocation("token:1")]);
    const one = await use.store().list(0, empty.version);
    expect(one.version).not.toBe(empty.version);
    expect(one.revocations).toHaveLength(1);
    expect(await use.store().list(0, one.version)).toEqual({ version: one.version, revocations: [] });
  });

  test("comes in pages, and nothing is hidden by what is added between two of them", async () => {
    await use.store().add(use.many(1000));
    await use.store().add(use.many(200, 1000));
    const first = await use.store().list(0);
    expect(first.revocations).toHaveLength(MAX_REVOCATIONS_PER_CALL);
    await use.store().add([use.revocation("user:late", { until: use.world().now() + 2 * HOUR })]);
    const second = await use.store().list(MAX_REVOCATIONS_PER_CALL);
    const seen = new Set([...first.revocations, ...second.revocations].map(({ subject }) => subject));
    for (const { subject } of use.many(1200)) expect(seen).toContain(subject);
    expect(await use.store().list(5000)).toMatchObject({ revocations: [] });
  });
}

/** What has expired goes; what finds no room is refused. */
function keepsNoMoreThanItMay(use: Revocations): void {
  test("what has expired is neither listed nor kept, nor told", async () => {
    await use
      .store()
      .add([
        use.revocation("token:short", { until: use.world().now() + 1000 }),
        use.revocation("token:long"),
      ]);
    await use.store().add([use.revocation("token:past", { until: use.world().now() - 1 })]);
    await use.world().pass(2000);
    expect((await all(use.store())).map(({ subject }) => subject)).toEqual(["token:long"]);
    expect(await use.world().told()).toHaveLength(2);
  });

  test("more than may be kept are refused whole, until there is room", async () => {
    await use.store().add(use.many(1000).map((each) => ({ ...each, until: use.world().now() + 60_000 })));
    await use.store().add(use.many(MAX - 1001, 1000));
    await expect(use.store().add(use.many(2, 2000))).rejects.toBeInstanceOf(RevocationsFull);
    expect(await all(use.store())).toHaveLength(MAX - 1);
    // One that is kept needs no room.
    await use.store().add([...use.many(1, 1000), use.revocation("user:last")]);
    await expect(use.store().add([use.revocation("user:more")])).rejects.toThrow("maxRevocations");
    await use.world().pass(61_000);
    await use.store().add([use.revocation("user:more")]);
    expect(await all(use.store())).toHaveLength(MAX - 1000 + 1);
  });
}

/** Of all that spend the same, one may. */
function spendsOnce(use: Revocations): void {
  test("what is spent is spent for all, once, until its time is over", async () => {
    const other = await use.world().create();
    const answers = await Promise.all(
      [use.store(), other, use.store(), other].map((each) => each.spend("ticket {1}", 30_000)),
    );
    expect(answers.filter(Boolean)).toHaveLength(1);
    expect(await other.spend("ticket 2", 30_000)).toBe(true);
    expect(await use.store().spend("ticket 2", 30_000)).toBe(false);
    await use.world().pass(31_000);
    expect(await use.store().spend("ticket 2", 1000)).toBe(true);
  });
}

function revocationsPerTest(factory: () => RevocationWorld | Promise<RevocationWorld>): Revocations {
  let world: RevocationWorld;
  let store: RevocationStore;
  beforeEach(async () => {
    world = await factory();
    store = await world.create();
  });
  afterEach(() => world.close());
  const use: Revocations = {
    world: () => world,
    store: () => store,
    revocation: (subject, over = {}) => ({
      subject,
      at: world.now(),
      until: world.now() + HOUR,
      ...over,
    }),
    many: (count, first = 0) =>
      Array.from({ length: count }, (_, n) => use.revocation(`token:t${first + n}`)),
    orders: async () =>
      (await world.told()).map((text) => parseControlMessage(text, { now: world.now(), ttlMs: HOUR })),
  };
  return use;
}

/** Every page of the list. */
async function all(from: RevocationStore): Promise<Revocation[]> {
  const found: Revocation[] = [];
  for (;;) {
    const { revocations } = await from.list(found.length);
    found.push(...revocations);
    if (revocations.length < MAX_REVOCATIONS_PER_CALL) return found;
  }
}
