/**
 * The opening handshake of the load clients in Node: byte for byte what native/websocket.h sends and accepts.
 */

/** The example of RFC 6455 §1.3. */
const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

export function handshakeRequest(target: string, port: number): string {
  return [
    `GET ${target} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    "Connection: Upgrade",
    "Pragma: no-cache",
    "Cache-Control: no-cache",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36",
    "Upgrade: websocket",
    `Origin: http://127.0.0.1:${port}`,
    "Sec-WebSocket-Version: 13",
    "Accept-Encoding: gzip, deflate, br, zstd",
    "Accept-Language: en-US,en;q=0.9",
    `Sec-WebSocket-Key: ${KEY}`,
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
    "\r\n",
  ].join("\r\n");
}

/** What the answer says: "101", "HTTP 503", …; undefined while its head is not whole. */
export function handshakeStatus(answer: string): string | undefined {
  const end = answer.indexOf("\r\n\r\n");
  if (end === -1) return undefined;
  const status = /^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1];
  if (status === undefined) return "not a handshake";
  if (status !== "101") return `HTTP ${status}`;
  return answer.slice(0, end).includes(ACCEPT) ? "101" : "not a handshake";
}
