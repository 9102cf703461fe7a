/**
 * Connector: keeps one connection alive and reconnects by the protocol's rules.
 *
 * It decides when to try, and when to stop. The transport is opened by the connection (link.ts) and chosen by
 * transport-choice.ts; what proves the session is kept by session-proof.ts. Invariants:
 * - At most one connection or one timer exists, in the state that needs it. Beside a connection that serves,
 *   transport-upgrade.ts may try a better transport.
 * - No attempt starts before the server's `reconnectAfter` or `retryAfter` has passed.
 * - No attempt starts after a terminal ending or `close()`, unless `start()` is called.
 * - The count of retries falls to zero only after a connection was stable.
 */
import { backoffDelay, type ConnectRequest } from "@holdfast/protocol";
import type { ResolvedOptions } from "../options.js";
import type { ClientState } from "../state.js";
import type { TransportName } from "../transports/transport.js";
import { withSid } from "../transports/url.js";
import { REBALANCE, TOKEN_EXPIRED } from "../wire/codes.js";
import { type Ending, lostEnding } from "../wire/ending.js";
import { clientErrors, HoldfastError } from "../wire/errors.js";
import type { ConnectReply, Inbound } from "../wire/inbound.js";
import { ServerConnection } from "./link.js";
import { SessionProof } from "./session-proof.js";
import { TransportChoice } from "./transport-choice.js";
import { TransportUpgrade } from "./transport-upgrade.js";

export interface ConnectorEvents {
  state(state: ClientState): void;
  /** What the connect command asks for besides token and name. */
  wanted(): NonNullable<ConnectRequest["subs"]>;
  connected(connection: ServerConnection, result: ConnectReply): void;
  /** The connection that was `connected` is gone. Called before `state`. */
  lost(): void;
  readonly received: (inbound: Inbound) => void;
  readonly problem: (error: HoldfastError) => void;
}

/** A state, what it holds, and how it is left. `seen` is what the application sees. */
type State = { readonly seen: ClientState; leave?(): void } & (
  | {
      readonly t: "resting" | "authorizing" | "waiting";
      readonly connection?: undefined;
      readonly old?: undefined;
      readonly since?: undefined;
    }
  | {
      readonly t: "opening";
      readonly connection: ServerConnection;
      readonly old?: undefined;
      readonly since?: undefined;
    }
  /** Since when it serves, on the monotonic clock. */
  | {
      readonly t: "connected";
      readonly connection: ServerConnection;
      readonly old?: undefined;
      readonly since: number;
    }
  /**
   * `connection` is open and takes commands, which wait; `old` still serves, until it has answered its own.
   */
  | {
      readonly t: "moving";
      readonly connection: ServerConnection;
      readonly old: ServerConnection;
      readonly since: number;
    }
);

/** How long a move waits for the answers that the old connection has yet to bring, ms. */
const MAX_MOVE_MS = 2_000;

export class Connector {
  readonly #url: string;
  readonly #options: ResolvedOptions;
  readonly #on: ConnectorEvents;
  readonly #choice: TransportChoice;
  readonly #proof: SessionProof;
  #state: State = { t: "resting", seen: { name: "idle" } };
  /** Retries since the last stable connection. */
  #retries = 0;
  /** No attempt before this time on the monotonic clock, by the server's wish. */
  #notBefore = 0;

  constructor(url: string, options: ResolvedOptions, on: ConnectorEvents) {
    this.#url = url;
    this.#options = options;
    this.#choice = new TransportChoice(options.transports.toBeHad, options.storage);
    this.#proof = new SessionProof(options, on.problem);
    this.#on = on;
  }

  get state(): ClientState {
    return this.#state.seen;
  }

  /** What takes commands while the application sees a connection. */
  get connection(): ServerConnection | undefined {
    const { seen, connection } = this.#state;
    return seen.name === "connected" ? connection : undefined;
  }

