/**
 * Subscription: what the application holds of a channel.
 *
 * Several of them share the server's one subscription to their channel (shared-subscription.ts), which
 * outlives connections. It ends by `unsubscribe()`, or when the server refuses or withdraws the channel for
 * good.
 */
import type { BackoffOptions, Json, Position } from "@holdfast/protocol";
import type { Clock } from "../clock.js";
import type { ServerConnection } from "../connection/link.js";
import type { Emitter } from "../emitter.js";
import type { GetToken } from "../token-source.js";
import type { HoldfastError } from "../wire/errors.js";
import type { Publication } from "../wire/inbound.js";
import type { Gap } from "./position.js";
import type { Presence } from "./presence.js";
import type { PresenceEvents } from "./presence-watch.js";

export interface SubscriptionEvents<Data = Json> extends PresenceEvents {
  readonly publication: Publication<Data>;
  /** Publications arrive from now on. Comes again after each reconnect. */
  readonly subscribed: { readonly channel: string };
  /** After a reconnect, everything that was missed has been delivered: `count` publications. */
  readonly recovered: { readonly channel: string; readonly count: number };
  /**
   * Publications were missed that cannot be had any more, or that is not known: fetch the state by other
   * means.
   */
  readonly gap: Gap;
  /** It has ended: by `unsubscribe()` without an error, otherwise by the server. */
  readonly unsubscribed: { readonly channel: string; readonly error: HoldfastError | undefined };
  /** The server refused. A temporary error is retried with backoff, any other ends the subscription. */
  readonly error: HoldfastError;
}

/** `subscribing` also while there is no connection. */
export type SubscriptionState = "subscribing" | "subscribed" | "unsubscribed";

export interface SubscribeOptions {
  /**
   * Where to begin: what came after it is delivered first, or a `gap` told. Counts for a channel's first
   * subscription.
   */
  readonly since?: Position;
  /**
   * Where the channel needs a token of its own: asked for one before each subscribe, and when it is about to
   * end. Counts for all subscriptions to the channel; the last one given counts.
   */
  readonly token?: GetToken;
  /**
   * Follow who is there: `true` with joins and leaves, "snapshot" where the channel's namespace does not tell
   * those. Counts for all subscriptions to the channel.
   */
  readonly presence?: boolean | "snapshot";
}

/** What the client delivers is JSON; `Data` is the application's word for it. */
export type Handle = Emitter<SubscriptionEvents>;

/** What a subscription needs of the shared subscription behind it. */
export interface Share {
  readonly channel: string;
  stateOf(handle: Handle): SubscriptionState;
  positionOf(handle: Handle): Position | undefined;
  readonly presence: Presence | undefined;
  releaseHandle(handle: Handle): void;
  /** The handle has ended and is wanted again: what shares the channel out to it from now on. */
  wantAgain(handle: Handle, options: SubscribeOptions): Share;
}

/** Sends commands while there is a connection. */
export type RequestSender = Pick<ServerConnection, "request">;

/** What a shared subscription is given. */
export interface SharedSubscriptionOptions {
  readonly backoff: BackoffOptions;
  readonly clock: Clock;
  readonly random: () => number;
  /** Every refusal is told here too. */
  problem(error: HoldfastError): void;
  /** No handle wants it any more and the server does not hold it; called before the handles are told. */
  gone(share: Share): void;
  /** A handle that has ended is wanted again, by whatever shares its channel out now. */
  again(channel: string, handle: Handle, options: SubscribeOptions): Share;
}

export class Subscription<Data = Json> {
  readonly channel: string;
  readonly #events: Handle;
  readonly #options: SubscribeOptions;
  #share: Share;

  /** Made by `client.subscribe`. */
  constructor(share: Share, events: Handle, options: SubscribeOptions) {
    this.channel = share.channel;
    this.#share = share;
    this.#events = events;
    this.#options = options;
  }

  get state(): SubscriptionState {
    return this.#share.stateOf(this.#events);
  }

  /**
   * How far it has read, the publication that is being delivered included. To be kept and given as `since` by
   * an application that wants to go on after a restart. Undefined where the channel keeps no history, and
   * once it has ended.
   */
  get position(): Position | undefined {
    return this.#share.positionOf(this.#events);
  }

  /**
   * Who is there, as far as it is known; undefined where no subscription to the channel asked for it. Another
   * object after each change, which the event `presence` tells.
   */
  get presence(): Presence | undefined {
    return this.#share.presence;
  }

  /** Adds a listener and returns what removes it. */
  on<Name extends keyof SubscriptionEvents>(
    name: Name,
    listener: (value: SubscriptionEvents<Data>[Name]) => void,
  ): () => void {
    return this.#events.on(name, listener as never);
  }

  /**
   * Subscribes again after the subscription has ended: when the server had refused it for good and the reason
   * is gone, or after `unsubscribe()`. It goes on from where it had read, with the same listeners and
   * options. Without effect while it lasts.
   */
  subscribe(): void {
    if (this.state === "unsubscribed") this.#share = this.#share.wantAgain(this.#events, this.#options);
  }

  /** Ends this subscription. The server is told when it was the channel's last one. Idempotent. */
  unsubscribe(): void {
    this.#share.releaseHandle(this.#events);
  }
}
