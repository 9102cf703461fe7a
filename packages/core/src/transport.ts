/**
 * The transport seam: moves bytes for one connection. Transport owns bytes, core owns meaning.
 *
 * An implementer owes: `write` keeps the order of its calls and never throws; `bufferedBytes` is what was accepted
 * but not yet taken by the kernel; after `close` or `terminate` further calls do nothing; the edge calls
 * `Connection#closed` exactly once, whoever ended it. It must not interpret, delay or drop what it is given.
 *
 * The smallest useful one (an echo of what core does with it):
 *
 *     const connection = gateway.open(transport, "lines");
 *     socket.on("message", (text) => connection.receive(text));
 *     socket.on("close", () => connection.closed());
 */

/** Turns text messages into the bytes a kind of transport writes. Stateless, one instance per kind. */
export interface Framing {
  /** The bytes of one message. */
  frame(text: string): Uint8Array;
}

export interface Transport {
  /** Shared by all transports of a kind: fan-out frames once per framing, told apart by identity. */
  readonly framing: Framing;
  /** Bytes waiting in user space for this connection. */
  readonly bufferedBytes: number;
  /** Writes bytes that `framing` made: one message or several. The array is shared and must not be changed. */
  write(frames: Uint8Array): void;
  /** Asks the other side for a sign of life below the protocol, where the transport can. */
  ping(): void;
  /** Ends politely: everything written before is delivered first. */
  close(code: number, reason: string): void;
  /** Ends at once. */
  terminate(): void;
}
