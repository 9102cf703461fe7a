/**
 * The worker's half of @socket.io/sticky, typed.
 *
 * The package's own declarations import `socket.io`, which is not installed, and leave half of what it
 * exports out; loading it by `require` keeps them away from the compiler.
 */
import type { EventEmitter } from "node:events";
import type { Server } from "node:http";
import { createRequire } from "node:module";

/** What `setupWorker` touches of a Socket.IO server. */
export interface StickyWorkerParts {
  /** Gets the handed-over sockets as 'connection' events. */
  readonly httpServer: Server;
  /**
   * 'connection' with `{id, once}` binds a session id in the primary. Ours names its owner itself: never
   * emitted.
   */
  readonly engine: EventEmitter;
}

/** Installs the receiver on `process`. Once only: a second call would inject every socket twice. */
export type SetupWorker = (parts: StickyWorkerParts) => void;

export function loadSetupWorker(): SetupWorker {
  const require = createRequire(import.meta.url);
  return (require("@socket.io/sticky") as { readonly setupWorker: SetupWorker }).setupWorker;
}
