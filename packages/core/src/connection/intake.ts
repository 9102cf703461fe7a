/**
 * What a client says: one message in, its commands carried out, its work charged.
 *
 * Invariants: nothing here throws, whatever comes; a message costs at least what it makes the worker do;
 * after the end of the connection nothing more of its message is carried out.
 */
import {
  type DecodedCommand,
  type DisconnectCode,
  disconnects,
  type ErrorCode,
  errors,
  type ReceivedCommand,
  type WireMessage,
} from "@holdfast/protocol";
import type { Codec } from "../codec/codec.js";
import type { Namespaces } from "../namespace.js";
import type { Metrics } from "../runtime/metrics.js";
import type { Ticker } from "../runtime/ticker.js";
import type { RateAccount, RateLimit } from "./rate-limit.js";

/** A connection, as far as what its client says concerns it. */
export interface Speaker extends RateAccount {
  readonly codec: Codec;
  readonly isOpen: boolean;
  /** Whether our last ping of the protocol has yet to be echoed. Written here and by the keepalive. */
  pongDue: boolean;
  alive(): void;
  spend(tenths: number): boolean;
  send(message: WireMessage | undefined): void;
  refuse(row: DisconnectCode, detail?: string): void;
  disconnect(row: DisconnectCode): void;
}

/** Carries out what clients ask. */
interface Commands<S extends Speaker> {
  carryOut(connection: S, command: ReceivedCommand): void;
  answerError(connection: S, id: number, error: ErrorCode): void;
}

export interface IntakeParts<S extends Speaker> {
  readonly commands: Commands<S>;
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

/** One whole message from the client. */
export function receive<S extends Speaker>(parts: IntakeParts<S>, connection: S, message: WireMessage): void {
  if (!connection.isOpen) return;
  connection.alive();
  const { codec } = connection;
  if (message === codec.ping && takePong(connection)) return;
  // Such a client says nothing that matters, and pays for it as for commands.
  if (codec.dialect.isDataOnly) {
    connection.spend(TENTHS_PER_COMMAND + tenthsFor(message.length));
    return;
  }
  if (message.length >= FREE_BYTES && !connection.spend(tenthsFor(message.length))) return;
  for (const decoded of codec.decode(message)) {
    accept(parts, connection, decoded);
    if (!connection.isOpen) return;
  }
}

function accept<S extends Speaker>(parts: IntakeParts<S>, connection: S, decoded: DecodedCommand): void {
  const { commands, metrics, namespaces, rateLimit, ticker } = parts;
  const verdict = rateLimit.charge(connection, ticker.tick, priceOf(namespaces, decoded));
  if (verdict !== "pass") metrics.add("rate_limited", 1);
  if (verdict === "disconnect") return connection.disconnect(disconnects.limitRate);
  switch (decoded.kind) {
    case "ping":
      if (!takePong(connection)) connection.send(connection.codec.ping);
      return;
    case "malformed":
      return connection.refuse(disconnects.badFrame, `Not a frame: ${decoded.problem}.`);
    case "invalid":
      return commands.answerError(connection, decoded.id, decoded.error);
    case "command":
      metrics.add("commands", 1);
      if (verdict === "refuse") return commands.answerError(connection, decoded.command.id, errors.limitRate);
      return commands.carryOut(connection, decoded.command);
  }
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
