/**
 * One connection to the server, from its opening to its end, over any transport.
 *
 * Owns the transport, the connect command, the commands in flight and two deadlines (connect reply, silence).
 * It reports its end. What happens next is decided by the connector (connector.ts).
 * Invariant: `ended` is called at most once, never after `close()`, and nothing is called after it except the
 * settling of commands. Commands that are asked for before the connect reply leave after it.
 */
import {
  type Command,
  type CommandName,
  type ConnectRequest,
  type DecodedFrame,
  decodeFrames,
  encodeCommand,
  PING,
} from "@holdfast/protocol";
import type { Clock, Timer } from "../clock.js";
import type { ClientTransport, TransportEvents } from "../transports/transport.js";
import { serverErrors } from "../wire/codes.js";
import { disconnectEnding, drainEnding, type Ending, lostEnding, refusedEnding } from "../wire/ending.js";
import { clientErrors, HoldfastError } from "../wire/errors.js";
import { isText } from "../wire/fields.js";
import { type ConnectReply, type Inbound, readConnectResult, readPush } from "../wire/inbound.js";
import { Outgoing } from "../wire/outgoing.js";
import { CONNECT_ID, failed, Pending, type Settle } from "./pending.js";

/** Characters of one message that are parsed; a longer one is reported and dropped. */
export const MAX_MESSAGE_LENGTH = 16 * 1024 * 1024;

export type RequestName = Exclude<CommandName, "connect">;

export type RequestBody<Op extends RequestName> = Extract<Command, { op: Op }>["body"];

/** Of JSON.stringify. */
type Replacer = (key: string, value: unknown) => unknown;

export interface ServerConnectionOptions {
  readonly clock: Clock;
  /** From the making of the transport to the connect reply, ms. */
  readonly connectTimeoutMs: number;
  readonly commandTimeoutMs: number;
  readonly encoding?: { readonly replacer: Replacer } | undefined;
}

export interface ServerConnectionEvents {
  /** The transport is open: call `sendConnect` now or after a `probe`. */
  opened(): void;
  connected(result: ConnectReply): void;
  /** A push other than those that concern the connection alone. */
  received(inbound: Inbound): void;
  /** Something was wrong that did not end the connection. */
  problem(error: HoldfastError): void;
  /** `connectSent`: the transport had opened, but the connect reply never came. */
  ended(ending: Ending, connectSent: boolean): void;
}

type State =
  | { readonly t: "opening"; readonly deadline: Timer }
  | { readonly t: "opened"; readonly deadline: Timer; readonly heard?: () => void }
  | { readonly t: "connecting"; readonly deadline: Timer }
  | { readonly t: "open"; readonly deadline: Timer | undefined; readonly result: ConnectReply }
  | { readonly t: "closed"; readonly deadline?: undefined };

export class ServerConnection {
  readonly #transport: ClientTransport;
  readonly #clock: Clock;
  readonly #on: ServerConnectionEvents;
  readonly #pending: Pending;
  readonly #outgoing: Outgoing;
  readonly #replacer: Replacer | undefined;
  #state: State;
  /** When something last came from the server, on the monotonic clock. */
  #heard = 0;
  /** How long the transport's server may say nothing, whatever its pings promise, ms. */
  #quietMs = 0;

  constructor(
    open: (on: TransportEvents) => ClientTransport,
    options: ServerConnectionOptions,
    on: ServerConnectionEvents,
  ) {
    const { clock, connectTimeoutMs } = options;
    this.#clock = clock;
    this.#replacer = options.encoding?.replacer;
    this.#on = on;
    this.#pending = new Pending(clock, options.commandTimeoutMs);
    this.#outgoing = new Outgoing(
      (message) => this.#send(message),
      (id) => this.#pending.settle(id, failed(serverErrors.tooBig)),
    );
    this.#transport = open({
      opened: () => {
        if (this.#state.t !== "opening") return;
        this.#state = { ...this.#state, t: "opened" };
        on.opened();
      },
      heard: (quietMs = 0) => {
        this.#heard = clock.monotonic();
        this.#quietMs = quietMs;
      },
      message: (data) => this.#receive(data),
      problem: (error) => {
        if (!this.#isClosed()) on.problem(error);
      },
      endedBy: (ending) => this.#end(ending),
    });
    const deadline = clock.after(connectTimeoutMs, () => this.#end(lostEnding("no connect reply")));
    this.#state = { t: "opening", deadline };
  }

  /** Calls `run` once no command waits for its reply, maybe at once. */
  whenIdle(run: () => void): void {
    this.#pending.whenIdle(run);
  }

