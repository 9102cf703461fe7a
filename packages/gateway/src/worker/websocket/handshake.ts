/**
 * The answer to an accepted WebSocket request: RFC 6455 §4.2.2, as bytes. The upgrade decision has seen the
 * request, and its offers of extensions; they are declined by saying nothing of them.
 */
import { createHash } from "node:crypto";
import type { RequestHead } from "../../http/incoming-head.js";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const START =
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ";

/** `subprotocol` and `extension`: what the client offers and is agreed on, if it offers any. */
export function switchingProtocols(
  { headers }: RequestHead,
  subprotocol: string | undefined,
  extension?: string,
): Buffer {
  const accept = createHash("sha1").update(`${headers["sec-websocket-key"]}${GUID}`).digest("base64");
  const chosen = subprotocol === undefined ? "" : `\r\nSec-WebSocket-Protocol: ${subprotocol}`;
  const agreed = extension === undefined ? "" : `\r\nSec-WebSocket-Extensions: ${extension}`;
  return Buffer.from(`${START}${accept}${chosen}${agreed}\r\n\r\n`, "latin1");
}
