/**
 * Presence in the simulated broker: the store in memory on the simulated time. It loses its data when the
 * server does, or alone (`forget`), which no link notices.
 *
 * `flaw` breaks a promise of presence-store.ts on purpose, so that tests can show that the checker notices.
 */

import type { Topic } from "../../broker/topic.js";
import { MemoryPresence } from "../../presence/memory.js";
import type { PresenceChange, PresenceNews, PresenceStore } from "../../presence/store.js";
import type { Random } from "./random.js";
import type { Schedule } from "./schedule.js";

export const PRESENCE_FLAWS = [
  /** A session belongs to the worker whose `put` came last, whatever the count. */
  "arrival-order",
  /** A session stays with its first worker, whatever the count. */
  "first-worker",
  /** Of equal counts the last worker alone has the session. */
  "equal-counts-last",
  /** Of equal counts the first worker alone has the session. */
  "equal-counts-first",
  /** Members of a lease that is over stay. */
  "no-reaping",
  /** A lease is held, also where the store knows nothing of it. */
  "false-lease",
  /** Now and then a `put` is answered and not done. */
  "lost-put",
  /** Now and then news says joined instead of left, and the other way round. */
  "wrong-news",
] as const;

export type PresenceFlaw = (typeof PRESENCE_FLAWS)[number];

/** When the simulated time begins, ms since 1970. */
export const EPOCH_MS = Date.UTC(2024, 0, 1);
/** How long a worker has to end a lapsed lease, ms of simulated time. */
const ENDING_MS = 1000;
const OFTEN = 0.1;
/** Between two counts there is room for so many puts. */
const PUTS = 1_000_000;

export class SimPresence implements PresenceStore {
  readonly #schedule: Schedule;
  readonly #random: Random;
  readonly #deliver: (topic: Topic, news: string) => void;
  readonly #flaw: string | undefined;
  #store: MemoryPresence;
  #puts = 0;

  constructor(
    schedule: Schedule,
    random: Random,
    deliver: (topic: Topic, news: string) => void,
    flaw: string | undefined,
  ) {
    this.#schedule = schedule;
    this.#random = random;
    this.#deliver = deliver;
    this.#flaw = flaw;
    this.#store = this.#newStore();
  }

  /** All leases and members are gone. */
  forget(): void {
    this.#store = this.#newStore();
  }

  /** A session comes and goes at once: news for all, so that a view that missed some learns it. */
  async visit(channel: string): Promise<void> {
    const id = "visitor.1";
    const { until } = await this.#store.renew(id, 1, true);
    const member = { session: "visitor", text: '{"session":"visitor"}' };
    const changes = [
      { kind: "put", member },
      { kind: "drop", session: "visitor" },
    ] as const;
    await this.#store.change(channel, { id, until }, changes, { joinLeave: "session", maxListed: 500 });
    await this.#store.end(id);
  }

  renew(id: string, forMs: number, begin: boolean): ReturnType<PresenceStore["renew"]> {
    return this.#store.renew(id, forMs, begin || this.#flaw === "false-lease");
  }

  change(...[channel, lease, changes, rule]: Parameters<PresenceStore["change"]>) {
    return this.#store.change(channel, lease, this.#flaw === undefined ? changes : this.#bent(changes), rule);
  }

  read(...query: Parameters<PresenceStore["read"]>): ReturnType<PresenceStore["read"]> {
    return this.#store.read(...query);
  }

  async end(id: string): Promise<void> {
    if (this.#flaw !== "no-reaping") await this.#store.end(id);
  }

  #newStore(): MemoryPresence {
    const publish = (topic: Topic, text: string): undefined => {
      this.#deliver(topic, this.#flaw === "wrong-news" ? this.#wrong(text) : text);
    };
    const schedule = this.#schedule;
    const clock = { now: () => EPOCH_MS + schedule.now, monotonic: () => schedule.now };
    return new MemoryPresence({ publish }, clock, ENDING_MS);
  }

  #bent(changes: readonly PresenceChange[]): readonly PresenceChange[] {
    return changes.flatMap((change): PresenceChange[] => {
      if (change.kind === "drop") return [change];
      if (this.#flaw === "lost-put" && this.#random.chance(OFTEN)) return [];
      return [{ ...change, member: { ...change.member, count: this.#bentCount(change.member.count ?? 0) } }];
    });
  }

  #bentCount(count: number): number {
    const puts = ++this.#puts;
    switch (this.#flaw) {
      case "arrival-order":
        return puts;
      case "first-worker":
        return PUTS - puts;
      case "equal-counts-last":
        return count * PUTS + puts;
      case "equal-counts-first":
        return count * PUTS - puts;
      default:
        return count;
    }
  }

  #wrong(text: string): string {
    if (!this.#random.chance(OFTEN)) return text;
    const news = JSON.parse(text) as PresenceNews;
    const steps = news.steps?.map(([came, told, member]) => [1 - came, told, member]);
    return JSON.stringify({ ...news, steps });
  }
}