  /** Sends a ping before the connect command: a transport may open and yet let nothing through. */
  probe(heard: () => void): void {
    if (this.#state.t !== "opened") return;
    this.#state = { ...this.#state, heard };
    this.#transport.send(PING);
  }

  /** Sends the connect command, after `opened`. */
  sendConnect(body: ConnectRequest): void {
    if (this.#state.t !== "opened") return;
    this.#state = { t: "connecting", deadline: this.#state.deadline };
    const command = encodeCommand({ op: "connect", id: CONNECT_ID, body });
    this.#pending.addConnect((outcome) => {
      if (this.#state.t !== "connecting") return;
      if (!outcome.ok) this.#end(refusedEnding(outcome.error));
      else this.#connected(readConnectResult(outcome.body));
    });
    this.#send(command);
  }

  /** The session has another resume token. */
  renewed(resumeToken: string): void {
    this.#transport.renewed?.(resumeToken);
  }

  /** Sends a command. `settle` may be called at once. Throws for data that JSON cannot express. */
  request<Op extends RequestName>(op: Op, body: RequestBody<Op>, settle: Settle): void {
    if (this.#isClosed()) {
      return settle(failed(clientErrors.disconnected));
    }
    const id = this.#pending.nextId;
    const text = encodeCommand({ op, id, body } as Command, this.#replacer);
    if (!this.#outgoing.fits(text)) settle(failed(serverErrors.tooBig));
    else if (this.#pending.add(settle)) this.#outgoing.push(text, id);
  }

  /** Ends the connection without calling `ended`. Idempotent. */
  close(): void {
    if (this.#leave()) this.#pending.close();
  }

  #connected(result: ConnectReply | undefined): void {
    if (result === undefined) {
      const what = "no session";
      this.#on.problem(malformed(what));
      return this.#end(lostEnding(what));
    }
    this.#state.deadline?.cancel();
    this.#enterOpen(result);
    const maxBytes = result.limits.maxPayload - (this.#transport.connected?.(result) ?? 0);
    this.#outgoing.open(maxBytes);
    this.#on.connected(result);
  }

  /** Arms the deadline of silence. */
  #enterOpen(result: ConnectReply): void {
    const silentAt = (): number => this.#heard + longestSilence(result, this.#quietMs);
    const left = silentAt() - this.#clock.monotonic();
    const check = (): void => {
      if (silentAt() > this.#clock.monotonic()) this.#enterOpen(result);
      else this.#end(lostEnding("the server fell silent"));
    };
    // A server that never pings promises no sound.
    const deadline = result.ping > 0 ? this.#clock.after(Math.min(left, 2 ** 31 - 1), check) : undefined;
    this.#state = { t: "open", result, deadline };
  }

  #receive(data: unknown): void {
    if (this.#isClosed()) return;
    if ((!isText(data) && !Array.isArray(data)) || data.length > MAX_MESSAGE_LENGTH)
      return this.#on.problem(malformed("binary or too long"));
    for (const frame of decodeFrames(data)) {
      this.#handle(frame);
      if (this.#isClosed()) return;
    }
  }

  #handle(frame: DecodedFrame): void {
    switch (frame.kind) {
      case "ping":
        if (this.#state.t !== "opened") return this.#send(PING);
        this.#state.heard?.();
        return;
      case "reply":
        return this.#pending.settle(frame.id, { ok: true, body: frame.body });
      case "error":
        return this.#pending.settle(frame.id, failed(frame.error));
      case "malformed":
        return this.#on.problem(malformed(frame.text));
      case "push":
        return this.#handlePush(frame.op, frame.body);
    }
  }

  #handlePush(op: string, body: unknown): void {
    // The server made a new session from the cursor, because the old one was gone. Its commands are lost.
    if (op === "connect" && this.#state.t === "open") return this.#end(lostEnding("another session"));
    const inbound = readPush(op, body);
    switch (inbound.kind) {
      case "unknown":
        return;
      case "malformed":
        return this.#on.problem(malformed(`${op} ${JSON.stringify(body)}`));
      case "disconnect":
        return this.#end(disconnectEnding(inbound.body));
      case "drain":
        this.#on.received(inbound);
        return this.#end(drainEnding(inbound.body));
      default:
        this.#on.received(inbound);
    }
  }

  #send(message: string): void {
    if (this.#state.t !== "closed" && this.#state.t !== "opening") this.#transport.send(message);
  }

  #end(ending: Ending): void {
    const connectSent = this.#state.t === "connecting";
    if (!this.#leave()) return;
    this.#on.ended(ending, connectSent);
    this.#pending.close();
  }

  /** False when it had ended before. */
  #leave(): boolean {
    if (this.#isClosed()) return false;
    this.#state.deadline?.cancel();
    this.#state = { t: "closed" };
    this.#transport.close();
    return true;
  }

  #isClosed(): boolean {
    return this.#state.t === "closed";
  }
}

function malformed(what: string): HoldfastError {
  return new HoldfastError(clientErrors.malformed, `${clientErrors.malformed.message} ${what.slice(0, 200)}`);
}

/**
 * How long a live server may say nothing, ms: a client that spoke just after half an interval is passed over
 * once, so pings are up to one and a half intervals apart (docs/protocol.md, keepalive). `pongTimeout` more
 * allows for delay.
 */
function longestSilence({ ping, pongTimeout }: ConnectReply, quietMs: number): number {
  return Math.max(1.5 * ping, quietMs) + pongTimeout;
}
