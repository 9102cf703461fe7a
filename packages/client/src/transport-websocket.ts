/**
 * Frames over a WebSocket.
 *
 * Listeners stay on a socket that was left, since `ws` throws the errors nobody listens to; what they hear then is dropped.
 */
import { SUBPROTOCOL } from "@holdfast/protocol";
import { closeEnding } from "./ending.js";
import { clientErrors, HoldfastError } from "./errors.js";
import type { Transport, TransportEvents } from "./transport.js";
import type { WebSocketClass } from "./web-socket.js";

/** `url` is that of a WebSocket. Throws what the class throws, as where a page may not open it. */
export function openWebSocket(url: string, WebSocket: WebSocketClass, on: TransportEvents): Transport {
  const socket = new WebSocket(url, SUBPROTOCOL);
  let live = true;
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
