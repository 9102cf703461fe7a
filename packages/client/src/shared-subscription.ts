/**
 * Shared subscription: the server's one subscription to a channel, wanted by any number of handles.
 *
 * A handle is the emitter of one Subscription. What is wanted and what the server holds are reconciled at each answer.
 * Invariants: at most one command about the channel is in flight; a temporary refusal is retried with the protocol's
 * backoff; an answer that belongs to an earlier state or link is ignored.
 */
import { type BackoffOptions, backoffDelay, errors, type SubscribeOutcome } from "@holdfast/protocol";
import type { Clock, Timer } from "./clock.js";
import { Emitter } from "./emitter.js";
import { HoldfastError } from "./errors.js";
import type { Publication } from "./inbound.js";
import type { Settle } from "./pending.js";
import { type Share, Subscription, type SubscriptionEvents, type SubscriptionState } from "./subscription.js";

/** Sends commands while there is a connection. */
export interface Wire {
  request(op: "subscribe" | "unsubscribe", body: { readonly channel: string }, settle: Settle): void;
}

export interface SharedSubscriptionOptions {
  readonly backoff: BackoffOptions;
  readonly clock: Clock;
  readonly random: () => number;
  /** Every refusal is told here too. */
  problem(error: HoldfastError): void;
  /** Nobody wants it any more and the server does not hold it; called before the handles are told. */
  gone(share: SharedSubscription): void;
}

type Handle = Emitter<SubscriptionEvents>;

type State =
  /** No connection: the connect command will ask for the channel. */
  | { readonly t: "offline" }
  | { readonly t: "asking" | "held" | "leaving"; readonly wire: Wire }
  | { readonly t: "waiting"; readonly wire: Wire; readonly timer: Timer }
  | { readonly t: "gone" };

export class SharedSubscription implements Share {
  readonly channel: string;
  readonly #options: SharedSubscriptionOptions;
  readonly #handles = new Set<Handle>();
  #state: State = { t: "offline" };
  /** Temporary refusals in a row on this connection. */
  #retries = 0;

  constructor(channel: string, options: SharedSubscriptionOptions) {
    this.channel = channel;
    this.#options = options;
  }

  /** Adds a handle. Without a `wire` there is no connection. */
  add(wire: Wire | undefined): { readonly subscription: Subscription; readonly events: Handle } {
    const events: Handle = new Emitter();
    this.#handles.add(events);
    if (this.#state.t === "offline" && wire !== undefined) this.#ask(wire);
    // After the caller had time to listen.
    else if (this.#state.t === "held") queueMicrotask(() => this.#tellLate(events));
    return { subscription: new Subscription(this, events), events };
  }

  stateOf(handle: Handle): SubscriptionState {
    if (!this.#handles.has(handle)) return "unsubscribed";
    return this.#state.t === "held" ? "subscribed" : "subscribing";
  }

  release(handle: Handle): void {
    if (!this.#handles.delete(handle)) return;
    if (this.#handles.size === 0) {
      if (this.#state.t === "held") this.#leave(this.#state.wire);
      else if (this.#state.t === "offline" || this.#state.t === "waiting") this.#retire();
    }
    handle.emit("unsubscribed", { channel: this.channel, error: undefined });
  }

  /** A new connection. `outcome` is its answer about this channel, if the connect command asked for it. */
  connected(wire: Wire, outcome: SubscribeOutcome | undefined): void {
    this.#retries = 0;
    if (outcome === undefined) this.#ask(wire);
    else this.#answered(wire, refusalOf(outcome));
  }

  /** The connection is gone. */
  lost(): void {
    if (this.#state.t === "waiting") this.#state.timer.cancel();
    this.#state = { t: "offline" };
    if (this.#handles.size === 0) this.#retire();
  }

  publication(publication: Publication): void {
    for (const handle of [...this.#handles]) handle.emit("publication", publication);
  }

  /** The server took the channel away. */
  unsubscribed(code: number): void {
    if (this.#state.t === "held") this.#refused(this.#state.wire, HoldfastError.fromCode(code));
  }

  #ask(wire: Wire): void {
    const asking: State = { t: "asking", wire };
    this.#state = asking;
    wire.request("subscribe", { channel: this.channel }, (outcome) => {
      if (this.#state === asking) this.#answered(wire, outcome.ok ? undefined : outcome.error);
    });
  }

  #answered(wire: Wire, refusal: HoldfastError | undefined): void {
    if (refusal !== undefined && refusal.code !== errors.alreadySubscribed.code) {
      return this.#refused(wire, refusal);
    }
    this.#retries = 0;
    this.#state = { t: "held", wire };
    if (this.#handles.size === 0) return this.#leave(wire);
    for (const handle of [...this.#handles]) handle.emit("subscribed", { channel: this.channel });
  }

  #refused(wire: Wire, refusal: HoldfastError): void {
    const told = [...this.#handles];
    if (told.length === 0) return this.#retire();
    if (refusal.temporary) {
      const { backoff, clock, random } = this.#options;
      const delayMs = backoffDelay(this.#retries++, random(), 0, backoff);
      this.#state = { t: "waiting", wire, timer: clock.after(delayMs, () => this.#ask(wire)) };
    } else {
      this.#handles.clear();
      this.#retire();
    }
    this.#options.problem(refusal);
    for (const handle of told) {
      handle.emit("error", refusal);
      if (!refusal.temporary) handle.emit("unsubscribed", { channel: this.channel, error: refusal });
    }
  }

  #leave(wire: Wire): void {
    const leaving: State = { t: "leaving", wire };
    this.#state = leaving;
    wire.request("unsubscribe", { channel: this.channel }, () => {
      if (this.#state !== leaving) return;
      // A refusal can only mean that the server does not hold it either.
      if (this.#handles.size === 0) this.#retire();
      else this.#ask(wire);
    });
  }

  #retire(): void {
    if (this.#state.t === "waiting") this.#state.timer.cancel();
    this.#state = { t: "gone" };
    this.#options.gone(this);
  }

  #tellLate(handle: Handle): void {
    if (this.stateOf(handle) === "subscribed") handle.emit("subscribed", { channel: this.channel });
  }
}

function refusalOf(outcome: SubscribeOutcome): HoldfastError | undefined {
  const error = (outcome as { readonly error?: unknown } | null)?.error;
  return error === undefined ? undefined : HoldfastError.fromReply(error);
}
