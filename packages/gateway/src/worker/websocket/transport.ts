/**
 * The transport of a WebSocket: all that the edge keeps for a connection, on a bare TCP handle
 * (`HandleWriter`).
 *
 *     open ──refused──► held ──later──► closing
 *     open ──our close──► closing ──theirs, or a violation──► ending ──their FIN──► closed
 *      ├────────────their close, or a violation──────────────────┘                     ▲
 *      └─their FIN while bytes wait──► flushing ──our FIN──────────────────────────────┘
 *
 * Everything but `open` has a deadline (`WebSocketTransports`). Nothing is read after `closing`. `held`: the
 * close frame of a refusal waits, since refusals come fast (`RefusalBrake`); what the client sends meanwhile
 * is dropped. Invariant: nothing follows our close frame.
 */
import {
  type Connection,
  type FrameRun,
  type Framing,
  type Metrics,
  type Transport,
  tenthsFor,
} from "@holdfast/core";
import { disconnects, mayReconnect } from "@holdfast/protocol";
import { HandleWriter, type WriterHome, type WriterState } from "../sockets/handle-writer.js";
import type { Unfinished, UnfinishedMessages } from "../sockets/unfinished-messages.js";
import type { Assembly } from "./assembly.js";
import { closeFrame, controlFrame, OPCODES } from "./framing.js";
import { type FrameEvents, type FrameRules, receive } from "./receiver.js";
import { rowOf, type Violation } from "./violations.js";

/** What the edge tells core about one connection. */
export type SocketConnection = Pick<
  Connection,
  "receive" | "alive" | "spend" | "refuse" | "disconnect" | "closed"
>;

/** What all transports of a worker share that were agreed on the same. */
export interface TransportHome extends WriterHome, FrameRules {
  readonly framing: Framing;
  /** What compressed messages of clients cost is counted here. */
  readonly metrics: Pick<Metrics, "add">;
  /** What is held of messages that are not complete. */
  readonly unfinished: UnfinishedMessages;
  /** Calls `say` now, or later where refusals come fast. Called once. */
  refuse(transport: WebSocketTransport, say: () => void): void;
  /** What waits to be said is said now. */
  hurry(transport: WebSocketTransport): void;
  /** It should end soon. Called once. */
  leaving(transport: WebSocketTransport): void;
}

/**
 * A read of fewer bytes that completes nothing is work for its own sake: an honest client's segments are
 * longer.
 */
const SMALL_READ_BYTES = 256;

/** A client that sends so much after the end is not read any more: its deadline ends it. */
const LOUD_BYTES = 8 * 1024;

type Own = "held" | "closing";
type State = WriterState | Own;

const PING = controlFrame(OPCODES.ping, Buffer.alloc(0));

