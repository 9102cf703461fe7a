/**
 * Which transports a client can use here, and how each is opened.
 */

import { openPoll } from "./poll.js";
import { openSse } from "./sse.js";
import {
  type ClientTransport,
  type HttpOptions,
  TRANSPORTS,
  type TransportEvents,
  type TransportName,
} from "./transport.js";
import { findWebSocket, type WebSocketClass } from "./web-socket.js";
import { openWebSocket } from "./websocket.js";

export interface Transports {
  /** Those that are wanted and to be had, the best first; one at least. */
  readonly toBeHad: readonly TransportName[];
  /** `url` is that of the WebSocket. */
  open(name: TransportName, url: string, on: TransportEvents): ClientTransport;
}

/** Throws a TypeError that says what to do where there is none. */
export function findTransports(
  wanted: readonly TransportName[] = TRANSPORTS,
  given: WebSocketClass | undefined,
  {
    fetch = globalThis.fetch,
    ...options
  }: Omit<HttpOptions, "fetch"> & { fetch?: HttpOptions["fetch"] | undefined },
): Transports {
  const problem = wanted.find((name) => !TRANSPORTS.includes(name));
  if (problem !== undefined || wanted.length === 0) {
    throw new TypeError(`transports: ${problem ?? "none"} is none of ${TRANSPORTS.join(", ")}`);
  }
  const WebSocket = findWebSocket(given);
  const has = (name: TransportName): boolean =>
    wanted.includes(name) && (name === "websocket" ? WebSocket : fetch) !== undefined;
  const toBeHad = TRANSPORTS.filter(has);
  if (toBeHad.length === 0) {
    throw new TypeError(
      "No WebSocket here: use Node.js 22 or newer, or pass that of the package ws: new Client(url, { WebSocket })",
    );
  }
  // As a method of anything but its global object, a browser's `fetch` refuses.
  const http: HttpOptions = { ...options, fetch: (input, init) => fetch(input, init) };
  return {
    toBeHad,
    open(name, url, on) {
      if (name === "websocket") return openWebSocket(url, WebSocket as WebSocketClass, on);
      return (name === "sse" ? openSse : openPoll)(url, http, on);
    },
  };
}
