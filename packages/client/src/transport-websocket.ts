/**
 * Frames over a WebSocket.
 *
 * Listeners stay on a socket that was left, since `ws` throws the errors nobody listens to; what they hear then is dropped.
 */
import { SUBPROTOCOL } from "@holdfast/protocol";
import { closeEnding, impossibleEnding } from "./ending.js";
import { clientErrors, HoldfastError } from "./errors.js";
import type { Transport, TransportEvents } from "./transport.js";
import type { WebSocketClass, WebSocketLike } from "./web-socket.js";

/** `url` is that of a WebSocket. What the class throws, as where a page may not open it, ends the transport for good. */
export function openWebSocket(url: string, WebSocket: WebSocketClass, on: TransportEvents): Transport {
  let live = true;
  let socket: WebSocketLike;
  try {
    socket = new WebSocket(url, SUBPROTOCOL);
  } catch (cause) {
    const { message = String(cause) } = cause as Partial<Error>;
    queueMicrotask(() => {
      if (!live) return;
      on.problem(new HoldfastError(clientErrors.transport, message, cause));
      on.closed(impossibleEnding(message));
    });
    return {
      send() {},
      close() {
        live = false;
      },
    };
  }
  socket.addEventListener("open", () => {
    if (live) on.opened();
  });
  socket.addEventListener("message", ({ data }) => {
    if (!live) return;
    on.heard();
    on.message(data);
  });
  socket.addEventListener("error", (event) => {
    if (live) on.problem(transportError(event));
  });
  socket.addEventListener("close", ({ code, reason }) => {
    if (!live) return;
    live = false;
    on.closed(closeEnding(code, reason));
  });
  return {
    send: (message) => socket.send(message),
    close() {
      live = false;
      socket.close(1000);
    },
  };
}

/** `ws` says what went wrong, browsers do not. */
function transportError(event: object): HoldfastError {
  const { message, error } = event as { readonly message?: unknown; readonly error?: unknown };
  return new HoldfastError(clientErrors.transport, typeof message === "string" ? message : undefined, error);
}
