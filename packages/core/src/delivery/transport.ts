/**
 * The transport seam: moves bytes for one connection. Transport owns bytes, core owns meaning.
 *
 * An implementer owes: `write` keeps the order of its calls and never throws; `bufferedBytes` is what was
 * accepted but not yet taken by the kernel; after `close` or `terminate` further calls do nothing; the edge
 * calls `Connection#closed` exactly once, whichever side ended it. It must not interpret, delay or drop what
 * it is given.
 *
 * The smallest useful one (an echo of what core does with it):
 *
 *     const connection = gateway.open(transport, "lines");
 *     socket.on("message", (text) => connection.receive(text));
 *     socket.on("close", () => connection.closed());
 */

import type { Position, Resume, WireMessage } from "@holdfast/protocol";

/** Where a message takes its reader. */
export interface Mark {
  readonly channel: string;
  readonly position: Position;
}

/** One message of a batch. */
export interface Message {
  readonly text: string;
  /** Undefined where it moves no position. */
  readonly at: Mark | undefined;
}

/** Turns messages into the bytes a kind of transport writes. One instance per kind. */
export interface Framing {
  /** The bytes of one text message. */
  frame(text: string): Uint8Array;
  /** The bytes of one binary message; left out where the transport carries text alone. */
  frameBytes?(bytes: Uint8Array): Uint8Array;
  /** The bytes of the text messages of a batch, for a framing that tells its readers where they stand. */
  frameAll?(messages: readonly Message[]): Uint8Array;
}

/** The bytes of one message. The edge opens no binary codec on a transport that carries text alone. */
export function frameMessage(framing: Framing, message: WireMessage): Uint8Array {
  if (typeof message === "string") return framing.frame(message);
  if (framing.frameBytes === undefined) throw new TypeError("this transport carries no binary message");
  return framing.frameBytes(message);
}

export interface Transport {
  /** Shared by all transports of a kind: fan-out frames once per framing, told apart by identity. */
  readonly framing: Framing;
  /** Bytes waiting in user space for this connection. */
  readonly bufferedBytes: number;
  /**
   * Writes bytes that `framing` made: one message or several. The array is shared and must not be changed.
   */
  write(frames: Uint8Array): void;
  /** Asks the other side for a sign of life below the protocol, where the transport can. */
  ping(): void;
  /** Ends politely: everything written before is delivered first. */
  close(code: number, reason: string): void;
  /** Ends at once. */
  terminate(): void;

  // What transports do whose clients keep no positions of their own. Others leave it out.

  /**
   * Subscriptions begin there, without a position where there is no history: said right before the answer is
   * written. `proof` makes what the client may come back with as this session.
   */
  subscribed?(positions: ReadonlyMap<string, Position | undefined>, proof: () => Resume | undefined): void;
  /** A subscription has ended. */
  unsubscribed?(channel: string): void;
  /**
   * When the client is to come back once the connection has ended, for a client that does not read pushes.
   */
  setRetryDelay?(afterMs: number): void;
}
