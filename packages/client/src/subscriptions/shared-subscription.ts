/**
 * Shared subscription: the server's one subscription to a channel, wanted by any number of handles.
 *
 * A handle is the emitter of one Subscription. What is wanted and what the server holds are reconciled at
 * each answer. Invariants: at most one command about the channel is in flight; a temporary refusal is retried
 * with the protocol's backoff; an answer that belongs to an earlier state or connection is ignored. A
 * publication with an offset is delivered only where the channel position lets it through; after a hole none
 * is, until the server has answered what was missed.
 */
import {
  type BackoffOptions,
  backoffDelay,
  type Position,
  type SubscribeOutcome,
  type SubscribeRequest,
} from "@holdfast/protocol";
import type { Clock, Timer } from "../clock.js";
import type { ServerConnection } from "../connection/link.js";
import { Refresh } from "../connection/refresh.js";
import { Emitter } from "../emitter.js";
import { TokenProvider } from "../token-source.js";
import { ALREADY_SUBSCRIBED, TOKEN_EXPIRED } from "../wire/codes.js";
import { clientErrors, HoldfastError } from "../wire/errors.js";
import {
  type ChannelPush,
  type GapPush,
  type LivePublication,
  readSubscribeAnswer,
  type Stored,
} from "../wire/inbound.js";
import { ChannelPosition } from "./position.js";
import type { Presence } from "./presence.js";
import { PresenceWatch } from "./presence-watch.js";
import type {
  Handle,
  Share,
  SubscribeOptions,
  SubscriptionEvents,
  SubscriptionState,
} from "./subscription.js";

/** Sends commands while there is a connection. */
export type RequestSender = Pick<ServerConnection, "request">;

/** How long a token for a channel may take, ms. */
const TOKEN_TIMEOUT_MS = 10_000;

export interface SharedSubscriptionOptions {
  readonly backoff: BackoffOptions;
  readonly clock: Clock;
  readonly random: () => number;
  /** Every refusal is told here too. */
  problem(error: HoldfastError): void;
  /** No handle wants it any more and the server does not hold it; called before the handles are told. */
  gone(share: SharedSubscription): void;
  /** A handle that has ended is wanted again, by whatever shares its channel out now. */
  again(channel: string, handle: Handle, options: SubscribeOptions): Share;
}

/** What one command asked for. */
export interface ChannelRequest {
  /** Everything after this; compared by identity. */
  readonly since: Position | undefined;
  readonly wish: { readonly presence?: boolean; readonly joinLeave?: boolean };
}

type State =
  /** Offline: without a connection; the connect command will ask for the channel. */
  | { readonly t: "offline" | "held" | "leaving" | "asking" | "gone"; readonly timer?: undefined }
  /** For the token to ask with, or for the time to ask again. */
  | { readonly t: "authorizing" | "waiting"; readonly timer: Timer };

export class SharedSubscription implements Share {
  readonly channel: string;
  readonly #options: SharedSubscriptionOptions;
  readonly #handles = new Set<Handle>();
  readonly #position: ChannelPosition;
  readonly #refresh: Refresh;
  /** Where the channel's own tokens come from, if it has any. */
  #tokens: TokenProvider | undefined;
  /** The members of the channel, where a handle asked for them. */
  #watch: PresenceWatch | undefined;
  #wantsJoinLeave = false;
  /** The last connection; used in the states of one that lives. */
  #wire: RequestSender | undefined;
  #state: State = { t: "offline" };
  /** Whether the application has been told `subscribed`: what comes later is a return. */
  #heard = false;
  /** Temporary refusals and holes on this connection since a publication came as it should. */
  #retries = 0;

  constructor(channel: string, options: SharedSubscriptionOptions) {
    this.channel = channel;
    this.#options = options;
    this.#position = new ChannelPosition(channel);
    this.#refresh = new Refresh(options);
  }

  /** What to ask the server for: everything after this. */
  get position(): Position | undefined {
    return this.#position.position;
  }

