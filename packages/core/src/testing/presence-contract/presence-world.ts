/**
 * What the suites of the presence store run against: a world made anew for each test, and what they say and
 * read in it.
 *
 * Invariant: after a test its broker is closed, then its world.
 */
import { afterEach, beforeEach, expect } from "@jest/globals";
import type { Broker } from "../../broker/broker.js";
import { presenceTopic } from "../../broker/topic.js";
import type { PresenceRule } from "../../namespace.js";
import type {
  Lease,
  MembersPage,
  PresenceChange,
  PresenceNews,
  PresenceStore,
  StoredMember,
  Transition,
} from "../../presence/store.js";
import { BrokerListener } from "../broker-listener.js";

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

export const ROOM = "room:1";
export const SESSIONS: PresenceRule = { joinLeave: "session", maxListed: 100 };
export const USERS: PresenceRule = { joinLeave: "user", maxListed: 100 };
/** Short, because some stores have real clocks; long beside a slow machine's answer. */
export const LEASE_MS = 600;
/** Beyond a lease's end, for stores that let clocks differ. */
export const LAPSED_MS = LEASE_MS + 700;

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

export function drop(...sessions: readonly string[]): PresenceChange[] {
  return sessions.map((session) => ({ kind: "drop", session }));
}

/** The world of the test that runs, with one worker's store and a broker that hears the news. */
export class PresenceTest {
  #parts: { world: PresenceWorld; store: PresenceStore; listener: BrokerListener } | undefined;
  #marks = 0;

  constructor(factory: () => PresenceWorld | Promise<PresenceWorld>) {
    beforeEach(async () => {
      const world = await factory();
      const store = await world.store();
      const listener = new BrokerListener(world.broker());
      this.#parts = { world, store, listener };
      await listener.reach("ready");
    });
    afterEach(async () => {
      await this.listener().broker.close();
      await this.world().close();
    });
  }

  world(): PresenceWorld {
    return this.#running().world;
  }

  store(): PresenceStore {
    return this.#running().store;
  }

  listener(): BrokerListener {
    return this.#running().listener;
  }

  /** A lease that begins now. */
  async begin(id: string, at = this.store(), forMs = 60_000): Promise<Lease> {
    const { held, until } = await at.renew(id, forMs, true);
    expect(held).toBe(true);
    return { id, until };
  }

  async change(
    lease: Lease,
    changes: readonly PresenceChange[],
    rule = SESSIONS,
    at = this.store(),
    channel = ROOM,
  ): Promise<"lapsed" | readonly Transition[]> {
    const outcome = await at.change(channel, lease, changes, rule);
    return outcome.kind === "lapsed" ? "lapsed" : outcome.transitions;
  }

  /** All that was published about the room so far. */
  async news(): Promise<PresenceNews[]> {
    const mark = `"mark ${++this.#marks}"`;
    await this.listener().broker.publish(presenceTopic(ROOM), mark);
    const texts = await this.listener().upTo(mark);
    return texts
      .map(String)
      .flatMap((text) => (text.startsWith("{") ? [JSON.parse(text) as PresenceNews] : []));
  }

  /** The same, once there are so many. */
  async heard(count: number): Promise<PresenceNews[]> {
    for (;;) {
      const all = await this.news();
      if (all.length >= count) return all;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** The channel's sessions, in order. */
  async sessions(channel = ROOM): Promise<string[]> {
    const found: string[] = [];
    let page: MembersPage | undefined;
    do {
      page = await this.store().read(channel, 1000, page?.next);
      found.push(...page.members.map((text) => (JSON.parse(text) as { session: string }).session));
    } while (page.next !== undefined);
    return found.sort();
  }

  async numbers(): Promise<{ readonly users: number; readonly sessions: number }> {
    const { users, sessions } = await this.store().read(ROOM, 0);
    return { users, sessions };
  }

  #running(): { world: PresenceWorld; store: PresenceStore; listener: BrokerListener } {
    if (this.#parts === undefined) throw new Error("no test is running");
    return this.#parts;
  }
}
