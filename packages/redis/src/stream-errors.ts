/**
 * Errors of the sockets that ioredis makes: none may end the process.
 *
 * ioredis listens to the first error of a socket only. A TLS socket that is ended during its handshake has several, and
 * the second one is an unhandled error event. ioredis also makes clients of its own (for Sentinels, and one that subscribes
 * in each Cluster), whose sockets nobody else can reach. All of them come from connectors, which keep the socket in
 * `stream`: each gets a listener there that stays. Invariant: reasons are still told by the client's own events.
 */
import type { Socket } from "node:net";
import { AbstractConnector } from "ioredis";

const STREAM = Symbol("stream");

interface Connector {
  [STREAM]?: Socket | null;
}

/** From now on every socket of ioredis has a listener for its errors. Idempotent. */
export function hearStreamErrors(prototype: object = AbstractConnector.prototype): void {
  if (Object.getOwnPropertyDescriptor(prototype, "stream") !== undefined) return;
  Object.defineProperty(prototype, "stream", {
    configurable: true,
    get(this: Connector) {
      return this[STREAM];
    },
    set(this: Connector, stream: Socket | null) {
      stream?.on("error", ignore);
      this[STREAM] = stream;
    },
  });
}

function ignore(): void {}
