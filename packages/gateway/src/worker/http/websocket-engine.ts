/**
 * The engine seam: what answers an accepted upgrade, and makes a connection of its socket.
 *
 * `Upgrades` decides, and frees the socket from everything before. From `accept` on the engine owns it. An
 * implementer owes:
 * - a `Transport` that passes `transportContract`;
 * - the answer leaves before anything else;
 * - the bytes that came behind the head are read before others;
 * - `ended` is called once, when the socket has closed;
 * - the sockets that it has are counted in `open`.
 * A new engine is a folder beside `worker/websocket`, and `edge.ts` makes the one that was chosen.
 */
import type { Socket } from "node:net";
import type { RequestHead } from "../../http/incoming-head.js";
import type { EngineName } from "../../runtime/engine-choice.js";
import type { TcpHandle } from "../../runtime/tcp-handle.js";
import type { Acceptance } from "./upgrade.js";

/** A request that was accepted, and what came with it. */
export interface AcceptedUpgrade {
  readonly head: RequestHead;
  /** What came right behind the head; the engine may change it. */
  readonly first: Buffer;
  /** Called when the socket has closed. */
  readonly ended: (() => void) | undefined;
}

export interface WebSocketEngine {
  readonly name: EngineName;
  /**
   * Whether requests may come as bare handles, past Node's HTTP parser. Otherwise each comes as a socket of
   * Node's HTTP server.
   */
  readonly takesHandles: boolean;
  /** Sockets that it has, closing ones included. */
  readonly open: number;
  /** Answers the upgrade and opens the connection. Takes ownership of the handle. */
  accept(handle: TcpHandle, upgrade: AcceptedUpgrade, acceptance: Acceptance): void;
  /**
   * The same on a socket that Node's HTTP server has given up, whose writes are done. False when it has
   * closed meanwhile; `ended` is called then, too.
   */
  acceptSocket(socket: Socket, upgrade: AcceptedUpgrade, acceptance: Acceptance): boolean;
  /** Ends sockets that are closing; the others are core's to end. Idempotent. */
  close(): void;
}
