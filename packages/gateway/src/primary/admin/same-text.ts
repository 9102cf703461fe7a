/**
 * Secrets are compared in constant time.
 */
import { createHash, timingSafeEqual } from "node:crypto";

/** Whether both are the same text. */
export function isSame(a: string, b: string): boolean {
  // Digests have one length, which timingSafeEqual asks for and which hides the secret's.
  return timingSafeEqual(digest(a), digest(b));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
