/**
 * Shared subscription: the server's one subscription to a channel, wanted by any number of handles.
 *
 * A handle is the emitter of one Subscription. What is wanted and what the server holds are reconciled at
 * each answer. The class keeps more members than the house allows: handles, position and state at the server
 * change together at each answer, and the bundle's budget has no room for a class between them. Invariants:
 * at most one command about the channel is in flight; a temporary refusal is retried with the protocol's
 * backoff; an answer that belongs to an earlier state or connection is ignored. A publication with an offset
 * is delivered only where the channel position lets it through; after a hole none is, until the server has
 * answered what was missed.
 */
import {
  backoffDelay,
  type Position,
  type SubscribeOutcome,
  type SubscribeRequest,
} from "@holdfast/protocol";
import type { Timer } from "../clock.js";
import { Refresh } from "../connection/refresh.js";
import { Emitter } from "../emitter.js";
import { ALREADY_SUBSCRIBED, TOKEN_EXPIRED } from "../wire/codes.js";
import { clientErrors, HoldfastError } from "../wire/errors.js";
import { type ChannelPush, type LivePublication, readSubscribeAnswer, type Stored } from "../wire/inbound.js";
import { ChannelDemand, type ChannelRequest } from "./channel-demand.js";
import { ChannelPosition } from "./position.js";
import type { Presence } from "./presence.js";
import { PresenceWatch } from "./presence-watch.js";
import type {
  Handle,
  RequestSender,
  Share,
  SharedSubscriptionOptions,
  SubscribeOptions,
  SubscriptionEvents,
  SubscriptionState,
} from "./subscription.js";

/** How long a token for a channel may take, ms. */
const TOKEN_TIMEOUT_MS = 10_000;

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
  #demand = new ChannelDemand();
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
      wish: this.#demand.asked,
    };
  }

  get presence(): Presence | undefined {
    return this.#demand.watch?.current;
  }

  /** Whether a token has to be asked for before the channel can be. */
  get needsToken(): boolean {
    return this.#demand.tokens !== undefined;
  }

  /** Adds a handle. Without a `wire` there is no connection. The first handle says where to begin. */
  add(wire: RequestSender | undefined, options: SubscribeOptions, events: Handle = new Emitter()): Handle {
    if (this.#handles.size === 0) {
      const { since } = options;
      this.#position.position = since && { ...since };
      this.#demand = new ChannelDemand();
      this.#heard = false;
    }
    const newWatch = (): PresenceWatch =>
      new PresenceWatch(this.channel, this.#options, (name, value) => this.#tell(name, value as never));
    const more = this.#demand.add(options, newWatch);
    this.#handles.add(events);
    // Held without it: asked for anew.
    if (more && this.#state.t === "held") this.#leave();
    else if (this.#state.t === "offline" && wire !== undefined) {
      this.#wire = wire;
      this.#ask();
    }
    // After the caller had time to listen.
    else if (this.#state.t === "held")
      queueMicrotask(() => {
        if (this.stateOf(events) === "subscribed") events.announce("subscribed", { channel: this.channel });
      });
    return events;
  }

  /** From where this handle had read, if the channel is not shared out to others. */
  wantAgain(handle: Handle, options: SubscribeOptions): Share {
    return this.#options.again(this.channel, handle, {
      ...options,
      ...(this.position && { since: this.position }),
    });
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
    const { kind, body } = push;
    if (kind === "join" || kind === "leave" || kind === "presence") return this.#demand.watch?.push(push);
    if (kind === "publication" && body.offset === undefined) return this.#tell(kind, body);
    // Whatever comes before the answer is in the answer.
    if (this.#state.t !== "held") return;
    switch (kind) {
      case "publication": {
        const { offset, epoch } = body as LivePublication & Stored;
        const arrival = this.#position.arrive(offset, epoch);
        if (arrival === "hole") return this.#resubscribe(`publication ${offset}`);
        if (arrival === "known") return;
        this.#retries = 0;
        return this.#tell(kind, body);
      }
      case "gap": {
        const gap = this.#position.skip(body);
        if (gap === "hole") this.#resubscribe(`gap to ${body.to}`);
        else if (gap !== "known") this.#tell(kind, gap);
        return;
      }
      case "unsubscribed":
        // What was missed until the server gives it back is asked for then.
        return this.#refused(HoldfastError.fromCode(body.code));
      case "refresh":
        // The channel's own token ends in `deadline` ms.
        if (this.#demand.tokens !== undefined)
          this.#refresh.start(body.deadline, this.#demand.tokens, (token, settle) =>
            this.#wire?.request("refresh", { token }, settle),
          );
    }
  }

  #ask(): void {
    if (this.#demand.tokens === undefined) return this.#askWith(undefined);
    const failed = (cause?: unknown): void => {
      if (this.#state !== asking) return;
      this.#demand.tokens?.forgetPending();
      this.#refused(new HoldfastError(clientErrors.token, `${this.channel}: no token`, cause));
    };
    const asking: State = { t: "authorizing", timer: this.#options.clock.after(TOKEN_TIMEOUT_MS, failed) };
    this.#enter(asking);
    this.#demand.tokens.get().then((token) => {
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
      this.#demand.exceeds(wish);
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
    if (this.#wire) this.#demand.watch?.begin(this.#wire, body);
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
    const renewable = refusal.code === TOKEN_EXPIRED && this.#demand.tokens !== undefined;
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
    if (state.t !== "held") this.#demand.watch?.stop();
    this.#state = state;
  }
}
