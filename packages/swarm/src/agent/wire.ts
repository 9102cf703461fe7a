/**
 * The seam between an agent and a transport: what a connection's bytes say, and what is said back.
 *
 * A wire has nothing for each connection; what is unfinished the agent keeps. Invariant: the same bytes say
 * the same in whatever pieces they come.
 */
import type { SeatState } from "./connection-table.js";

/** Whom a wire tells. What it tells of a seat that has ended is passed over. */
export interface WireOwner {
  stateOf(seat: number): SeatState;
  /** The server took the request; the session's first message is awaited. */
  accepted(seat: number): void;
  /** The session stands. The range has the text of its `connect`. Valid during the call. */
  joined(seat: number, bytes: Uint8Array, start: number, end: number): void;
  /** What the session was sent, one frame or several. Valid during the call. */
  message(seat: number, bytes: Uint8Array, start: number, end: number): void;
  /** A ping, a comment, an empty answer: it is only kept alive. */
  pinged(seat: number): void;
  /** Bytes as a Latin-1 string. */
  write(seat: number, bytes: string): void;
  end(seat: number, why: string): void;
}

/** Where a connection asks, and for what. */
export interface Request {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** The URL-encoded names, with commas between. */
  readonly channels: string;
  /** Presented in the head of the request. */
  readonly token?: string | undefined;
}

export interface Wire {
  /**
   * Takes what has come, and returns where the first unfinished part begins; a string says why the connection
   * is over.
   */
  read(seat: number, bytes: Uint8Array): number | string;
}

export function latin1(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("latin1");
}

/** `host:port`, as a Host header has it. */
export function authorityOf({ host, port }: Pick<Request, "host" | "port">): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
