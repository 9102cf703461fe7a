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

/** How frames and bytes look, for a client that is given one: entry points of their own have some. */
export interface ClientEncoding {
  /**
   * Transports that say frames so: they are given JSON text, and may give lists of frames that were read.
   * `WebSocket`: the class of sockets, where it is used.
   */
  open(open: Transports["open"], WebSocket: WebSocketClass): Transports["open"];
  /** Of JSON.stringify: what bytes look like in the text that transports are given. */
  replacer(key: string, value: unknown): unknown;
}

/** Throws a TypeError that says what to do where there is none. */
export function findTransports(
  wanted: readonly TransportName[] = TRANSPORTS,
  given: WebSocketClass | undefined,
  encoding: ClientEncoding | undefined,
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
      "No WebSocket here: use Node.js 22 or pass that of ws: new Client(url, { WebSocket })",
    );
  }
  // As a method of anything but its global object, a browser's `fetch` refuses.
  const http: HttpOptions = { ...options, fetch: (input, init) => fetch(input, init) };
  const open: Transports["open"] = (name, url, on) =>
    name === "websocket"
      ? openWebSocket(url, WebSocket as WebSocketClass, on)
      : (name === "sse" ? openSse : openPoll)(url, http, on);
  return { toBeHad, open: encoding ? encoding.open(open, WebSocket as WebSocketClass) : open };
}
