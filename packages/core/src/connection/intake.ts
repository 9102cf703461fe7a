/**
 * What a client says: one message in, its commands carried out, its work charged.
 *
 * Invariants: nothing here throws, whatever comes; a message costs at least what it makes the worker do, also
 * where its commands have to wait for the answer to `connect`; after the end of the connection nothing more
 * of its message is carried out.
 */
import {
  type DecodedCommand,
  type DisconnectCode,
  disconnects,
  type ErrorCode,
  errors,
  type ReceivedCommand,
  type ReceivedFrame,
  type WireMessage,
} from "@holdfast/protocol";
import type { Recipient } from "../delivery/recipient.js";
import { send, type WriterParts } from "../delivery/writer.js";
import type { Namespaces } from "../namespace.js";
import type { Clock } from "../runtime/clock.js";
import type { Metrics } from "../runtime/metrics.js";
import type { Ticker } from "../runtime/ticker.js";
import type { HeldCommand, HeldCommands } from "./held-commands.js";
import type { RateAccount, RateLimit } from "./rate-limit.js";

/** A connection, as far as what its client says concerns it. */
export interface Speaker extends RateAccount, Recipient {
  /** Whether our last ping of the protocol has yet to be echoed. Written here and by the keepalive. */
  pongDue: boolean;
  alive(): void;
  spend(tenths: number): boolean;
  refuse(row: DisconnectCode, detail?: string): void;
}

/** Carries out what clients ask. */
interface Commands<S> {
  carryOut(connection: S, command: ReceivedCommand): void;
  answerError(connection: S, id: number, error: ErrorCode): void;
}

export interface IntakeParts<S extends Speaker> extends WriterParts {
  readonly clock: Pick<Clock, "rest">;
  readonly commands: Commands<S>;
  readonly held: Pick<HeldCommands<S>, "add" | "holds">;
  readonly metrics: Metrics;
  readonly namespaces: Namespaces;
  readonly rateLimit: RateLimit;
  readonly ticker: Ticker;
}

const TENTHS_PER_COMMAND = 10;
/** Bytes of a message or frame that cost nothing beside it; each as many again cost a tenth of a command. */
const FREE_BYTES = 8_192;

/** What the bytes of a message or frame cost, in tenths of a command. */
export function tenthsFor(bytes: number): number {
  return Math.floor(bytes / FREE_BYTES);
}

/** Frames that came otherwise than in a message, such as in the body of a request. */
export interface BareFrames {
  readonly frames: readonly ReceivedFrame[];
  /** Characters that they had as text. */
  readonly length: number;
}

/** One whole message from the client, or frames that an edge has read already. */
export function receive<S extends Speaker>(
  parts: IntakeParts<S>,
  connection: S,
  message: WireMessage | BareFrames,
): void {
  if (!connection.isOpen) return;
  connection.alive();
  const { codec } = connection;
  if (codec.isPing(message) && takePong(connection)) return;
  // Before anything is counted by the tick, which may end the connection.
  parts.clock.rest?.wake();
  if (!connection.isOpen) return;
  const isBytes = message instanceof Uint8Array;
  if (isBytes && !codec.encoding.isBinary)
    return connection.refuse(disconnects.badFrame, "Binary messages are not taken.");
  // Such a client says nothing that matters, and pays for it as for commands.
  if (codec.dialect.isDataOnly) {
    connection.spend(TENTHS_PER_COMMAND + tenthsFor(message.length));
    return;
  }
  if (message.length >= FREE_BYTES && !connection.spend(tenthsFor(message.length))) return;
  const isMessage = isBytes || typeof message === "string";
  // A command that is held keeps its whole message in memory.
  let chars = message.length;
  for (const decoded of isMessage ? codec.decode(message) : codec.read(message.frames)) {
    if (accept(parts, connection, decoded, chars)) chars = 0;
    if (!connection.isOpen) return;
  }
}

/** True where what came is held. */
function accept<S extends Speaker>(
  parts: IntakeParts<S>,
  connection: S,
  decoded: DecodedCommand,
  chars: number,
): boolean {
  const { commands, held, metrics, namespaces, rateLimit, ticker } = parts;
  const verdict = rateLimit.charge(connection, ticker.tick, priceOf(namespaces, decoded));
  if (verdict !== "pass") metrics.add("rate_limited", 1);
  if (verdict === "disconnect") connection.disconnect(disconnects.limitRate);
  else if (decoded.kind === "malformed")
    connection.refuse(disconnects.badFrame, `Not a frame: ${decoded.problem}.`);
  else if (decoded.kind === "ping") {
    if (!takePong(connection)) send(parts, connection, connection.codec.ping);
  } else {
    if (decoded.kind === "command") metrics.add("commands", 1);
    const due = verdict === "refuse" ? refused(decoded) : decoded;
    if (!held.holds(connection)) answer(commands, connection, due);
    else if (held.add(connection, due, chars)) return true;
    else commands.answerError(connection, idOf(due), errors.limitRate);
  }
  return false;
}

/** What the rate limit makes of it. A command that is wrong is answered with that, which costs no more. */
function refused(due: HeldCommand): HeldCommand {
  return due.kind === "command" ? { kind: "invalid", id: due.command.id, error: errors.limitRate } : due;
}

function idOf(due: HeldCommand): number {
  return due.kind === "command" ? due.command.id : due.id;
}

/** Now, or once it is held no longer. */
export function answer<S>(commands: Commands<S>, connection: S, due: HeldCommand): void {
  if (due.kind === "command") commands.carryOut(connection, due.command);
  else commands.answerError(connection, due.id, due.error);
}

function priceOf(namespaces: Namespaces, decoded: DecodedCommand): number {
  if (decoded.kind !== "command" || !("channel" in decoded.command.body)) return 1;
  return namespaces.price(decoded.command.body.channel);
}

/**
 * True when a ping answers ours; otherwise it is the client's own, to be echoed. Told apart by what we sent,
 * not by silence: a command that crosses our ping must not turn the pong into a ping, or both sides echo for
 * ever.
 */
function takePong(connection: Speaker): boolean {
  const due = connection.pongDue;
  connection.pongDue = false;
  return due;
}
