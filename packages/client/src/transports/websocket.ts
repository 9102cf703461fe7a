/**
 * Frames over a WebSocket.
 *
 * Listeners stay on a socket that was left, since `ws` throws errors without a listener; what they hear
 * then is dropped.
 */
import { SUBPROTOCOL } from "@holdfast/protocol";
import { closeEnding, type Ending, impossibleEnding } from "../wire/ending.js";
import { clientErrors, HoldfastError } from "../wire/errors.js";
import { isText } from "../wire/fields.js";
import type { ClientTransport, TransportEvents } from "./transport.js";
import type { WebSocketClass, WebSocketLike } from "./web-socket.js";

/**
 * `url` is that of a WebSocket. What the class throws, as where a page may not open it, ends the transport
 * for good.
 */
export function openWebSocket(url: string, WebSocket: WebSocketClass, on: TransportEvents): ClientTransport {
  let live = true;
  const end = (ending: Ending): void => {
    if (!live) return;
    live = false;
    on.endedBy(ending);
  };
  const problem = (event: object): void => {
    if (live) on.problem(transportError(event));
  };
  let socket: WebSocketLike | undefined;
  try {
    socket = new WebSocket(url, SUBPROTOCOL);
    socket.addEventListener("open", () => {
      if (live) on.opened();
    });
    socket.addEventListener("message", ({ data }) => {
      if (!live) return;
      on.heard();
      on.message(data);
    });
    socket.addEventListener("error", problem);
    socket.addEventListener("close", ({ code, reason }) => end(closeEnding(code, reason)));
  } catch (error) {
    const { message = String(error) } = error as Partial<Error>;
    queueMicrotask(() => {
      problem({ message, error });
      end(impossibleEnding(message));
    });
  }
  return {
    send: (message) => socket?.send(message),
    close() {
      live = false;
      socket?.close(1000);
    },
  };
}

/** `ws` says what went wrong, browsers do not. */
function transportError(event: object): HoldfastError {
  const { message, error } = event as { readonly message?: unknown; readonly error?: unknown };
  return new HoldfastError(clientErrors.transport, isText(message) ? message : undefined, error);
}
