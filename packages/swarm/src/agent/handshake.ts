/**
 * The opening handshake, as little of it as a load client needs: one fixed key, and the head of the answer.
 */
import { authorizationLine } from "../tokens.js";

/** The example of RFC 6455 §1.3. */
const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/** Bytes of an answer's head. */
export const MAX_HEAD_BYTES = 16 * 1024;

export function handshakeRequest(host: string, port: number, target: string, token?: string): string {
  const authority = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  return `GET ${target} HTTP/1.1\r\nHost: ${authority}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n${authorizationLine(token)}\r\n`;
}

export type HandshakeAnswer =
  | { readonly is: "unfinished" }
  /** `end` is where the frames begin. */
  | { readonly is: "accepted"; readonly end: number }
  | { readonly is: "refused"; readonly why: string };

/** `head` is Latin-1 text of everything that has come so far. */
export function readAnswer(head: string): HandshakeAnswer {
  const end = head.indexOf("\r\n\r\n");
  if (end < 0) {
    return head.length > MAX_HEAD_BYTES ? { is: "refused", why: "not HTTP" } : { is: "unfinished" };
  }
  const status = /^HTTP\/1\.1 (\d{3})/.exec(head)?.[1];
  if (status === undefined) return { is: "refused", why: "not HTTP" };
  if (status !== "101") return { is: "refused", why: `HTTP ${status}` };
  if (!head.includes(ACCEPT)) return { is: "refused", why: "not a WebSocket's answer" };
  return { is: "accepted", end: end + 4 };
}
