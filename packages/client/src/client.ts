/**
 * Client: the SDK's front door. Joins the connector (when there is a connection), the connection (commands)
 * and the subscriptions (what is wanted), and tells the application what happens.
 *
 * Invariant: after `close()` no timer and no open socket is left until `connect()` is called again.
 */
import {
  type ErrorCode,
  type HistoryRequest,
  type Json,
  MAX_DEPTH,
  type Position,
  type PresenceRequest,
  type PublishRequest,
} from "@holdfast/protocol";
import { Connector } from "./connection/connector.js";
import type { RequestBody, RequestName } from "./connection/link.js";
import { Retrying } from "./connection/retrying.js";
import { Emitter } from "./emitter.js";
import { type ClientOptions, resolveOptions } from "./options.js";
import type { ClientState } from "./state.js";
import type { SubscribeOptions, Subscription } from "./subscriptions/subscription.js";
import { Subscriptions } from "./subscriptions/subscriptions.js";
import type { TransportName } from "./transports/transport.js";
import { resolveUrl } from "./transports/url.js";
import { serverErrors } from "./wire/codes.js";
import { clientErrors, HoldfastError } from "./wire/errors.js";
import { positive, textOr } from "./wire/fields.js";
import type { PresencePage } from "./wire/inbound.js";
import {
  type ChannelPush,
  type History,
  type Inbound,
  type Publication,
  readHistory,
  readPosition,
  readPresenceList,
} from "./wire/inbound.js";

export interface ClientEvents {
  readonly state: ClientState;
  /**
   * On a channel that the server has subscribed this connection to, as its token says, and the application
   * has not.
   */
  readonly publication: Publication;
  /**
   * The server has subscribed this connection to a channel that the application has not; while connected, not
   * by its token.
   */
  readonly subscribed: { readonly channel: string };
  /** The backend, to this user or session. */
  readonly message: Json;
  /** The backend, to every client. */
  readonly broadcast: Json;
  /** What went wrong and was survived: sockets, tokens, malformed frames, refused channels. */
  readonly error: HoldfastError;
  /** The server is going away; the client comes back by itself, not before `reconnectAfter` ms. */
  readonly drain: { readonly reconnectAfter: number; readonly reason: string };
}

export interface PublishOptions {
  /**
   * Names this publication, 1 to 128 characters: a repeat with the same key is answered and not published
   * again. With a key the SDK tries again by itself.
   */
  readonly key?: string;
  /** For how long it tries, ms, at most 100_000: servers forget keys after 120 s. 0: once. Default 30_000. */
  readonly deadlineMs?: number;
}

export type HistoryOptions = Omit<HistoryRequest, "channel">;

export type PresencePageOptions = Omit<PresenceRequest, "channel">;

/** Some of a channel's members, each session by itself, and the numbers of all. */
export type { PresencePage } from "./wire/inbound.js";

/** The longest deadline of a publication with a key, ms. */
const MAX_DEADLINE_MS = 100_000;

export class Client {
  readonly #events = new Emitter<ClientEvents>();
  readonly #connector: Connector;
  readonly #subscriptions: Subscriptions;
  readonly #retrying: Retrying;

