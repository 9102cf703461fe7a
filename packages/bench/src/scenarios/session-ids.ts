/**
 * Session ids for a storm of returning clients.
 *
 * Announced ones are used as they are; as far as there are too few, more are made with the same owners, which
 * is all that a router sees. Without any, the owners are invented too: the same bytes for peers that have no
 * sessions.
 */
import { MAX_GENERATIONS, ownerPrefix, SESSION_ID_LENGTH } from "@holdfast/protocol";

const CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const OWNER_LENGTH = ownerPrefix({ slot: 0, generation: 0 }).length;

/** `count` ids, one a line. */
export function sessionIds(count: number, announced: readonly string[]): string {
  const lines = Array.from({ length: count }, (_, i) => {
    const known = announced[i % Math.max(1, announced.length)];
    if (known !== undefined && i < announced.length) return known;
    return complete(known?.slice(0, OWNER_LENGTH) ?? inventedOwner(i));
  });
  return `${lines.join("\n")}\n`;
}

function inventedOwner(i: number): string {
  return ownerPrefix({ slot: i % 2, generation: Math.floor(Math.random() * MAX_GENERATIONS) });
}

function complete(owner: string): string {
  let id = owner;
  while (id.length < SESSION_ID_LENGTH)
    id += CHARACTERS.charAt(Math.floor(Math.random() * CHARACTERS.length));
  return id;
}
