/**
 * Connector: keeps one connection alive, by the protocol's rules of coming back.
 *
 * Owns when to try, with which session id, and when to stop; the link owns the socket.
 * Invariants: at most one link or one timer exists, in the state that needs it; no attempt starts before the server's
 * `reconnectAfter` or `retryAfter` has passed, nor after a terminal ending or `close()` unless `start()` is called;
 * the count of retries falls to zero only after a connection was stable.
 */
import {
  backoffDelay,
  type ConnectRequest,
  type ConnectResult,
  disconnects,
  type Resume,
  SUBPROTOCOL,
} from "@holdfast/protocol";
import { type Ending, impossibleEnding, lostEnding } from "./ending.js";
import { clientErrors, HoldfastError } from "./errors.js";
import type { Inbound } from "./inbound.js";
import { Link } from "./link.js";
import type { ResolvedOptions } from "./options.js";
import type { ClientState } from "./state.js";
import { TokenSource } from "./token-source.js";
import { withSid } from "./url.js";
import type { WebSocketLike } from "./web-socket.js";

export interface ConnectorEvents {
  state(state: ClientState): void;
  /** What the connect command asks for besides token and name. */
  wanted(): NonNullable<ConnectRequest["subs"]>;
  connected(link: Link, result: ConnectResult): void;
  /** The connection that was `connected` is gone. Called before `state`. */
  lost(): void;
  received(inbound: Inbound): void;
  problem(error: HoldfastError): void;
}

/** A state, what it holds, and how it is left. `view` is what the application sees. */
type State = { readonly view: ClientState; leave?(): void } & (
  | { readonly t: "resting" }
  | { readonly t: "authorizing" }
  | { readonly t: "opening"; readonly link: Link }
  | { readonly t: "connected"; readonly link: Link; readonly since: number }
  | { readonly t: "waiting" }
);

export class Connector {
  readonly #url: string;
  readonly #options: ResolvedOptions;
  readonly #tokens: TokenSource;
  readonly #on: ConnectorEvents;
  #state: State = { t: "resting", view: { name: "idle" } };
  /** Retries since the last stable connection. */
  #retries = 0;
  /** No attempt before this time on the monotonic clock, by the server's wish. */
  #notBefore = 0;
  #sid: string | undefined;
  /** The session to go on with, until the client or the server has ended it for good. */
  #resume: Resume | undefined;

  constructor(url: string, options: ResolvedOptions, on: ConnectorEvents) {
    this.#url = url;
    this.#options = options;
    this.#tokens = new TokenSource(options.getToken);
    this.#on = on;
  }

  get state(): ClientState {
    return this.#state.view;
  }

  /** The link while connected. */
  get link(): Link | undefined {
    return this.#state.t === "connected" ? this.#state.link : undefined;
  }

  /** Begins, unless it has begun. It never shortens a wait. */
  start(): void {
    if (this.#state.t !== "resting") return;
    const left = this.#notBefore - this.#options.clock.monotonic();
    if (left > 0) this.#wait(left, 1000, "the server asked for time");
    else this.#wake(1000, "starting");
  }

  /** Ends whatever goes on. Idempotent; no timer survives. */
  close(): void {
    if (this.#state.view.name === "closed") return;
    const last = this.#state;
    // First, so that subscriptions do not take the end of their commands for a refusal.
    if (last.t === "connected") this.#on.lost();
    if (last.t === "opening" || last.t === "connected") last.link.close();
    this.#rest(1000, "closed by the client");
  }

  #rest(code: number, reason: string): void {
    this.#resume = undefined;
    this.#enter({ t: "resting", view: { name: "closed", code, reason } });
  }

  #wait(delayMs: number, code: number, reason: string): void {
    const { clock } = this.#options;
    const retryAt = Math.round(clock.now() + delayMs);
    const timer = clock.after(Math.ceil(delayMs), () => this.#wake(code, reason));
    this.#enter({
      t: "waiting",
      view: { name: "waiting", code, reason, retryAt },
      leave: () => timer.cancel(),
    });
  }

  /** The time has come: an attempt, as soon as the device is online. */
  #wake(code: number, reason: string): void {
    const { network } = this.#options;
    if (!network.offline()) return this.#authorize();
    const leave = network.whenOnline(() => this.#authorize());
    this.#enter({ t: "waiting", view: { name: "waiting", code, reason, retryAt: undefined }, leave });
  }

  #authorize(): void {
    const { clock, connectTimeoutMs } = this.#options;
    const timer = clock.after(connectTimeoutMs, () => {
      this.#tokens.forget();
      this.#failToken(state, "getToken took too long");
    });
    const view: ClientState = { name: "connecting", attempt: this.#retries + 1 };
    const state: State = { t: "authorizing", view, leave: () => timer.cancel() };
    this.#enter(state);
    this.#tokens.get().then(
      (token) => {
        if (this.#state === state) this.#open(token, view);
      },
      (cause) => this.#failToken(state, "getToken failed", cause),
    );
  }

  #failToken(state: State, what: string, cause?: unknown): void {
    if (this.#state !== state) return;
    this.#on.problem(new HoldfastError(clientErrors.token, what, cause));
    if (this.#state === state) this.#comeBack(lostEnding(what));
  }

  #open(token: string | undefined, view: ClientState): void {
    const { WebSocket, name } = this.#options;
    let socket: WebSocketLike;
    try {
      socket = new WebSocket(withSid(this.#url, this.#sid), SUBPROTOCOL);
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      this.#on.problem(new HoldfastError(clientErrors.transport, message, cause));
      this.#comeBack(impossibleEnding(message));
      return;
    }
    const hello = (): ConnectRequest => ({
      ...(token !== undefined && { token }),
      client: name,
      ...(this.#resume && { resume: this.#resume }),
      subs: this.#on.wanted(),
    });
    const link = new Link(socket, hello, this.#options, {
      connected: (result) => this.#connected(link, result),
      received: (inbound) => this.#on.received(inbound),
      problem: (error) => this.#on.problem(error),
      ended: (ending, greeted) => {
        // Whoever the id leads to does not answer, or does not want it: land elsewhere.
        if (greeted || ending.code === disconnects.rebalance.code) this.#sid = undefined;
        this.#comeBack(ending);
      },
    });
    this.#enter({ t: "opening", view, link });
  }

  #connected(link: Link, result: ConnectResult): void {
    const { sid, resumeToken: token, limits } = result;
    this.#sid = sid;
    this.#resume = token === undefined ? undefined : { sid, token };
    const view: ClientState = { name: "connected", sid, limits };
    const state: State = { t: "connected", view, link, since: this.#options.clock.monotonic() };
    this.#enter(state);
    if (this.#state === state) this.#on.connected(link, result);
  }

  #comeBack({ code, reason, terminal, notBeforeMs }: Ending): void {
    const { backoff, clock, random } = this.#options;
    const now = clock.monotonic();
    const last = this.#state;
    if (last.t === "connected") {
      if (now - last.since >= backoff.stableAfterMs) this.#retries = 0;
      this.#on.lost();
    }
    this.#notBefore = now + notBeforeMs;
    // Whoever was told of the loss may have closed the client.
    if (this.#state !== last) return;
    if (terminal) return this.#rest(code, reason);
    this.#wait(backoffDelay(this.#retries++, random(), notBeforeMs, backoff), code, reason);
  }

  #enter(state: State): void {
    const last = this.#state;
    last.leave?.();
    this.#state = state;
    if (last.view !== state.view) this.#on.state(state.view);
  }
}
