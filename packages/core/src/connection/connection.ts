/**
 * A connection: one live link, from the transport's opening to its end.
 *
 *     connecting ──connect──► connected ──disconnect──► closing ──transport ended──► closed
 *       │    ▲ └────────────────disconnect───────────────┘ ▲
 *     token  └─refused──► authenticating ──good──► connected
 *
 * It turns text into commands, and takes part in fan-out. What a command does is in `commands/`, what is let
 * go of at the end in `release.ts`.
 * Invariants: a connection that is closing is in no topic and takes no command; `closed` has effect once. A
 * connection is small: no timer, no queue, no closure of its own.
 */
import {
  type DecodedCommand,
  type DisconnectCode,
  disconnectNotice,
  disconnects,
  type ErrorCode,
  errors,
  mayReconnect,
  type Position,
  type ReceivedCommand,
  type Resume,
  type SentPush,
  type WireMessage,
} from "@holdfast/protocol";
import { ANONYMOUS, type Identity } from "../access/identity.js";
import type { Requester } from "../access/requester.js";
import type { ResumeTokens } from "../access/resume-tokens.js";
import { channelOf } from "../broker/topic.js";
import type { Codec } from "../codec/codec.js";
import type { Batch } from "../delivery/batch.js";
import type { Listener } from "../delivery/fan-out.js";
import type { Outbox, OutboxBacklog, OutboxFill } from "../delivery/outbox.js";
import { ROOM_FOR_WORDS, ROOM_TO_CATCH_UP, type SlowConsumers } from "../delivery/slow-consumers.js";
import { frameMessage, type Transport } from "../delivery/transport.js";
import type { Subscription } from "../hub/subscription.js";
import type { Namespaces } from "../namespace.js";
import type { Logger } from "../runtime/logger.js";
import type { Metrics } from "../runtime/metrics.js";
import type { Ticker } from "../runtime/ticker.js";
import type { RateAccount, RateLimit } from "./rate-limit.js";
import { type ReleaseParts, releaseConnection, releaseSubscription } from "./release.js";
import type { Session } from "./session.js";
import type { UrlConnect } from "./url-connect.js";

const TENTHS_PER_COMMAND = 10;
/** Bytes of a message or frame that cost nothing beside it; each as many again cost a tenth of a command. */
const FREE_BYTES = 8_192;

/** What the bytes of a message or frame cost, in tenths of a command. */
export function tenthsFor(bytes: number): number {
  return Math.floor(bytes / FREE_BYTES);
}

/**
 * Carries out what clients ask. Made in `commands/`, which knows connections; a connection does not know
 * commands.
 */
export interface CommandRunner {
  carryOut(connection: Connection, command: ReceivedCommand): void;
  answerError(connection: Connection, id: number, error: ErrorCode): void;
  connectByUrl(connection: Connection, url: UrlConnect, identity: Identity): void;
}

/** The parts of core that a connection uses. */
export interface ConnectionParts extends ReleaseParts<Connection> {
  readonly commands: CommandRunner;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly namespaces: Namespaces;
  readonly outbox: Outbox;
  readonly rateLimit: RateLimit;
  readonly registry: {
    opened(connection: Connection, requester?: Requester): void;
    connected(connection: Connection): void;
    disconnected(connection: Connection): void;
    closed(): void;
  };
  readonly resumeTokens: ResumeTokens;
  readonly slowConsumers: SlowConsumers;
  readonly ticker: Ticker;
}

/** A session is the state's resource: being connected means having one. */
type State = Session | "connecting" | "authenticating" | "closing" | "closed";

export class Connection implements Listener, RateAccount {
  /**
   * The id of its session: for routing and for logs. Another until the client says which session it goes on
   * with.
   */
  id: string;
  slot = -1;
  /** The tick of the last sign of life. */
  seenTick: number;
  /** The tick of the ping that nothing has answered yet; 0 = none. */
  pingedTick = 0;
  credit = 0;
  creditTick = 0;
  /** How it says things and is spoken to. */
  readonly codec: Codec;
  readonly #context: ConnectionParts;
  readonly #transport: Transport;
  /** What the outbox knows of the bytes that wait, while any do. */
  #backlog: OutboxBacklog | undefined;
  #state: State = "connecting";
  /** Whether our last ping of the protocol has yet to be echoed, whatever else came since. */
  #pongDue = false;

  /** Made by `Core#open` alone. */
  constructor(
    id: string,
    context: ConnectionParts,
    transport: Transport,
    codec: Codec,
    requester?: Requester,
  ) {
    this.id = id;
    this.#context = context;
    this.#transport = transport;
    this.codec = codec;
    this.seenTick = context.ticker.tick;
    context.rateLimit.open(this, context.ticker.tick);
    context.registry.opened(this, requester);
  }

  /** The session, once connected and until disconnected. */
  get session(): Session | undefined {
    return typeof this.#state === "object" ? this.#state : undefined;
  }

