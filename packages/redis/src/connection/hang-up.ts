/**
 * Hanging up on Redis so that nothing that was sent arrives later.
 *
 * A connection that is ended in the usual way still delivers what waits in the kernel: for minutes, once a
 * cut network is back. What was answered as failed would then be published behind newer publications.
 * Invariant: a connection over plain TCP is reset, which drops what waits on both sides. A connection over
 * TLS cannot be reset by Node.js and is closed at once.
 */
import type { Redis } from "ioredis";

/** Ends this connection for good. Idempotent. */
export function hangUp(raw: Redis): void {
  // Undefined until it was connected for the first time.
  const stream: Redis["stream"] | undefined = raw.stream;
  // Many calls miss their deadline together, and each `disconnect` would leave a timer and a listener at the
  // socket.
  if (stream?.destroyed) return;
  if (stream !== undefined) {
    // One that is still connecting would wait for that; nothing was sent there.
    if (stream.connecting || "encrypted" in stream) stream.destroy();
    // Before `disconnect`: what has begun to end in order can no longer be reset.
    else stream.resetAndDestroy();
  }
  raw.disconnect();
}
