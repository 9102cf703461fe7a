/**
 * Offers to switch protocols on Node's HTTP connections: whether one is for a WebSocket is decided by
 * `request-rules.ts` alone, and any other is ignored, RFC 9110 §7.8. Some HTTP clients offer HTTP/2 in the
 * clear with every request.
 *
 * Node gives a connection up at an offer that its parser sees, and so loses a body and what came behind; and
 * it does not see every offer for a WebSocket. Invariant: a request whose offer is ignored is answered as
 * without it, behind the answers to those before it.
 */
import type { IncomingMessage } from "node:http";

/** The bytes of the request without its offer, and what has been read behind it: to be read again. */
export function withoutOffer(request: IncomingMessage, behind: Buffer): Buffer {
  const { method, url, httpVersion, rawHeaders } = request;
  let head = `${method} ${url} HTTP/${httpVersion}\r\n`;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() !== "upgrade") head += `${rawHeaders[i]}: ${rawHeaders[i + 1]}\r\n`;
  }
  return Buffer.concat([Buffer.from(`${head}\r\n`, "latin1"), behind]);
}