  /** What to ask the server for now. */
  get asked(): ChannelRequest {
    return {
      since: this.position,
      wish: { ...(this.#watch && { presence: true }), ...(this.#wantsJoinLeave && { joinLeave: true }) },
    };
  }

  get presence(): Presence | undefined {
    return this.#watch?.current;
  }

  /** Whether a token has to be asked for before the channel can be. */
  get needsToken(): boolean {
    return this.#tokens !== undefined;
  }

  /** Adds a handle. Without a `wire` there is no connection. The first handle says where to begin. */
  add(
    wire: RequestSender | undefined,
    { since, token, presence = false }: SubscribeOptions,
    events: Handle = new Emitter(),
  ): Handle {
    if (this.#handles.size === 0) {
      this.#position.position = since && { ...since };
      this.#tokens = undefined;
      this.#watch = undefined;
      this.#wantsJoinLeave = false;
      this.#heard = false;
    }
    if (token !== undefined) this.#tokens = new TokenProvider(token);
    const more = this.#wantPresence(presence);
    this.#handles.add(events);
    // Held without it: asked for anew.
    if (more && this.#state.t === "held") this.#leave();
    else if (this.#state.t === "offline" && wire !== undefined) {
      this.#wire = wire;
      this.#ask();
    }
    // After the caller had time to listen.
    else if (this.#state.t === "held") queueMicrotask(() => this.#tellLate(events));
    return events;
  }

  /** From where this handle had read, if the channel is not shared out to others. */
  wantAgain(handle: Handle, options: SubscribeOptions): Share {
    return this.#options.again(this.channel, handle, {
      ...options,
      ...(this.position && { since: this.position }),
    });
  }

  /** True when more is wanted than before. */
  #wantPresence(presence: boolean | "snapshot"): boolean {
    const more =
      presence !== false && (this.#watch === undefined || (presence === true && !this.#wantsJoinLeave));
    if (!more) return false;
    this.#wantsJoinLeave ||= presence === true;
    this.#watch ??= new PresenceWatch(this.channel, this.#options, (name, value) =>
      this.#tell(name, value as never),
    );
    return true;
  }

  stateOf(handle: Handle): SubscriptionState {
    if (!this.#handles.has(handle)) return "unsubscribed";
    return this.#state.t === "held" ? "subscribed" : "subscribing";
  }

  positionOf(handle: Handle): Position | undefined {
    return this.#handles.has(handle) ? this.position : undefined;
  }

  releaseHandle(handle: Handle): void {
    if (!this.#handles.delete(handle)) return;
    if (this.#handles.size === 0) {
      if (this.#state.t === "held") this.#leave();
      // While it is asked for, the answer tells what is to be undone; before, the server has not been asked.
      else if (this.#state.t === "offline" || this.#state.timer) this.#retire();
    }
    handle.announce("unsubscribed", { channel: this.channel, error: undefined });
  }

  /**
   * A new connection. `outcome` is its answer about this channel, if the connect command asked for it, with
   * `asked`.
   */
  connected(wire: RequestSender, outcome: SubscribeOutcome | undefined, asked: ChannelRequest): void {
    this.#wire = wire;
    this.#retries = 0;
    if (outcome === undefined) return this.#ask();
    const error = (outcome as { readonly error?: unknown } | null)?.error;
    if (error === undefined) this.#answered(outcome, asked);
    else this.#refused(HoldfastError.fromReply(error));
  }

  /** The connection is gone. */
  lost(): void {
    this.#refresh.stop();
    this.#enter({ t: "offline" });
    if (this.#handles.size === 0) this.#retire();
  }

  push(push: ChannelPush): void {
    switch (push.kind) {
      case "join":
      case "leave":
      case "presence":
        return this.#watch?.push(push);
      case "publication":
        if (push.body.offset === undefined) return this.#tell("publication", push.body);
    }
    // Whatever comes before the answer is in the answer.
    if (this.#state.t !== "held") return;
    switch (push.kind) {
      case "publication":
        return this.#publication(push.body as LivePublication & Stored);
      case "gap":
        return this.#gap(push.body);
      case "unsubscribed":
        // What was missed until the server gives it back is asked for then.
        return this.#refused(HoldfastError.fromCode(push.body.code));
      case "refresh":
        return this.#renew(push.body.deadline);
    }
  }

  #publication(publication: LivePublication & Stored): void {
    const { offset, epoch } = publication;
    const arrival = this.#position.arrive(offset, epoch);
    if (arrival === "hole") return this.#resubscribe(`publication ${offset}`);
    if (arrival === "known") return;
    this.#retries = 0;
    this.#tell("publication", publication);
  }

  #gap(push: GapPush): void {
    const gap = this.#position.skip(push);
    if (gap === "hole") this.#resubscribe(`gap to ${push.to}`);
    else if (gap !== "known") this.#tell("gap", gap);
  }

  /** The channel's own token ends in `deadline` ms. */
  #renew(deadline: unknown): void {
    if (this.#tokens === undefined) return;
    this.#refresh.start(deadline, this.#tokens, (token, settle) =>
      this.#wire?.request("refresh", { token }, settle),
    );
  }

  #ask(): void {
    if (this.#tokens === undefined) return this.#askWith(undefined);
    const { clock } = this.#options;
    const failed = (cause?: unknown): void => {
      if (this.#state !== asking) return;
      this.#tokens?.forgetPending();
      this.#refused(new HoldfastError(clientErrors.token, `${this.channel}: no token`, cause));
    };
    const asking: State = { t: "authorizing", timer: clock.after(TOKEN_TIMEOUT_MS, failed) };
    this.#enter(asking);
    this.#tokens.get().then((token) => {
      if (this.#state === asking) this.#askWith(token);
    }, failed);
  }

  #askWith(token: string | undefined): void {
    const asking: State = { t: "asking" };
    this.#enter(asking);
    const { channel, asked } = this;
    const { since, wish } = asked;
    // What is undefined does not travel.
    const body = { channel, since, token, ...wish } as SubscribeRequest;
    this.#wire?.request("subscribe", body, (outcome) => {
      if (this.#state !== asking) return;
      if (outcome.ok) this.#answered(outcome.body, asked);
      else this.#refused(outcome.error);
    });
  }

  /** The server holds the channel, and said from where on, having been asked for this. */
  #answered(body: unknown, { since, wish }: ChannelRequest): void {
    const held: State = { t: "held" };
    this.#enter(held);
    const unwanted =
      this.#handles.size === 0 ||
      // Given up and wanted anew meanwhile, from elsewhere: this is not the answer to that.
      (this.position !== undefined && this.position !== since) ||
      // More is wanted by now.
      (this.#watch && !wish.presence) ||
      (this.#wantsJoinLeave && !wish.joinLeave);
    if (unwanted) return this.#leave();
    const isReturn = this.#heard;
    this.#heard = true;
    this.#tell("subscribed", { channel: this.channel });
    // A listener may have ended it, or the connection: then the rest is not read, and asked for again.
    if (this.#state !== held) return;
    // Without a position nothing can prove what came meanwhile (ADR 26).
    if (isReturn && this.position === undefined) {
      this.#tell("gap", { channel: this.channel, reason: "unverifiable" });
      if (this.#state !== held) return;
    }
    for (const step of this.#position.catchUp(readSubscribeAnswer(body))) {
      this.#tell(step.told, step.value);
      if (this.#state !== held) return;
    }
    if (this.#wire) this.#watch?.begin(this.#wire, body);
  }

  #refused(refusal: HoldfastError): void {
    if (refusal.code === ALREADY_SUBSCRIBED) {
      // An answer was lost. What a position misses, or who is there, only another answer tells.
      const { asked } = this;
      if (asked.since !== undefined || asked.wish.presence) return this.#leave(true);
      return this.#answered({}, asked);
    }
    const told = [...this.#handles];
    if (told.length === 0) return this.#retire();
    const renewable = refusal.code === TOKEN_EXPIRED && this.#tokens !== undefined;
    const again = refusal.temporary || renewable;
    if (again) this.#pause();
    else {
      this.#handles.clear();
      this.#retire();
    }
    this.#options.problem(refusal);
    for (const handle of told) {
      handle.announce("error", refusal);
      if (!again) handle.announce("unsubscribed", { channel: this.channel, error: refusal });
    }
  }

  /**
   * Something is missing that the server did not own up to. It has it in the channel's history, or says that
   * it has not.
   */
  #resubscribe(what: string): void {
    const { channel, position } = this;
    this.#leave(true);
    const detail = `${channel}: ${what} after ${JSON.stringify(position)}`;
    this.#options.problem(new HoldfastError(clientErrors.malformed, detail));
  }

  #leave(pause = false): void {
    const leaving: State = { t: "leaving" };
    this.#enter(leaving);
    this.#wire?.request("unsubscribe", { channel: this.channel }, () => {
      if (this.#state !== leaving) return;
      // A refusal can only mean that the server does not hold it either.
      if (this.#handles.size === 0) this.#retire();
      else if (pause) this.#pause();
      else this.#ask();
    });
  }

  #pause(): void {
    const { backoff, clock, random } = this.#options;
    const delayMs = backoffDelay(this.#retries++, random(), 0, backoff);
    this.#enter({ t: "waiting", timer: clock.after(delayMs, () => this.#ask()) });
  }

  #tell<Name extends keyof SubscriptionEvents>(name: Name, value: SubscriptionEvents[Name]): void {
    for (const handle of [...this.#handles]) handle.announce(name, value);
  }

  #retire(): void {
    this.#refresh.stop();
    this.#enter({ t: "gone" });
    this.#options.gone(this);
  }

  #enter(state: State): void {
    this.#state.timer?.cancel();
    if (state.t !== "held") this.#watch?.stop();
    this.#state = state;
  }

  #tellLate(handle: Handle): void {
    if (this.stateOf(handle) === "subscribed") handle.announce("subscribed", { channel: this.channel });
  }
}
