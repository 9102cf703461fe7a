/**
 * What the SDK needs of a WebSocket: the part that browsers, Node.js ≥ 22 and the package `ws` have in
 * common.
 */

/** One WebSocket, as in the WHATWG standard. */
export interface WebSocketLike {
  send(data: string): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: "open", listener: () => void): void;
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(
    type: "close",
    listener: (event: { readonly code: number; readonly reason: string }) => void,
  ): void;
  addEventListener(type: "error", listener: (event: object) => void): void;
}

/** A class of WebSockets. */
export type WebSocketClass = new (url: string, protocols: string) => WebSocketLike;

/** The class to use: the given one, or the platform's own. */
export function findWebSocket(given: WebSocketClass | undefined): WebSocketClass | undefined {
  return given ?? (globalThis as { readonly WebSocket?: WebSocketClass }).WebSocket;
}
