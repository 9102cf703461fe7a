/**
 * The revocations in memory: those of an instance with the embedded broker, and the double of tests.
 *
 * Bounded: `maxRevocations`, and `MAX_SPENT` things used up; both forget what has expired when something is
 * added.
 */
import { BrokerUnavailable } from "../broker/broker.js";
import { orderText, revokeOrder } from "./control-message.js";
import {
  MAX_REVOCATIONS_PER_CALL,
  type Revocation,
  type RevocationPage,
  type RevocationStore,
  RevocationsFull,
  type Subject,
} from "./revocation-store.js";

const MAX_SPENT = 1_000_000;

export interface MemoryRevocationsOptions {
  readonly maxRevocations: number;
  /** ms since 1970. */
  readonly now: () => number;
  /** Says an order on the topic `control`. */
  readonly tell: (order: string) => void;
}

export class MemoryRevocations implements RevocationStore {
  readonly #options: MemoryRevocationsOptions;
  readonly #kept = new Map<Subject, Revocation>();
  /** In the order in which they were used up. */
  readonly #spent = new Map<string, number>();
  #version = 0;

  constructor(options: MemoryRevocationsOptions) {
    this.#options = options;
  }

  async add(revocations: readonly Revocation[]): Promise<void> {
    const { maxRevocations, now, tell } = this.#options;
    const current = revocations.filter(({ until }) => until > now());
    const strangers = new Set(current.map(({ subject }) => subject).filter((each) => !this.#kept.has(each)));
    if (this.#kept.size + strangers.size > maxRevocations) {
      this.#forgetExpired();
      if (this.#kept.size + strangers.size > maxRevocations) throw new RevocationsFull(maxRevocations);
    }
    for (const revocation of current) {
      const each = this.#merged(revocation);
      if (each === undefined) continue;
      // Behind all others: a reader that goes page by page, newest first, does not miss what stands still.
      this.#kept.delete(each.subject);
      this.#kept.set(each.subject, each);
      this.#version++;
      tell(orderText(revokeOrder(each, true)));
    }
  }

  async list(from: number, known?: string): Promise<RevocationPage> {
    const version = String(this.#version);
    if (version === known) return { version, revocations: [] };
    if (from === 0) this.#forgetExpired();
    const newestFirst = [...this.#kept.values()].reverse();
    return { version, revocations: newestFirst.slice(from, from + MAX_REVOCATIONS_PER_CALL) };
  }

  async spend(id: string, forMs: number): Promise<boolean> {
    const now = this.#options.now();
    for (const [oldest, end] of this.#spent) {
      if (end > now) break;
      this.#spent.delete(oldest);
    }
    if ((this.#spent.get(id) ?? 0) > now) return false;
    if (this.#spent.size >= MAX_SPENT) throw new BrokerUnavailable(`${MAX_SPENT} tickets are used up`);
    this.#spent.set(id, now + forMs);
    return true;
  }

  /** What is to be kept after this one; undefined when it brings nothing new. */
  #merged(revocation: Revocation): Revocation | undefined {
    const kept = this.#kept.get(revocation.subject);
    if (kept === undefined) return revocation;
    const at = Math.max(kept.at, revocation.at);
    const until = Math.max(kept.until, revocation.until);
    return at === kept.at && until === kept.until ? undefined : { subject: kept.subject, at, until };
  }

  #forgetExpired(): void {
    const now = this.#options.now();
    for (const [subject, { until }] of this.#kept) if (until <= now) this.#kept.delete(subject);
  }
}
