/**
 * The revocations as this worker knows them: the store's list in memory, so that a connect costs no question.
 *
 *     unknown ──first load──► known        (no client with a token is admitted before that)
 *
 * The worker listens to `control` first and loads the list then, so nothing falls in between; it loads again
 * when the broker is back, and asks for the list's version every `CHECK_INTERVAL_MS`, since a publication may
 * be lost. Invariant: what was learned is refused until it expires, also when the store has forgotten it: a
 * failover does not undo a revocation, and who knows one that the store lacks brings it back.
 */
import { type ErrorCode, errors } from "@holdfast/protocol";
import type { Clock } from "../runtime/clock.js";
import type { Logger } from "../runtime/logger.js";
import type { Metrics } from "../runtime/metrics.js";
import { type Ticker, ticks } from "../runtime/ticker.js";
import type { RevokeOrder } from "./control-message.js";
import {
  MAX_REVOCATIONS_PER_CALL,
  type Revocation,
  type RevocationStore,
  RevocationsFull,
  type Subject,
} from "./revocation-store.js";

const CHECK_INTERVAL_MS = 30_000;

/** What can be revoked of an identity. An anonymous one has nothing. */
export interface RevocableIdentity {
  readonly user?: string | undefined;
  /** The token's `jti`. */
  readonly tokenId?: string | undefined;
  /** When the token was issued, ms since 1970. */
  readonly issuedAt?: number | undefined;
}

export interface RevocationsParts {
  readonly store: RevocationStore;
  /** How far the clocks of issuers and of instances may be apart, ms. */
  readonly leewayMs: number;
  readonly clock: Clock;
  readonly ticker: Ticker;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Uniform in [0, 1): workers do not ask all at once. */
  readonly random: () => number;
  /** Something is refused that was not. */
  readonly news: () => void;
}

export class Revocations {
  readonly #parts: RevocationsParts;
  readonly #held = new Map<Subject, Revocation>();
  #version: string | undefined;
  /**
   * Whether the store did not take what it lacks: then the next check reads the whole list again, to see what
   * that is.
   */
  #owes = false;
  #loading: Promise<void> | undefined;
  #checkTick: number;

  constructor(parts: RevocationsParts) {
    this.#parts = parts;
    this.#checkTick = parts.ticker.tick + Math.ceil(ticks(CHECK_INTERVAL_MS) * (0.5 + parts.random() / 2));
  }

  /** Whether the list was read at least once. */
  get known(): boolean {
    return this.#version !== undefined;
  }

  /** How many are held. */
  get size(): number {
    return this.#held.size;
  }

  /** Why what was proven is not taken all the same: `Authentication` asks. `user`: whose it is. */
  veto(proven: RevocableIdentity, user: string | undefined): ErrorCode | undefined {
    const { tokenId, issuedAt } = proven;
    if (user === undefined && tokenId === undefined) return undefined;
    if (!this.known) return errors.unavailable;
    if (!this.refuses({ user, tokenId, issuedAt })) return undefined;
    this.#parts.metrics.add("revoked_refused", 1);
    return errors.tokenRevoked;
  }

  /** Whether these are refused now. `key`: the session's, where one goes on. */
  refuses({ user, tokenId, issuedAt }: RevocableIdentity, key?: string): boolean {
    if (this.#held.size === 0) return false;
    if (key !== undefined && this.#holds(`session:${key}`) !== undefined) return true;
    if (tokenId !== undefined && this.#holds(`token:${tokenId}`) !== undefined) return true;
    const ofUser = user === undefined ? undefined : this.#holds(`user:${user}`);
    // A token that does not say when it was issued may be an old one. So may one whose `iat` lies a little
    // behind the revocation: its issuer's clock may be ahead of the clock that dated the revocation.
    return ofUser !== undefined && (issuedAt === undefined || issuedAt <= ofUser.at + this.#parts.leewayMs);
  }

  /** An order was heard. One that did not come from the store is stored there, for workers that are away. */
  learn({ revocation, stored }: RevokeOrder): void {
    if (this.#take(revocation)) this.#parts.news();
    if (!stored) void this.#bring([revocation]);
  }

  /**
   * Reads the list, unless it is the one that is known. Rejects when the store cannot be asked. Joins one
   * under way.
   */
  load(): Promise<void> {
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  /** On every tick. */
  turn(): void {
    if (this.#parts.ticker.tick < this.#checkTick) return;
    this.#checkTick = this.#parts.ticker.tick + ticks(CHECK_INTERVAL_MS);
    this.#forgetExpired();
    // Not before the first load, whose failures are reported by its caller.
    if (this.known) this.reload();
  }

  /** Loads in the background; a failure is left to the next check. */
  reload(): void {
    this.load().catch((error: unknown) =>
      this.#parts.logger.debug({ err: error }, "could not read the revocations"),
    );
  }

  async #load(): Promise<void> {
    const { store, news } = this.#parts;
    const first = await store.list(0, this.#owes ? undefined : this.#version);
    if (first.version === this.#version && !this.#owes) return;
    this.#owes = false;
    const listed = new Set<Subject>();
    let changed = false;
    for (let page = first, from = 0; page.revocations.length > 0; ) {
      for (const each of page.revocations) {
        listed.add(each.subject);
        changed = this.#take(each) || changed;
      }
      from += page.revocations.length;
      if (page.revocations.length < MAX_REVOCATIONS_PER_CALL) break;
      page = await store.list(from);
    }
    this.#version = first.version;
    if (changed) news();
    this.#forgetExpired();
    const lost = [...this.#held.values()].filter(({ subject }) => !listed.has(subject));
    for (let at = 0; at < lost.length; at += MAX_REVOCATIONS_PER_CALL)
      if (!(await this.#bring(lost.slice(at, at + MAX_REVOCATIONS_PER_CALL)))) return;
  }

  /** Keeps what is news. The later moments win, as in the store. */
  #take(revocation: Revocation): boolean {
    const { subject } = revocation;
    if (!this.#isGood(revocation)) return false;
    const held = this.#held.get(subject);
    const at = Math.max(revocation.at, held?.at ?? 0);
    const until = Math.max(revocation.until, held?.until ?? 0);
    if (held !== undefined && at === held.at && until === held.until) return false;
    this.#held.set(subject, { subject, at, until });
    return true;
  }

  #holds(subject: Subject): Revocation | undefined {
    const held = this.#held.get(subject);
    return held !== undefined && this.#isGood(held) ? held : undefined;
  }

  #forgetExpired(): void {
    for (const [subject, held] of this.#held) if (!this.#isGood(held)) this.#held.delete(subject);
  }

  /** A token is taken for the leeway after its end, so what revokes it lasts as long. */
  #isGood({ until }: Revocation): boolean {
    return until + this.#parts.leewayMs > this.#parts.clock.now();
  }

  /** False when the store did not take them. The next check tries again, unless there is no room. */
  async #bring(revocations: readonly Revocation[]): Promise<boolean> {
    try {
      await this.#parts.store.add(revocations);
      return true;
    } catch (error) {
      this.#owes = !(error instanceof RevocationsFull);
      this.#parts.logger.warn(
        { err: error, revocations: revocations.length },
        "could not keep a revocation for instances that are away",
      );
      return false;
    }
  }
}
