/**
 * Session ids that nobody announced, for peers that have none: the same bytes on the wire as ours.
 */
import { MAX_GENERATIONS, ownerPrefix, SESSION_ID_LENGTH } from "@holdfast/protocol";

const CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const WORKERS = 2;

/** `count` ids, one a line. */
export function inventedSessionIds(count: number): string {
  const lines = Array.from({ length: count }, (_, i) => {
    const prefix = ownerPrefix({
      slot: i % WORKERS,
      generation: Math.floor(Math.random() * MAX_GENERATIONS),
    });
    let id = prefix;
    while (id.length < SESSION_ID_LENGTH)
      id += CHARACTERS.charAt(Math.floor(Math.random() * CHARACTERS.length));
    return id;
  });
  return `${lines.join("\n")}\n`;
}