export class WebSocketTransport
  extends HandleWriter<TransportHome, SocketConnection, Own>
  implements Transport, FrameEvents, Unfinished
{
  /** What has come of a message that is not complete. */
  #kept: Assembly | undefined = undefined;

  get framing(): Framing {
    return this.home.framing;
  }

  write(frames: Uint8Array): void {
    if (this.state === "open") this.put(frames);
  }

  writeRun({ joined }: FrameRun): void {
    this.write(joined);
  }

  ping(): void {
    if (this.state === "open") this.put(PING);
  }

  close(code: number, reason: string): void {
    if (this.state !== "open") return;
    const frame = closeFrame(code, reason);
    if (mayReconnect(code)) return this.#sayGoodbye(frame);
    this.state = "held";
    this.home.refuse(this, () => {
      if (this.state === "held") this.#sayGoodbye(frame);
    });
  }

  override terminate(): void {
    if (this.state !== "closed") this.#drop();
    super.terminate();
  }

  /** Begins with the handshake's answer, and with what was read already. */
  start(answer: Uint8Array, first: Buffer): void {
    if (this.state !== "closed") this.put(answer);
    if (first.length > 0) this.#receive(first);
    this.startReading();
  }

  read(bytes: Buffer | undefined): void {
    if (bytes === undefined) return this.#inputEnded();
    this.#receive(bytes);
    if (bytes.length >= LOUD_BYTES && !isReading(this.state)) this.stopReading();
  }

  // What the client says.

  textCame(text: string): boolean {
    if (this.state !== "open") return this.#spend(1 + tenthsFor(text.length));
    this.connection?.receive(text);
    return isReading(this.state);
  }

  binaryCame(bytes: Uint8Array): boolean {
    if (this.state !== "open") return this.#spend(1 + tenthsFor(bytes.length));
    this.connection?.receive(bytes);
    return isReading(this.state);
  }

  /**
   * While bytes wait only the newest ping is answered, behind them: a flood of pings must not fill memory
   * with pongs.
   */
  pinged(payload: Uint8Array): boolean {
    if (this.state === "open") this.putNewest(controlFrame(OPCODES.pong, payload));
    return this.ponged();
  }

  ponged(): boolean {
    if (this.state === "open") this.connection?.alive();
    return this.#spend(1);
  }

  fragmentCame(bytes: number): boolean {
    return this.#spend(1 + tenthsFor(bytes));
  }

  inflated(bytes: number): boolean {
    this.home.metrics.add("inflated", 1);
    this.home.metrics.add("inflated_bytes", bytes);
    return this.#spend(1 + tenthsFor(bytes));
  }

  closeCame(payload: Uint8Array): void {
    // The close frame of the side that begins is said back as it is.
    if (this.state === "open" || this.state === "held")
      this.#sayGoodbye(controlFrame(OPCODES.close, payload));
    this.#end("ending");
  }

  violated({ code, sentence }: Violation): void {
    if (this.state === "open") this.connection?.refuse(rowOf(code), sentence);
    this.close(code, sentence);
    this.#end("ending");
  }

  /** The rest of a message is awaited no longer. */
  abandon(why: string): void {
    this.connection?.disconnect(disconnects.unfinished, why);
    this.#end("ending");
  }

  #receive(bytes: Buffer): void {
    if (!isReading(this.state)) return;
    const before = this.#kept;
    const { length } = bytes;
    const kept = receive(bytes, before, this.home, this);
    if (before === undefined && kept === undefined) return;
    // What ended it has dropped what was kept.
    if (!isReading(this.state)) return;
    this.#kept = kept;
    if (kept === undefined) return this.home.unfinished.release(this);
    if (length < SMALL_READ_BYTES && !this.#spend(1)) return;
    this.home.unfinished.hold(this, kept.heldBytes, kept !== before);
  }

  /** Charges work to the connection. False when nothing more should be read. */
  #spend(tenths: number): boolean {
    if (this.connection?.spend(tenths) === false) this.#end("ending");
    return isReading(this.state);
  }

  #drop(): void {
    if (this.#kept === undefined) return;
    this.#kept = undefined;
    this.home.unfinished.release(this);
  }

  /** A client that reads no more has no use for what waits; but it may only have ended its own side. */
  #inputEnded(): void {
    this.#sayHeld();
    if (this.bufferedBytes === 0) this.terminate();
    else if (this.state === "open") {
      this.home.leaving(this);
      this.#end("flushing");
    } else if (this.state === "closing") this.#end("flushing");
    else if (this.state === "ending") this.state = "flushing";
  }

  #sayHeld(): void {
    if (this.state === "held") this.home.hurry(this);
  }

  #sayGoodbye(frame: Uint8Array): void {
    this.state = "closing";
    this.putLast(frame);
    if (!this.destroyed) this.home.leaving(this);
  }

  /** Ends our side behind all that waits. */
  #end(state: "ending" | "flushing"): void {
    this.#sayHeld();
    if (!isReading(this.state)) return;
    this.state = state;
    this.#drop();
    this.finish();
  }
}

/** While our own close frame waits for an answer, too. */
function isReading(state: State): boolean {
  return state === "open" || state === "held" || state === "closing";
}