  /** One whole message from the client. Never throws. */
  receive(message: WireMessage): void {
    if (this.#state === "closing" || this.#state === "closed") return;
    this.alive();
    if (message === this.codec.ping && this.#takePong()) return;
    // Such a client says nothing that matters, and pays for it as for commands.
    if (this.codec.dialect.isDataOnly) return void this.spend(TENTHS_PER_COMMAND + tenthsFor(message.length));
    if (message.length >= FREE_BYTES && !this.spend(tenthsFor(message.length))) return;
    for (const decoded of this.codec.decode(message)) {
      this.#accept(decoded);
      if (!this.isOpen) return;
    }
  }

  /**
   * Charges work that is no command to the rate of commands, in tenths of one. False when the connection has
   * nothing left to spend: it is disconnected, and the edge should read no more of it.
   */
  spend(tenths: number): boolean {
    const { metrics, rateLimit, ticker } = this.#context;
    if (rateLimit.work(this, ticker.tick, tenths)) return true;
    if (this.isOpen) metrics.add("rate_limited", 1);
    this.disconnect(disconnects.limitRate);
    return false;
  }

  /** Charges as many of `wanted` commands as it can pay, and returns how many. */
  afford(wanted: number): number {
    const { metrics, rateLimit, ticker } = this.#context;
    const granted = rateLimit.afford(this, ticker.tick, wanted);
    if (granted < wanted) metrics.add("rate_limited", wanted - granted);
    return granted;
  }

  /** A sign of life below the protocol. */
  alive(): void {
    this.seenTick = this.#context.ticker.tick;
    this.pingedTick = 0;
  }

  /** The edge saw something that this protocol does not allow. */
  refuse(row: DisconnectCode, detail?: string): void {
    if (!this.isOpen) return;
    this.#context.metrics.add("malformed_frames", 1);
    this.#context.logger.debug({ connection: this.id, code: row.name, detail }, "refused a message");
    this.disconnect(row, detail);
  }

  /** The transport has ended. Called once by the edge; idempotent all the same. */
  closed(): void {
    if (this.#state === "closed") return;
    if (this.#state !== "closing") releaseConnection(this.#context, this, { detach: true });
    this.#state = "closed";
    this.#context.registry.closed();
  }

  /**
   * Asks for a sign of life: a frame of the protocol where the SDK listens, otherwise the transport's own
   * ping.
   */
  ping(tick: number): void {
    this.pingedTick = tick;
    this.takesBytes();
    if (!this.codec.answersPings || this.session === undefined) return this.#transport.ping();
    this.#pongDue = true;
    this.send(this.codec.ping);
  }

  /**
   * Whether the other side has taken bytes that waited, since the last call: a sign of life of a slow one.
   */
  takesBytes(): boolean {
    return this.#context.outbox.moved(this.#transport, this.#backlog);
  }

  /** Writes a batch of publications; returns its bytes, 0 when it was not written. The hot path. */
  deliver(batch: Batch, subscription?: Subscription): number {
    if (typeof this.#state !== "object" || !this.#state.live) return 0;
    if (subscription?.behind !== undefined && !this.catchUp(subscription))
      return this.#context.slowConsumers.skipped(this, batch, subscription);
    const bytes = batch.bytesFor(this.codec, this.#transport.framing);
    // A raw client gets nothing of a batch that has no data.
    if (bytes.length === 0) return 0;
    if (this.#fill() > 1) return this.#context.slowConsumers.skipped(this, batch, subscription);
    return this.#write(bytes, batch.size) ? bytes.length : 0;
  }

  /** Tells a subscription that is behind what it missed, when there is room again. True when it was told. */
  catchUp(subscription: Subscription): boolean {
    if (this.#fill() > ROOM_TO_CATCH_UP) return false;
    const missed = this.#context.slowConsumers.catchUp(subscription);
    const bytes = missed.bytesFor(this.codec, this.#transport.framing);
    return bytes.length === 0 || this.#write(bytes, missed.size);
  }

  /** What waits for it, and how full that makes its outbox. */
  get waiting(): OutboxFill {
    return this.#context.outbox.waiting(this.#transport, this.#backlog);
  }

  /** Says something that no other connection is told. */
  push(push: SentPush): void {
    if (this.isOpen) this.send(this.codec.push(push));
  }

  /** Sends one message of its codec, if there is one. A connection that is closing gets none. */
  send(message: WireMessage | undefined): void {
    if (message === undefined || !this.isOpen) return;
    if (this.#fill() > ROOM_FOR_WORDS) this.#context.slowConsumers.end(this);
    else this.#write(frameMessage(this.#transport.framing, message), 1);
  }

  /** Whether it may still be told something. */
  get isOpen(): boolean {
    return this.#state !== "closing" && this.#state !== "closed";
  }

  /** Whether `connect` may come now. */
  get isConnecting(): boolean {
    return this.#state === "connecting";
  }

  /** Its token is being checked: no other `connect` is taken. */
  authenticating(): void {
    if (this.#state === "connecting") this.#state = "authenticating";
  }

  /** Its token was refused: it may bring another one. */
  refused(): void {
    if (this.#state === "authenticating") this.#state = "connecting";
  }

  /** Begins the session, or goes on with the one whose `id` is given. False when it has one, or has ended. */
  connected(session: Session, id = this.id): boolean {
    if (this.#state !== "connecting" && this.#state !== "authenticating") return false;
    this.id = id;
    this.#state = session;
    this.#context.registry.connected(this);
    this.#context.expiries.moved(this, ANONYMOUS, session.identity);
    return true;
  }

  /** Writes what an answer brings, however much: it is bounded as answers are. */
  writeBatch(batch: Batch): void {
    const bytes = batch.bytesFor(this.codec, this.#transport.framing);
    if (bytes.length > 0 && this.isOpen) this.#write(bytes, batch.size);
  }

  /** Subscriptions begin there. Said right before the client is told. */
  subscribed(positions: ReadonlyMap<string, Position | undefined>): void {
    const { subscribed } = this.#transport;
    if (subscribed !== undefined) subscribed.call(this.#transport, positions, () => this.#proof());
  }

  /** A token with which the client may come back as this session; undefined while none can be made. */
  newResumeToken(): string | undefined {
    const { session } = this;
    return session && this.#context.resumeTokens.issue(this.id, session.identity, session.count);
  }

  /** Tells the client when to come back; `disconnect` follows. */
  drain(reconnectAfterMs: number, deadlineMs: number, reason: string): void {
    this.#transport.setRetryDelay?.(reconnectAfterMs);
    this.push({ op: "drain", body: { reconnectAfter: reconnectAfterMs, deadline: deadlineMs, reason } });
  }

  /** Says why and ends the connection. */
  disconnect(row: DisconnectCode, detail?: string): void {
    if (!this.isOpen) return;
    // First out of every topic, so that nothing below can come back to this connection.
    // A drained client comes back to another worker.
    releaseConnection(this.#context, this, {
      detach: mayReconnect(row.code) && row !== disconnects.drain,
      code: row.code,
    });
    this.#state = "closing";
    const notice = this.codec.push({ op: "disconnect", body: disconnectNotice(row, detail) });
    const isTold = notice === undefined || this.#write(frameMessage(this.#transport.framing, notice), 1);
    if (!isTold) return;
    const { code, reason } = this.codec.closing(row);
    this.#transport.close(code, reason);
  }

  /** Ends a subscription, if it is still there. */
  unsubscribe(subscription: Subscription): void {
    const { session } = this;
    if (!session?.remove(subscription)) return;
    const channel = channelOf(subscription.topic);
    if (channel !== undefined) this.#transport.unsubscribed?.(channel);
    releaseSubscription(this.#context, this, session, subscription);
  }

  /** Connects at once, with the channels that the URL names. */
  connectByUrl(url: UrlConnect, identity: Identity): void {
    this.#context.commands.connectByUrl(this, url, identity);
  }

  #accept(decoded: DecodedCommand): void {
    const { metrics, rateLimit, ticker } = this.#context;
    const verdict = rateLimit.charge(this, ticker.tick, this.#priceOf(decoded));
    if (verdict !== "pass") metrics.add("rate_limited", 1);
    if (verdict === "disconnect") return this.disconnect(disconnects.limitRate);
    switch (decoded.kind) {
      case "ping":
        if (!this.#takePong()) this.send(this.codec.ping);
        return;
      case "malformed":
        return this.refuse(disconnects.badFrame, `Not a frame: ${decoded.problem}.`);
      case "invalid":
        return this.#context.commands.answerError(this, decoded.id, decoded.error);
      case "command":
        metrics.add("commands", 1);
        if (verdict === "refuse")
          return this.#context.commands.answerError(this, decoded.command.id, errors.limitRate);
        return this.#context.commands.carryOut(this, decoded.command);
    }
  }

  #priceOf(decoded: DecodedCommand): number {
    if (decoded.kind !== "command" || !("channel" in decoded.command.body)) return 1;
    return this.#context.namespaces.price(decoded.command.body.channel);
  }

  #fill(): number {
    return this.#context.outbox.fill(this.#transport, this.#backlog);
  }

  /**
   * Gives bytes to the transport. One that throws breaks its contract: it ends alone, without a word, and
   * must not take along the fan-out or the tick that came to it.
   */
  #write(bytes: Uint8Array, messages: number): boolean {
    try {
      this.#transport.write(bytes);
      this.#backlog = this.#context.outbox.wrote(this.#transport, this.#backlog, bytes.length, messages);
      return true;
    } catch (error) {
      this.#context.logger.error({ connection: this.id, err: error }, "a transport failed");
      if (this.isOpen) {
        releaseConnection(this.#context, this, { detach: true });
        this.#state = "closing";
      }
      this.#transport.terminate();
      return false;
    }
  }

  /**
   * True when `{}` answers our ping; otherwise it is the client's own, to be echoed. Told apart by what we
   * sent, not by silence: a command that crosses our ping must not turn the pong into a ping, or both sides
   * echo for ever.
   */
  #takePong(): boolean {
    const due = this.#pongDue;
    this.#pongDue = false;
    return due;
  }

  #proof(): Resume | undefined {
    const token = this.newResumeToken();
    return token === undefined ? undefined : { sid: this.id, token };
  }
}
