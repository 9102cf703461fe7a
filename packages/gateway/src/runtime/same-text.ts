/**
 * Compares a secret text with one that a peer gives, in a time that does not tell how much of it is right.
 *
 * Any text is safe. Invariant: lengths are compared in bytes, since `timingSafeEqual` throws where they
 * differ, and a text of as many characters may have more bytes.
 */
import { timingSafeEqual } from "node:crypto";

export function isSameText(given: string, right: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}