  /** Begins, unless it has begun. It never shortens a wait. */
  start(): void {
    if (this.#state.t !== "resting") return;
    const left = this.#notBefore - this.#options.clock.monotonic();
    if (left > 0) this.#wait(left, 1000, "asked to wait");
    else this.#wake(1000, "starting");
  }

  /** Ends whatever goes on. Idempotent; no timer survives. */
  close(): void {
    if (this.#state.seen.name === "closed") return;
    const last = this.#state;
    // First, so that subscriptions do not take the end of their commands for a refusal.
    if (last.since !== undefined) this.#on.lost();
    last.old?.close();
    last.connection?.close();
    this.#rest({ by: "client", code: 1000, reason: "closed by the client" });
  }

  /** The connection's token ends in `deadline` ms. */
  refresh(deadline: unknown): void {
    const { connection } = this;
    if (connection === undefined) return;
    this.#proof.renew(deadline, connection, () => this.connection === connection);
  }

  #rest(why: Omit<Extract<ClientState, { name: "closed" }>, "name">): void {
    this.#proof.resume = undefined;
    this.#enter({ t: "resting", seen: { name: "closed", ...why } });
  }

  #wait(delayMs: number, code: number, reason: string): void {
    const { clock } = this.#options;
    const retryAt = Math.round(clock.now() + delayMs);
    const timer = clock.after(Math.ceil(delayMs), () => this.#wake(code, reason));
    this.#enter({
      t: "waiting",
      seen: { name: "waiting", code, reason, retryAt },
      leave: () => timer.cancel(),
    });
  }

  /**
   * The time has come: an attempt, at once where the device is online. A device that says that it is offline
   * may be wrong (a VPN, a virtual machine, localhost), so it is tried all the same after the longest delay
   * of the backoff.
   */
  #wake(code: number, reason: string): void {
    const { backoff, clock, network } = this.#options;
    if (!network.offline()) return this.#authorize();
    const attempt = (): void => this.#authorize();
    const stop = network.whenOnline(attempt);
    const timer = clock.after(backoff.maxDelayMs, attempt);
    const leave = (): void => {
      stop();
      timer.cancel();
    };
    const retryAt = Math.round(clock.now() + backoff.maxDelayMs);
    this.#enter({ t: "waiting", seen: { name: "waiting", code, reason, retryAt }, leave });
  }

  /** Asks for a token, then opens a connection with it. */
  #authorize(): void {
    const { clock, connectTimeoutMs } = this.#options;
    const { tokens } = this.#proof;
    const fail = (what: string, cause?: unknown): void => {
      if (this.#state !== state) return;
      this.#on.problem(new HoldfastError(clientErrors.token, what, cause));
      if (this.#state === state) this.#reconnect(lostEnding(what));
    };
    const timer = clock.after(connectTimeoutMs, () => {
      tokens.forgetPending();
      fail("getToken took too long");
    });
    const seen: ClientState = { name: "connecting", attempt: this.#retries + 1 };
    const state: State = { t: "authorizing", seen, leave: () => timer.cancel() };
    this.#enter(state);
    tokens.get().then(
      (token) => {
        if (this.#state !== state) return;
        const connection = this.#dial(this.#choice.current, () =>
          connection.sendConnect(this.#proof.request(token, this.#on.wanted())),
        );
        this.#enter({ t: "opening", seen, connection });
      },
      (cause) => fail("getToken failed", cause),
    );
  }

  /** A connection over that transport. `failed`: it has ended before it was put to use. */
  #dial(name: TransportName, opened: () => void, failed = (): void => {}): ServerConnection {
    const { connectTimeoutMs, transports } = this.#options;
    const url = withSid(this.#url, this.#proof.sid);
    // Where something else may work, nothing is waited for that long.
    const doubted = this.#choice.doubted || name !== this.#choice.current;
    const options = { ...this.#options, connectTimeoutMs: doubted ? connectTimeoutMs / 2 : connectTimeoutMs };
    const isUsed = (): boolean => connection === this.#state.connection || connection === this.#state.old;
    const connection = new ServerConnection((on) => transports.open(name, url, on), options, {
      opened,
      connected: (result) => this.#connected(connection, result),
      received: this.#on.received,
      problem: (error) => {
        if (isUsed()) this.#on.problem(error);
      },
      ended: (ending, connectSent) => {
        if (isUsed()) this.#ended(connection, ending, connectSent);
        else failed();
      },
    });
    return connection;
  }

  #connected(connection: ServerConnection, result: ConnectReply): void {
    const { sid, limits, user } = result;
    this.#proof.answered(result);
    this.#choice.worked();
    const transport = this.#choice.current;
    const seen: ClientState = { name: "connected", sid, user, limits, transport };
    const state = this.#serve(connection, seen, this.#options.clock.monotonic());
    if (this.#state === state) this.#on.connected(connection, result);
  }

  #serve(connection: ServerConnection, seen: ClientState, since: number): State {
    const { clock, random } = this.#options;
    const upgrade = new TransportUpgrade(clock, random, this.#choice, {
      token: () => this.#proof.tokens.get(),
      dial: (name, opened, failed) => this.#dial(name, opened, failed),
      ready: (next, token) => this.#move(next, token),
    });
    const state: State = { t: "connected", seen, connection, since, leave: () => upgrade.stop() };
    this.#enter(state);
    if (this.#state === state) upgrade.start();
    return state;
  }

  /** Goes on over `next`, which is open, as soon as nothing is under way over the connection that serves. */
  #move(next: ServerConnection, token: string | undefined): void {
    const last = this.#state;
    if (last.t !== "connected") return next.close();
    const { seen, since, connection: old } = last;
    const go = (): void => {
      if (this.#state !== moving) return;
      this.#on.lost();
      if (this.#state !== moving) return;
      old.close();
      this.#enter({ t: "opening", seen, connection: next });
      next.sendConnect(this.#proof.request(token, this.#on.wanted()));
    };
    const timer = this.#options.clock.after(MAX_MOVE_MS, go);
    const moving: State = { t: "moving", seen, connection: next, old, since, leave: () => timer.cancel() };
    this.#enter(moving);
    old.whenIdle(go);
  }

  #ended(connection: ServerConnection, ending: Ending, connectSent: boolean): void {
    const state = this.#state;
    // The worker that the id names does not answer or does not want the client: drop the id.
    if (connectSent || ending.code === REBALANCE) this.#proof.sid = undefined;
    if (state.t === "moving") {
      if (state.connection === connection) {
        // What was to take over is gone, what serves is not.
        this.#choice.failed();
        this.#serve(state.old, state.seen, state.since);
        return;
      }
      state.connection.close();
    }
    this.#reconnect(ending);
  }

  #reconnect({ code, reason, terminal, notBeforeMs }: Ending): void {
    const { backoff, clock, random } = this.#options;
    const now = clock.monotonic();
    const last = this.#state;
    // The server sent no reason: the transport may be at fault.
    const mute = code >= 1000 && code < 3000;
    let again = false;
    if (last.since !== undefined) {
      if (now - last.since >= backoff.stableAfterMs) this.#retries = 0;
      if (mute) this.#choice.lost(now - last.since);
      this.#on.lost();
    } else if (mute && last.t === "opening") again = this.#choice.failed();
    this.#notBefore = now + notBeforeMs;
    // A listener that was told of the loss may have closed the client.
    if (this.#state !== last) return;
    const renewed = code === TOKEN_EXPIRED && this.#options.renewable;
    // What only this transport cannot do is no reason to stay away.
    const final = terminal && !renewed && !(mute && this.#options.transports.toBeHad.length > 1);
    if (final) return this.#rest({ by: "server", code, reason });
    if (again && notBeforeMs === 0) return this.#wake(code, reason);
    this.#wait(backoffDelay(this.#retries++, random(), notBeforeMs, backoff), code, reason);
  }

  #enter(state: State): void {
    const last = this.#state;
    last.leave?.();
    if (state.seen !== last.seen) this.#proof.refresh.stop();
    this.#state = state;
    if (last.seen !== state.seen) this.#on.state(state.seen);
  }
}
