/**
 * Questions to the application, as core asks them: what an answer means to a client, and what one client may
 * ask at once.
 *
 * Fails closed: a no is `denied`, with the application's reason, and no answer is `try_later`.
 * Invariants: a connection has at most `maxPending` questions pending, and is remembered only while it has
 * one; the answers about its publications come in the order in which it published, or it would publish in
 * another.
 */
import { type Data, type ErrorCode, errors, sessionKey, userOf } from "@holdfast/protocol";
import type { Metrics } from "../runtime/metrics.js";
import type { Authorizer, ConnectQuestion, Consent, Refusal } from "./authorizer.js";
import type { Identity } from "./identity.js";

/** The connection whose client asks. */
export interface Asker {
  readonly id: string;
  readonly session: { readonly user: string | undefined } | undefined;
}

/** A channel that a client waits for, and may have given up meanwhile. */
interface Wish {
  readonly channel: string;
  withdrawn: boolean;
}

interface Pending {
  count: number;
  readonly wishes: Set<Wish>;
  /** The answer about the last publication, after those before it. */
  publications: Promise<unknown> | undefined;
}

export class ApplicationChecks {
  readonly #authorizer: Authorizer | undefined;
  readonly #maxPending: number;
  readonly #metrics: Metrics;
  readonly #pending = new Map<Asker, Pending>();

  /** `authorizer` undefined: no application is asked. */
  constructor(authorizer: Authorizer | undefined, maxPending: number, metrics: Metrics) {
    this.#authorizer = authorizer;
    this.#maxPending = maxPending;
    this.#metrics = metrics;
  }

  /** Connections with a question pending. */
  get size(): number {
    return this.#pending.size;
  }

  /** Whether the application says which user a client is. */
  get decideConnect(): boolean {
    return this.#authorizer?.connect !== undefined;
  }

  /** Whether the application may allow the channel to this identity. Another user's own channel it cannot. */
  decideSubscribe(identity: Identity, channel: string): boolean {
    return this.#authorizer?.subscribe !== undefined && mayBeAllowed(identity, channel);
  }

  /** Likewise, to publish. */
  decidePublish(identity: Identity, channel: string): boolean {
    return this.#authorizer?.publish !== undefined && mayBeAllowed(identity, channel);
  }

  /** Asks which user a client is. The caller looks at the identity as at any that was proven. */
  async connect(question: ConnectQuestion): Promise<{ identity: Identity } | { error: ErrorCode }> {
    const admission = await (this.#authorizer?.connect?.(question) ?? UNANSWERED);
    return admission.kind === "yes" ? { identity: admission.identity } : { error: this.#row(admission) };
  }

  /** Why it may not subscribe. Never rejects. */
  async subscribe(connection: Asker, channel: string): Promise<ErrorCode | undefined> {
    const { subscribe } = this.#authorizer ?? {};
    const wish: Wish = { channel, withdrawn: false };
    const error = await this.#ask(connection, ({ wishes }) => {
      wishes.add(wish);
      return subscribe?.({ ...asker(connection), channel }) ?? UNANSWERED;
    });
    this.#pending.get(connection)?.wishes.delete(wish);
    return wish.withdrawn ? errors.notSubscribed : error;
  }

  /** The connection does not want the channel any more. True where it was waited for. */
  withdraw(connection: Asker, channel: string): boolean {
    let found = false;
    for (const wish of this.#pending.get(connection)?.wishes ?? []) {
      if (wish.channel !== channel || wish.withdrawn) continue;
      wish.withdrawn = true;
      found = true;
    }
    return found;
  }

  /** Why it may not publish this, JSON text or bytes. Never rejects. */
  publish(
    connection: Asker,
    channel: string,
    data: Data,
    traceparent?: string,
  ): Promise<ErrorCode | undefined> {
    const { publish } = this.#authorizer ?? {};
    const before = this.#pending.get(connection)?.publications;
    const answer = this.#ask(
      connection,
      () => publish?.({ ...asker(connection), channel, data, traceparent }) ?? UNANSWERED,
    );
    const inTurn = before === undefined ? answer : before.then(() => answer);
    const pending = this.#pending.get(connection);
    if (pending !== undefined) pending.publications = inTurn;
    return inTurn;
  }

  async #ask(
    connection: Asker,
    question: (pending: Pending) => Promise<Consent> | Consent,
  ): Promise<ErrorCode | undefined> {
    let pending = this.#pending.get(connection);
    if (pending === undefined) {
      pending = { count: 0, wishes: new Set(), publications: undefined };
      this.#pending.set(connection, pending);
    }
    if (pending.count >= this.#maxPending) return this.#row(UNANSWERED);
    pending.count++;
    try {
      const consent = await question(pending);
      return consent.kind === "yes" ? undefined : this.#row(consent);
    } finally {
      pending.count--;
      if (pending.count === 0) this.#pending.delete(connection);
    }
  }

  #row(refusal: Refusal): ErrorCode {
    this.#metrics.add(refusal.kind === "no" ? "webhooks_denied" : "webhooks_unanswered", 1);
    if (refusal.kind === "unanswered") return errors.tryLater;
    return refusal.reason === undefined ? errors.denied : { ...errors.denied, message: refusal.reason };
  }
}

const UNANSWERED: { readonly kind: "unanswered" } = Object.freeze({ kind: "unanswered" });

function asker({ id, session }: Asker): { session: string; user: string | undefined } {
  return { session: sessionKey(id), user: session?.user };
}

function mayBeAllowed({ user }: Identity, channel: string): boolean {
  const owner = userOf(channel);
  return owner === undefined || owner === user;
}
