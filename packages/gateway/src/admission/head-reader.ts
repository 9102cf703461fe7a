/**
 * The head reader: from sockets that were accepted to whole request heads, or on a port that speaks TLS to
 * whole ClientHellos, which have the same limits.
 *
 * One that has waited is read at once, into one buffer for all; if its head has come, as in a storm it has,
 * that is one system call and no event. Otherwise the event loop brings the rest, segment by segment.
 * Invariants: a socket that leaves, by an event or by `forget`, is not read from any more: what arrives later
 * waits in the kernel for the worker; a head is searched once, however it is cut; `bytes` is what those that
 * are being read have sent.
 */
import type { Clock } from "@holdfast/core";
import { asKnownVersion, emptyLines, headEnd, mayBeHttp, readRequestLine } from "../http/request-head.js";
import { lengthRead, readNow, type TcpHandle } from "../runtime/tcp-handle.js";
import { mayBeTls } from "../tls/first-byte.js";
import { helloEnd } from "./client-hello.js";
import type { Refused } from "./front-answers.js";
import type { PeerAddress } from "./peer-address.js";
import type { PendingSocket } from "./pending-socket.js";

/** How a read ends. The socket has left then. */
export interface HeadEvents {
  whole(socket: PendingSocket): void;
  refused(socket: PendingSocket, why: Refused): void;
  /** The peer is gone. */
  ended(socket: PendingSocket): void;
  /** Heads have grown, and are not whole. */
  grown(): void;
}

/** What the event loop would read at once, too. */
const BUFFER_BYTES = 65_536;

/** What the reader is told of its door. */
export interface HeadLimits {
  /** Bytes of one head, or of one ClientHello. */
  readonly maxHeadBytes: number;
  /** Whether connections begin with a TLS handshake. Default: they do not. */
  readonly speaksTls?: boolean | undefined;
}

export class HeadReader {
  readonly #maxHeadBytes: number;
  readonly #speaksTls: boolean;
  readonly #peerAddress: PeerAddress;
  readonly #events: HeadEvents;
  readonly #clock: Clock;
  readonly #readNow: typeof readNow;
  readonly #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  /**
   * Those that the event loop reads, by handle, because a handle calls back with nothing but itself. Oldest
   * first.
   */
  readonly #reading = new Map<TcpHandle, PendingSocket>();
  readonly #onread: TcpHandle["onread"];
  #bytes = 0;

  /** `now` reads what has arrived. */
  constructor(
    { maxHeadBytes, speaksTls = false }: HeadLimits,
    peerAddress: PeerAddress,
    events: HeadEvents,
    clock: Clock,
    now: typeof readNow = readNow,
  ) {
    this.#maxHeadBytes = maxHeadBytes;
    this.#speaksTls = speaksTls;
    this.#peerAddress = peerAddress;
    this.#events = events;
    this.#clock = clock;
    this.#readNow = now;
    const reader = this;
    this.#onread = function (bytes) {
      reader.#arrived(this, bytes);
    };
  }

  /** Those whose head has yet to come, oldest first. */
  get reading(): ReadonlyMap<TcpHandle, PendingSocket> {
    return this.#reading;
  }

  /** Bytes of their heads. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Begins to read one that has just come. */
  start(socket: PendingSocket): void {
    const { handle } = socket;
    socket.since = this.#clock.monotonic();
    this.#reading.set(handle, socket);
    this.#bytes += socket.head.length;
    handle.onread = this.#onread;
    handle.readStart();
  }

  /** Reads one that has waited. */
  startLate(socket: PendingSocket): void {
    const length = this.#readNow(socket.handle, this.#buffer);
    if (length === 0) return this.#events.ended(socket);
    if (length === undefined) return this.start(socket);
    if (this.#append(socket, this.#buffer.toString("latin1", 0, length))) return;
    this.start(socket);
    this.#events.grown();
  }

  /** Stops reading. */
  forget({ handle, head }: PendingSocket): void {
    if (!this.#reading.delete(handle)) return;
    this.#bytes -= head.length;
    handle.readStop();
  }

  #arrived(handle: TcpHandle, bytes: ArrayBuffer | undefined): void {
    const socket = this.#reading.get(handle);
    if (socket === undefined) return;
    if (bytes !== undefined) {
      const length = lengthRead(handle, bytes, socket.loopRead);
      socket.loopRead += length;
      if (!this.#append(socket, Buffer.from(bytes, 0, length).toString("latin1"))) this.#events.grown();
    } else {
      this.forget(socket);
      this.#events.ended(socket);
    }
  }

  /** Whether the socket has left. */
  #append(socket: PendingSocket, text: string): boolean {
    let searched = socket.hasPeerAddress ? socket.head.length : 0;
    const before = socket.head.length;
    socket.head = socket.head === "" ? text : socket.head + text;
    const progress = this.#peerAddress.begin(socket);
    const skipped = progress === "done" && !this.#speaksTls ? emptyLines(socket.head) : 0;
    if (skipped > 0) {
      searched = 0;
      socket.skipped += skipped;
      socket.head = socket.head.slice(skipped);
    }
    if (this.#reading.has(socket.handle)) this.#bytes += socket.head.length - before;
    if (progress === "incomplete") return false;
    if (progress === "invalid") return this.#refuse(socket, "bad_proxy_header");
    if (this.#speaksTls) return this.#judgeHello(socket);
    if (socket.skipped > this.#maxHeadBytes) return this.#refuse(socket, "big_head");
    const { head } = socket;
    const end = headEnd(head, searched);
    if (end === -1) {
      if (!mayBeHttp(head)) return this.#refuse(socket, mayBeTls(head) ? "tls" : "not_http");
      return head.length > this.#maxHeadBytes && this.#refuse(socket, "big_head");
    }
    if (end > this.#maxHeadBytes) return this.#refuse(socket, "big_head");
    const line = readRequestLine(head);
    if (line === undefined) return this.#refuse(socket, "not_http");
    if (line.major !== 1) return this.#refuse(socket, "bad_version");
    if (line.minor > 1) socket.head = asKnownVersion(head);
    socket.target = line.target;
    this.#peerAddress.complete(socket);
    this.forget(socket);
    this.#events.whole(socket);
    return true;
  }

  /** Whether the socket has left. What its request will be is not known here. */
  #judgeHello(socket: PendingSocket): boolean {
    const { head } = socket;
    if (head === "") return false;
    const end = helloEnd(head);
    if (end === "none") return this.#refuse(socket, "not_tls");
    const bytes = end === "incomplete" ? head.length : end;
    if (bytes > this.#maxHeadBytes) return this.#refuse(socket, "big_head");
    if (end === "incomplete") return false;
    this.#peerAddress.completeUnread(socket);
    this.forget(socket);
    this.#events.whole(socket);
    return true;
  }

  #refuse(socket: PendingSocket, why: Refused): true {
    this.forget(socket);
    this.#events.refused(socket, why);
    return true;
  }
}
