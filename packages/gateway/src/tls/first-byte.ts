/**
 * The first byte of a connection, which tells a TLS handshake from a request.
 */

/** Of a record: a handshake message (RFC 8446 §5.1). */
export const HANDSHAKE = 22;

/** True when these bytes, as latin1, begin a TLS handshake, which no HTTP request does. */
export function mayBeTls(text: string): boolean {
  return text.charCodeAt(0) === HANDSHAKE;
}
