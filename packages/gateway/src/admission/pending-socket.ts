/**
 * A socket between `accept` and its worker: the handle, what was read of its request, and where it stands.
 *
 * All that a silent or slow sender costs is one of these. States follow each other as in `admission.ts`.
 */

import { readRequestLine, sessionIdOf } from "../http/request-head.js";
import type { TcpHandle } from "../runtime/tcp-handle.js";

/** The address of a connection that counts for none. */
export const UNCOUNTED = "";

export class PendingSocket {
  readonly handle: TcpHandle;
  /**
   * What was read so far, as latin1: one character a byte. From the hand-off on the whole head and what came
   * behind it.
   */
  head = "";
  /** When it entered its present state, monotonic ms. */
  since: number;
  /** Path and query of its request, once the head is whole; "" where that is a ClientHello. */
  target = "";
  /** Whose connection it is, where a limit needs to know and can. */
  address = UNCOUNTED;
  /** Whose turn it waits for while it is parked. */
  from = "";
  /** Bytes of empty lines before its request. */
  skipped = 0;
  /** Bytes that the event loop has read of it. */
  loopRead = 0;
  /** Whether what a PROXY header could say has been read. */
  hasPeerAddress = false;
  /**
   * What a limit per address holds of it while it is in a door: a connection, or one of the few read beyond
   * the limit.
   */
  held: "nothing" | "connection" | "extra" = "nothing";
  /** Whether its address' rate has been charged. */
  charged = false;
  /** Whether it has been given to a worker: no limit is asked a second time. */
  routed = false;
  /** Whether a worker could not receive it: the second time no other worker is asked. */
  bounced = false;

  constructor(handle: TcpHandle, now: number) {
    this.handle = handle;
    this.since = now;
  }

  /** One whose head another process has read. */
  static read(handle: TcpHandle, head: string, address: string, now: number): PendingSocket {
    const socket = new PendingSocket(handle, now);
    socket.head = head;
    socket.target = readRequestLine(head)?.target ?? "";
    socket.address = address;
    socket.hasPeerAddress = true;
    return socket;
  }

  /** The session its request names. */
  get sid(): string | undefined {
    return sessionIdOf(this.target);
  }
}
