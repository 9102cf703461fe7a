/**
 * Link: one WebSocket from its making to its end.
 *
 * Owns the socket, the connect command, the commands in flight and two deadlines (connect reply, silence). It finds
 * out that it is over, never what comes next: that is the connector's.
 * Invariant: `ended` is called at most once, never after `close()`, and nothing is called after it except the
 * settling of commands. Listeners stay on a socket that was left: `ws` throws the errors nobody listens to.
 */
import {
  type Command,
  type CommandName,
  type ConnectRequest,
  type ConnectResult,
  type DecodedFrame,
  decodeFrames,
  encodeCommand,
  errors,
  type Json,
  PING,
} from "@holdfast/protocol";
import type { Clock, Timer } from "./clock.js";
import {
  closeEnding,
  disconnectEnding,
  drainEnding,
  type Ending,
  lostEnding,
  refusedEnding,
} from "./ending.js";
import { clientErrors, HoldfastError } from "./errors.js";
import { type Inbound, readConnectResult, readPush } from "./inbound.js";
import { byteLength, Outgoing } from "./outgoing.js";
import { Pending, type Settle } from "./pending.js";
import type { WebSocketLike } from "./web-socket.js";

/** Characters of one message that are parsed; a longer one is reported and dropped. */
export const MAX_MESSAGE_LENGTH = 16 * 1024 * 1024;

export interface LinkOptions {
  readonly clock: Clock;
  /** From the making of the socket to the connect reply, ms. */
  readonly connectTimeoutMs: number;
  readonly commandTimeoutMs: number;
}

export interface LinkEvents {
  connected(result: ConnectResult): void;
  /** A push other than those that concern the link alone. */
  received(inbound: Inbound): void;
  /** Something was wrong that did not end the link. */
  problem(error: HoldfastError): void;
  /** `greeted`: the socket had opened, but the connect reply never came. */
  ended(ending: Ending, greeted: boolean): void;
}

type State =
  | { readonly t: "opening"; readonly deadline: Timer }
  | { readonly t: "greeting"; readonly deadline: Timer }
  | { readonly t: "open"; readonly deadline: Timer | undefined; readonly result: ConnectResult }
  | { readonly t: "closed"; readonly deadline?: undefined };

export class Link {
  readonly #socket: WebSocketLike;
  readonly #clock: Clock;
  readonly #on: LinkEvents;
  readonly #pending: Pending;
  readonly #outgoing: Outgoing;
  #state: State;
  /** When something last came from the server, on the monotonic clock. */
  #heard = 0;

