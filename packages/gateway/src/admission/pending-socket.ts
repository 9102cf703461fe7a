/**
 * A socket between `accept` and its worker: the handle, what was read of its request, and where it stands.
 *
 * All that a silent or slow sender costs is one of these. States follow each other as in `admission.ts`.
 */
import type { TcpHandle } from "../tcp-handle.js";
import { requestTarget, sessionIdOf } from "./request-head.js";

const NOTHING = Buffer.alloc(0);

export class PendingSocket {
  readonly handle: TcpHandle;
  /** Bytes read so far; from the hand-off on the whole head and what came behind it. */
  head: Buffer = NOTHING;
  /** When it entered its present state, monotonic ms. */
  since: number;
  /** Path and query of its request, once the head is whole. */
  target = "";
  /** Whose connection it is, where somebody needs to know. */
  address = "";
  /** Whether what a PROXY header could say has been read. */
  introduced = false;
  /** Whether the limits have counted it: once, however often it is routed. */
  counted = false;

  constructor(handle: TcpHandle, now: number) {
    this.handle = handle;
    this.since = now;
  }

  /** One whose head another process has read. */
  static read(handle: TcpHandle, head: Buffer, address: string, now: number): PendingSocket {
    const socket = new PendingSocket(handle, now);
    socket.head = head;
    socket.target = requestTarget(head) ?? "";
    socket.address = address;
    socket.introduced = true;
    return socket;
  }

  /** The session its request names. */
  get sid(): string | undefined {
    return sessionIdOf(this.target);
  }

  /** Appends what was read. Most heads come in one piece, which is not copied. */
  append(bytes: Buffer): void {
    this.head = this.head.length === 0 ? bytes : Buffer.concat([this.head, bytes]);
  }
}
