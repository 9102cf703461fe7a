/**
 * MessagePack and bytes for the SDK, an entry point of its own: `new Client(url, { encoding: msgpack })`. An
 * application that speaks JSON loads nothing of it.
 */
import type { ClientEncoding } from "../transports/transports.js";
import { openWebSocket } from "../transports/websocket.js";
import { replaceBytes, withBytes } from "./bytes.js";
import { msgpackSocket } from "./msgpack-socket.js";

/** WebSockets carry MessagePack, SSE and long-poll JSON. Over each, data may be a Uint8Array. */
export const msgpack: ClientEncoding = {
  replacer: replaceBytes,
  open: (open, WebSocket) => (name, url, on) =>
    name === "websocket"
      ? openWebSocket(url, msgpackSocket(WebSocket), on)
      : open(name, url, { ...on, message: (text) => on.message(read(text)) }),
};

/** The frames of a text; the text, where it holds something else. */
function read(text: unknown): unknown {
  try {
    const lines = String(text).split("\n").filter(Boolean);
    return lines.map((line) => withBytes(JSON.parse(line)));
  } catch {
    return text;
  }
}
