/**
 * A connection: one live link, from the transport's opening to its end.
 *
 *     connecting ──connect──► connected ──disconnect──► closing ──transport ended──► closed
 *       │    ▲ └────────────────disconnect───────────────┘ ▲
 *     token  └─refused──► authenticating ──good──► connected
 *
 * It is what its parts work on: `intake.ts` takes what the client says, `delivery/writer.ts` writes to it,
 * `commands/` does what is asked, `release.ts` lets go of everything at the end.
 * Invariants: a connection that is closing is in no topic and takes no command; `closed` has effect once. A
 * connection is small: no timer, no queue, no closure of its own.
 */
import {
  type DisconnectCode,
  disconnectNotice,
  disconnects,
  type ErrorCode,
  mayReconnect,
  type ReceivedCommand,
  type SentPush,
  type WireMessage,
} from "@holdfast/protocol";
import { ANONYMOUS, type Identity } from "../access/identity.js";
import type { Requester } from "../access/requester.js";
import type { ResumeTokens } from "../access/resume-tokens.js";
import type { Codec } from "../codec/codec.js";
import type { Batch } from "../delivery/batch.js";
import type { Listener } from "../delivery/fan-out.js";
import type { OutboxBacklog, OutboxFill } from "../delivery/outbox.js";
import type { SlowConsumers } from "../delivery/slow-consumers.js";
import type { Transport } from "../delivery/transport.js";
import { catchUp, deliver, send, sendLast, type Writer, type WriterParts } from "../delivery/writer.js";
import type { Subscription } from "../hub/subscription.js";
import { type IntakeParts, receive, type Speaker } from "./intake.js";
import { type ReleaseParts, releaseConnection } from "./release.js";
import type { Session } from "./session.js";
import type { UrlConnect } from "./url-connect.js";

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
export interface ConnectionParts extends ReleaseParts<Connection>, IntakeParts<Connection>, WriterParts {
  readonly commands: CommandRunner;
  readonly slowConsumers: SlowConsumers;
  readonly registry: {
    opened(connection: Connection, requester?: Requester): void;
    connected(connection: Connection): void;
    disconnected(connection: Connection): void;
    closed(): void;
  };
  readonly resumeTokens: ResumeTokens;
}

/** A session is the state's resource: being connected means having one. */
type State = Session | "connecting" | "authenticating" | "closing" | "closed";

export class Connection implements Listener, Speaker, Writer {
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
  /** Whether our last ping of the protocol has yet to be echoed, whatever else came since. */
  pongDue = false;
  credit = 0;
  creditTick = 0;
  /** How it says things and is spoken to. */
  readonly codec: Codec;
  readonly transport: Transport;
  backlog: OutboxBacklog | undefined;
  readonly #parts: ConnectionParts;
  #state: State = "connecting";

  /** Made by `Core#open` alone. */
  constructor(id: string, parts: ConnectionParts, transport: Transport, codec: Codec, requester?: Requester) {
    this.id = id;
    this.#parts = parts;
    this.transport = transport;
    this.codec = codec;
    this.seenTick = parts.ticker.tick;
    parts.rateLimit.open(this, parts.ticker.tick);
    parts.registry.opened(this, requester);
  }

  /** The session, once connected and until disconnected. */
  get session(): Session | undefined {
    return typeof this.#state === "object" ? this.#state : undefined;
  }

  /** Whether it may still be told something. */
  get isOpen(): boolean {
    return this.#state !== "closing" && this.#state !== "closed";
  }

  /** What waits for it, and how full that makes its outbox. */
  get waiting(): OutboxFill {
    return this.#parts.outbox.waiting(this.transport, this.backlog);
  }

  /** One whole message from the client. Never throws. */
  receive(message: WireMessage): void {
    receive(this.#parts, this, message);
  }

  /**
   * Charges work that is no command to the rate of commands, in tenths of one. False when the connection has
   * nothing left to spend: it is disconnected, and the edge should read no more of it.
   */
  spend(tenths: number): boolean {
    const { metrics, rateLimit, ticker } = this.#parts;
    if (rateLimit.work(this, ticker.tick, tenths)) return true;
    if (this.isOpen) metrics.add("rate_limited", 1);
    this.disconnect(disconnects.limitRate);
    return false;
  }

  /** A sign of life below the protocol. */
  alive(): void {
    this.seenTick = this.#parts.ticker.tick;
    this.pingedTick = 0;
  }

  /** The edge saw something that this protocol does not allow. */
  refuse(row: DisconnectCode, detail?: string): void {
    if (!this.isOpen) return;
    this.#parts.metrics.add("malformed_frames", 1);
    this.#parts.logger.debug({ connection: this.id, code: row.name, detail }, "refused a message");
    this.disconnect(row, detail);
  }

  /** The transport has ended. Called once by the edge; idempotent all the same. */
  closed(): void {
    if (this.#state === "closed") return;
    this.fail();
    this.#state = "closed";
    this.#parts.registry.closed();
  }

  /** Nothing more can be said to it: it lets go of everything, and may come back. */
  fail(): void {
    if (!this.isOpen) return;
    releaseConnection(this.#parts, this, { detach: true });
    this.#state = "closing";
  }

  /** Writes a batch of publications; returns its bytes, 0 when it was not written. The hot path. */
  deliver(batch: Batch, subscription?: Subscription): number {
    if (typeof this.#state !== "object" || !this.#state.live) return 0;
    return deliver(this.#parts, this, batch, subscription);
  }

  /** Tells a subscription that is behind what it missed, when there is room again. True when it was told. */
  catchUp(subscription: Subscription): boolean {
    return catchUp(this.#parts, this, subscription);
  }

  /** Says something that no other connection is told. */
  push(push: SentPush): void {
    if (this.isOpen) this.send(this.codec.push(push));
  }

  /** Sends one message of its codec, if there is one. A connection that is closing gets none. */
  send(message: WireMessage | undefined): void {
    send(this.#parts, this, message);
  }

  /** Its token is checked from now on, and no other `connect` taken; or it may bring one again. */
  authenticating(isChecked: boolean): void {
    const [from, to] = isChecked
      ? (["connecting", "authenticating"] as const)
      : (["authenticating", "connecting"] as const);
    if (this.#state === from) this.#state = to;
  }

  /** Whether `connect` may come now. */
  get isConnecting(): boolean {
    return this.#state === "connecting";
  }

  /** Begins the session, or goes on with the one whose `id` is given. False when it has one, or has ended. */
  connected(session: Session, id = this.id): boolean {
    if (this.#state !== "connecting" && this.#state !== "authenticating") return false;
    this.id = id;
    this.#state = session;
    this.#parts.registry.connected(this);
    this.#parts.expiries.moved(this, ANONYMOUS, session.identity);
    return true;
  }

  /** A token with which the client may come back as this session; undefined while none can be made. */
  newResumeToken(): string | undefined {
    const { session } = this;
    return session && this.#parts.resumeTokens.issue(this.id, session.identity, session.count);
  }

  /** Says why and ends the connection. */
  disconnect(row: DisconnectCode, detail?: string): void {
    if (!this.isOpen) return;
    // First out of every topic, so that nothing below can come back to this connection.
    // A drained client comes back to another worker.
    releaseConnection(this.#parts, this, {
      detach: mayReconnect(row.code) && row !== disconnects.drain,
      code: row.code,
    });
    this.#state = "closing";
    if (!sendLast(this.#parts, this, { op: "disconnect", body: disconnectNotice(row, detail) })) return;
    const { code, reason } = this.codec.closing(row);
    this.transport.close(code, reason);
  }
}
