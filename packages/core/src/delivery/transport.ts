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
  /** Text, or bytes for a framing that has `frameBytes`. */
  readonly said: WireMessage;
  /** Undefined where it moves no position. */
  readonly at: Mark | undefined;
}

/**
 * Turns messages into the bytes a kind of transport writes. One instance per kind.
 *
 * `compressFrom`: bytes of a message from which it may be compressed, by a framing that can; left out where
 * its bytes are for one connection alone, and are not to be compressed.
 */
export interface Framing {
  /** The bytes of one text message. */
  frame(text: string, compressFrom?: number): Uint8Array;
  /** The bytes of one binary message; left out where the transport carries text alone. */
  frameBytes?(bytes: Uint8Array, compressFrom?: number): Uint8Array;
  /** The bytes of the messages of a batch, for a framing that tells its readers where they stand. */
  frameAll?(messages: readonly Message[], compressFrom?: number): Uint8Array;
}

/** The bytes of one message. The edge opens no binary codec on a transport that carries text alone. */
export function frameMessage(framing: Framing, message: WireMessage, compressFrom?: number): Uint8Array {
  if (typeof message === "string") return framing.frame(message, compressFrom);
  if (framing.frameBytes === undefined) throw new TypeError("this transport carries no binary message");
  return framing.frameBytes(message, compressFrom);
}

/** Bytes for one connection that follow one another, each made by the framing. */
export interface FrameRun {
  readonly list: readonly Uint8Array[];
  /** The same in one array. Shared with other connections: not to be changed. */
  readonly joined: Uint8Array;
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
  /** The same in one go. Left out where that brings nothing: then they are written one by one. */
  writeRun?(run: FrameRun): void;
  /** Asks the other side for a sign of life below the protocol, where the transport can. */
  ping(): void;
  /** Ends politely: everything written before is delivered first. */
  close(code: number, reason: string): void;
  /** Ends at once. */
  terminate(): void;

  /**
   * Where its client comes from, as limits count it: of IPv6 the network of /64. Looked up when asked;
   * undefined where it is not known, or the socket has gone. Left out by a transport that has none.
   */
  clientAddress?(): string | undefined;

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