  /**
   * `url` is the gateway's: ws, wss, http or https, or on a page relative to it ("/ws").
   * Throws a TypeError for a wrong URL or option, or where no WebSocket is to be had. Does not connect yet.
   */
  constructor(url: string | { toString(): string }, options: ClientOptions = {}) {
    const resolved = resolveOptions(options);
    const problem = (error: HoldfastError): void => this.#events.announce("error", error);
    this.#subscriptions = new Subscriptions({
      backoff: resolved.backoff,
      clock: resolved.clock,
      random: resolved.random,
      problem,
    });
    this.#connector = new Connector(resolveUrl(url), resolved, {
      state: (state) => this.#events.announce("state", state),
      wanted: () => this.#subscriptions.wanted(),
      connected: (connection, result) => this.#subscriptions.connected(connection, result),
      lost: () => this.#subscriptions.lost(),
      received: (inbound) => this.#receive(inbound),
      problem,
    });
    this.#retrying = new Retrying(resolved, this);
  }

  /** The same object until the next `state` event, so that `useSyncExternalStore` may read it. */
  get state(): ClientState {
    return this.#connector.state;
  }

  /** Whose connection this is, by its token; undefined for an anonymous one, and while there is none. */
  get user(): string | undefined {
    return this.state.name === "connected" ? this.state.user : undefined;
  }

  /** What carries the connection; undefined while there is none. */
  get transport(): TransportName | undefined {
    return this.state.name === "connected" ? this.state.transport : undefined;
  }

  /** Adds a listener and returns what removes it. A listener that throws does not disturb the client. */
  on<Name extends keyof ClientEvents>(name: Name, listener: (value: ClientEvents[Name]) => void): () => void {
    return this.#events.on(name, listener);
  }

  /**
   * Connects and stays connected until `close()`. Resolves at the next connect reply, rejects with a
   * HoldfastError if the client closes first; ignoring the promise is fine. Never shortens a wait that the
   * protocol asks for.
   */
  connect(): Promise<void> {
    this.#connector.start();
    const connected = new Promise<void>((resolve, reject) => {
      const settle = (state: ClientState): void => {
        if (state.name !== "connected" && state.name !== "closed") return;
        stop();
        if (state.name === "connected") resolve();
        else reject(closedError(state));
      };
      const stop = this.#events.on("state", settle);
      settle(this.state);
    });
    connected.catch(() => {});
    return connected;
  }

  /**
   * Closes at once; commands in flight are rejected. Subscriptions stay wanted, for another `connect()`.
   * Idempotent.
   */
  close(): void {
    this.#connector.close();
  }

  /**
   * Subscribes to a channel, now or as soon as there is a connection, and again after each reconnect.
   * Each call returns its own Subscription; those of one channel share one subscription on the server.
   * `Data` is what the application publishes there; the client does not check it.
   * Throws a TypeError for what is not a channel name.
   */
  subscribe<Data = Json>(
    channel: string,
    onPublication?: (publication: Publication<Data>) => void,
    options: SubscribeOptions = {},
  ): Subscription<Data> {
    // What travels is JSON; which, only the application knows.
    return this.#subscriptions.add(channel, onPublication as never, options) as Subscription<Data>;
  }

  /**
   * Publishes `data` to a channel. Resolves when the server has taken it, with its position where the channel
   * keeps history. Rejects with a HoldfastError; `temporary` ones may be tried again, such as `disconnected`,
   * at once, while there is no connection. After `timeout`, or when the connection is lost meanwhile, it is
   * unknown whether it was published: with a `key` it is tried again until `deadlineMs`, over reconnects too,
   * and published once at most.
   */
  async publish<Data = Json>(
    channel: string,
    data: Data,
    { key, deadlineMs = 30_000 }: PublishOptions = {},
  ): Promise<Partial<Position>> {
    checkDepth(data);
    // What is undefined does not travel.
    const body = { channel, data: data as Json, key } as PublishRequest;
    const publish = async (): Promise<Partial<Position>> =>
      readPosition(await this.#request("publish", body)) ?? {};
    if (key === undefined) return publish();
    if (!(deadlineMs >= 0 && deadlineMs <= MAX_DEADLINE_MS)) {
      throw new HoldfastError(serverErrors.badRequest, `deadlineMs: 0 to ${MAX_DEADLINE_MS}`);
    }
    return this.#retrying.run(publish, deadlineMs);
  }

  /**
   * What a channel's history has after `since`, or before it with `reverse`; without `since` from the oldest,
   * or the newest. At most `limit` publications, 100 unless given; 0 asks for the position alone. Rejects
   * like `publish`.
   */
  async history<Data = Json>(channel: string, options: HistoryOptions = {}): Promise<History<Data>> {
    const body = await this.#request("history", { channel, ...options });
    return sound(readHistory(channel, body)) as History<Data>;
  }

  /**
   * Who is in a channel, a page at a time: `limit` members, 100 unless given, from `cursor` on, the `next` of
   * the page before. 0 asks for the numbers alone. To follow a channel, subscribe with `presence`. Rejects
   * like `publish`.
   */
  async presence(channel: string, options: PresencePageOptions = {}): Promise<PresencePage> {
    return sound(readPresenceList(await this.#request("presence", { channel, ...options })));
  }

  /** Sends a message to the backend. Resolves when the gateway has passed it on. Rejects like `publish`. */
  async send<Data = Json>(data: Data): Promise<void> {
    checkDepth(data);
    await this.#request("send", { data: data as Json });
  }

  #request<Op extends RequestName>(op: Op, body: RequestBody<Op>): Promise<Json> {
    return new Promise((resolve, reject) => {
      const { connection } = this.#connector;
      if (connection === undefined) {
        throw new HoldfastError(
          this.state.name === "closed" ? clientErrors.closed : clientErrors.disconnected,
        );
      }
      connection.request(op, body, (outcome) => {
        if (outcome.ok) resolve(outcome.body);
        else reject(outcome.error);
      });
    });
  }

  #receive(inbound: Inbound): void {
    switch (inbound.kind) {
      case "message":
      case "broadcast":
        return this.#events.announce(inbound.kind, inbound.body.data);
      case "drain":
        return this.#events.announce("drain", {
          reconnectAfter: positive(inbound.body.reconnectAfter, 0),
          reason: textOr(inbound.body.reason, ""),
        });
      case "refresh":
        if (inbound.body.channel === undefined) return this.#connector.refresh(inbound.body.deadline);
    }
    const unasked = !this.#subscriptions.push(inbound as ChannelPush);
    if (unasked && (inbound.kind === "publication" || inbound.kind === "subscribed"))
      this.#events.announce(inbound.kind, inbound.body);
  }
}

/**
 * Why `connect()` did not come to a connection: `closed` after `close()`, else the server's code with its
 * reason.
 */
function closedError({ by, code, reason }: Extract<ClientState, { name: "closed" }>): HoldfastError {
  const row = by === "client" ? clientErrors.closed : { ...HoldfastError.fromCode(code), temporary: false };
  return new HoldfastError(row as ErrorCode, reason);
}

/** What the server answered, unless it is something else. */
function sound<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new HoldfastError(clientErrors.malformed);
  return value;
}

function checkDepth(data: unknown): void {
  if (data === undefined || deeperThan(data, MAX_DEPTH - 2)) {
    throw new HoldfastError(serverErrors.badRequest, `data: JSON of at most ${MAX_DEPTH - 2} levels`);
  }
}

/** Servers close the connection of a client that nests deeper. Ends early on a cycle, too. */
function deeperThan(data: unknown, levels: number): boolean {
  if (typeof data !== "object" || data === null) return false;
  return levels === 0 || Object.values(data).some((each) => deeperThan(each, levels - 1));
}
