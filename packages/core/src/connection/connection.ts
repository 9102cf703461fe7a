/**
 * A connection: one live link, from the transport's opening to its end.
 *
 *     connecting ──connect──► connected ──disconnect──► closing ──transport ended──► closed
 *       │    ▲ └────────────────disconnect───────────────┘ ▲
 *     token  └─refused──► authenticating ──good──► connected
 *
 * It is what its parts work on: `intake.ts` takes what the client says, `held-commands.ts` keeps
 * what comes behind a `connect`, `delivery/writer.ts` writes to it,
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
import { DeliveryState, type Recipient } from "../delivery/recipient.js";
import type { SlowConsumers } from "../delivery/slow-consumers.js";
import type { Transport } from "../delivery/transport.js";
import { deliver, send, sendLast, type WriterParts } from "../delivery/writer.js";
import type { Subscription } from "../hub/subscription.js";
import { clientFacts, type Incidents } from "../runtime/incidents.js";
import type { HeldCommands } from "./held-commands.js";
import { type BareFrames, type IntakeParts, receive, type Speaker } from "./intake.js";
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
  readonly held: HeldCommands<Connection>;
  readonly slowConsumers: SlowConsumers;
  readonly resumeTokens: ResumeTokens;
  readonly incidents: Incidents;
  readonly registry: {
    opened(connection: Connection, requester?: Requester): void;
    connected(connection: Connection): void;
    disconnected(connection: Connection): void;
    closed(): void;
  };
}

/** A session is the state's resource: being connected means having one. */
type State = Session | "connecting" | "authenticating" | "closing" | "closed";

export class Connection extends DeliveryState implements Listener, Speaker, Recipient {
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
  readonly #parts: ConnectionParts;
  #state: State = "connecting";

  /** Made by `Core#open` alone. */
  constructor(id: string, parts: ConnectionParts, transport: Transport, codec: Codec, requester?: Requester) {
    super();
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

  /**
   * One whole message from the client, or frames that the edge has read already. Never throws. What it was
   * answered at once has left before the edge reads on: a close may be next.
   */
  receive(message: WireMessage | BareFrames): void {
    receive(this.#parts, this, message);
    this.#parts.cork.release(this);
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
    this.#parts.clock.rest?.wake();
    this.enter("closing");
    this.#state = "closed";
    this.#parts.registry.closed();
  }

  /** Writes a batch of publications; returns its bytes, 0 when it was not written. The hot path. */
  deliver(batch: Batch, subscription?: Subscription): number {
    if (typeof this.#state !== "object" || !this.#state.live) return 0;
    return deliver(this.#parts, this, batch, subscription);
  }

  /** Says something that no other connection is told. */
  push(push: SentPush): void {
    if (this.isOpen) send(this.#parts, this, this.codec.push(push));
  }

  /**
   * Goes into another state; false where that cannot follow, and then nothing changes.
   * - `authenticating`: its token is checked from now on, and no other `connect` is taken.
   * - `connecting`: the token was refused, and `connect` may come again.
   * - A session: the client is connected. It goes on with the session whose `id` is given.
   * - `closing`: nothing more can be said to it. It lets go of everything, and may come back.
   */
  enter(next: Session | "authenticating" | "connecting" | "closing", id = this.id): boolean {
    if (!mayFollow(this.#state, next)) return false;
    if (next === "closing") releaseConnection(this.#parts, this, { detach: true });
    this.#state = next;
    if (typeof next === "string") return true;
    this.id = id;
    this.#parts.registry.connected(this);
    this.#parts.expiries.moved(this, ANONYMOUS, next.identity);
    return true;
  }

  /** A token with which the client may come back as this session; undefined while none can be made. */
  newResumeToken(): string | undefined {
    const { session } = this;
    return session && this.#parts.resumeTokens.issue(this.id, session.identity, session.count);
  }

  /** Says why, and when to come back at the earliest (ms), and ends the connection. */
  disconnect(row: DisconnectCode, detail?: string, retryAfter?: number): void {
    // Its session may come back for so many ticks from now on.
    this.#parts.clock.rest?.wake();
    if (!this.isOpen) return;
    // What it was told so far stands before the reason. A transport that fails over it has ended it.
    this.#parts.cork.release(this);
    if (!this.isOpen) return;
    const movesOn = row === disconnects.drain || row === disconnects.rebalance;
    if (!movesOn)
      this.#parts.incidents.note({
        kind: "ended",
        code: row.name,
        message: detail,
        ...clientFacts(this),
      });
    // First out of every topic, so that nothing below can come back to this connection.
    // One that is to move on comes back to another worker.
    releaseConnection(this.#parts, this, {
      detach: mayReconnect(row.code) && !movesOn,
      code: row.code,
    });
    this.#state = "closing";
    if (retryAfter !== undefined) this.transport.setRetryDelay?.(retryAfter);
    const body = disconnectNotice(row, detail, retryAfter);
    if (!sendLast(this.#parts, this, { op: "disconnect", body })) return;
    const { code, reason } = this.codec.closing(row);
    this.transport.close(code, reason);
  }
}

function mayFollow(from: State, next: State): boolean {
  switch (next) {
    case "authenticating":
      return from === "connecting";
    case "connecting":
      return from === "authenticating";
    case "closing":
      return from !== "closing" && from !== "closed";
    default:
      return from === "connecting" || from === "authenticating";
  }
}