  /** `hello` is asked for the body of the connect command when the socket is open. */
  constructor(socket: WebSocketLike, hello: () => ConnectRequest, options: LinkOptions, on: LinkEvents) {
    const { clock, connectTimeoutMs } = options;
    this.#socket = socket;
    this.#clock = clock;
    this.#on = on;
    this.#pending = new Pending(clock, options.commandTimeoutMs);
    this.#outgoing = new Outgoing(
      (message) => this.#send(message),
      () => (this.#state.t === "open" ? this.#state.result.limits.maxPayload : Number.POSITIVE_INFINITY),
    );
    const deadline = clock.after(connectTimeoutMs, () => this.#end(lostEnding("no connect reply in time")));
    this.#state = { t: "opening", deadline };
    socket.addEventListener("open", () => {
      if (this.#state.t === "opening") this.#greet(hello(), deadline);
    });
    socket.addEventListener("message", ({ data }) => this.#receive(data));
    socket.addEventListener("error", (event) => {
      if (this.#state.t !== "closed") on.problem(transportError(event));
    });
    socket.addEventListener("close", ({ code, reason }) => this.#end(closeEnding(code, reason)));
  }

  /** Sends a command. `settle` may be called at once. Throws for data that JSON cannot express. */
  request<Op extends Exclude<CommandName, "connect">>(
    op: Op,
    body: Extract<Command, { op: Op }>["body"],
    settle: Settle,
  ): void {
    if (this.#state.t !== "open") {
      settle({ ok: false, error: new HoldfastError(clientErrors.disconnected) });
      return;
    }
    const text = encodeCommand({ op, id: this.#pending.nextId, body } as Command);
    if (byteLength(text) > this.#state.result.limits.maxPayload) {
      // The server would close the connection for good.
      settle({ ok: false, error: new HoldfastError(errors.tooBig) });
    } else if (this.#pending.add(settle)) this.#outgoing.push(text);
  }

  /** Ends the link without a word to its owner. Idempotent. */
  close(): void {
    if (this.#leave()) this.#pending.close();
  }

  #greet(body: ConnectRequest, deadline: Timer): void {
    this.#state = { t: "greeting", deadline };
    const command = encodeCommand({ op: "connect", id: this.#pending.nextId, body });
    this.#pending.add((outcome) => {
      if (this.#state.t !== "greeting") return;
      if (!outcome.ok) this.#end(refusedEnding(outcome.error));
      else this.#connected(readConnectResult(outcome.body));
    });
    this.#send(command);
  }

  #connected(result: ConnectResult | undefined): void {
    if (result === undefined) {
      this.#on.problem(new HoldfastError(clientErrors.malformed, "The connect reply names no session."));
      this.#end(lostEnding("malformed connect reply"));
      return;
    }
    this.#state.deadline?.cancel();
    this.#enterOpen(result);
    this.#on.connected(result);
  }

  /** Arms the deadline of silence. */
  #enterOpen(result: ConnectResult): void {
    const silenceMs = longestSilence(result);
    const left = this.#heard + silenceMs - this.#clock.monotonic();
    const check = (): void => {
      if (this.#heard + silenceMs > this.#clock.monotonic()) this.#enterOpen(result);
      else this.#end(lostEnding("the server fell silent"));
    };
    // A server that never pings promises no sound.
    const deadline = result.ping > 0 ? this.#clock.after(Math.min(left, 2 ** 31 - 1), check) : undefined;
    this.#state = { t: "open", result, deadline };
  }

  #receive(data: unknown): void {
    if (this.#state.t === "closed") return;
    this.#heard = this.#clock.monotonic();
    if (typeof data !== "string") return this.#malformed("a binary message");
    if (data.length > MAX_MESSAGE_LENGTH) return this.#malformed(`a message of ${data.length} characters`);
    for (const frame of decodeFrames(data)) {
      this.#handle(frame);
      if (this.#isClosed()) return;
    }
  }

  #handle(frame: DecodedFrame): void {
    switch (frame.kind) {
      case "ping":
        return this.#send(PING);
      case "reply":
        return this.#pending.settle(frame.id, { ok: true, body: frame.body });
      case "error":
        return this.#pending.settle(frame.id, { ok: false, error: HoldfastError.fromReply(frame.error) });
      case "malformed":
        return this.#malformed(frame.text);
      case "push":
        return this.#handlePush(frame.op, frame.body);
    }
  }

  #handlePush(op: string, body: Json): void {
    const inbound = readPush(op, body);
    switch (inbound.kind) {
      case "unknown":
        return;
      case "malformed":
        return this.#malformed(`${op} ${JSON.stringify(body)}`);
      case "disconnect":
        return this.#end(disconnectEnding(inbound.body));
      case "drain":
        this.#on.received(inbound);
        return this.#end(drainEnding(inbound.body));
      default:
        this.#on.received(inbound);
    }
  }

  #malformed(what: string): void {
    this.#on.problem(
      new HoldfastError(clientErrors.malformed, `Not of this protocol: ${what.slice(0, 200)}`),
    );
  }

  #send(message: string): void {
    if (this.#state.t !== "closed" && this.#state.t !== "opening") this.#socket.send(message);
  }

  #end(ending: Ending): void {
    const greeted = this.#state.t === "greeting";
    if (!this.#leave()) return;
    this.#on.ended(ending, greeted);
    this.#pending.close();
  }

  /** False when it was left before. */
  #leave(): boolean {
    if (this.#isClosed()) return false;
    this.#state.deadline?.cancel();
    this.#state = { t: "closed" };
    this.#socket.close(1000);
    return true;
  }

  #isClosed(): boolean {
    return this.#state.t === "closed";
  }
}

/** `ws` says what went wrong, browsers do not. */
function transportError(event: object): HoldfastError {
  const { message, error } = event as { readonly message?: unknown; readonly error?: unknown };
  return new HoldfastError(clientErrors.transport, typeof message === "string" ? message : undefined, error);
}

/**
 * How long a live server may say nothing, ms: a client that spoke just after half an interval is passed over once, so
 * pings are up to one and a half intervals apart (docs/protocol.md, keepalive). `pongTimeout` more allows for delay.
 */
function longestSilence({ ping, pongTimeout }: ConnectResult): number {
  return 1.5 * ping + pongTimeout;
}
