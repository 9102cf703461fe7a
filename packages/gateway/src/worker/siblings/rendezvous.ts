/**
 * Rendezvous hashing: which member of an instance is a topic's home.
 *
 * Each member scores each topic, and the highest score wins. Invariants: workers with the same members agree;
 * a member that comes or goes changes the home of its own share of the topics only; the successor of a worker
 * in a slot inherits the share.
 */

/** FNV-1a of the name, 32 bits. */
export function topicHash(topic: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < topic.length; i++) hash = Math.imul(hash ^ topic.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** The member that wins, or undefined where there is none. Of two with one slot the later one wins. */
export function homeOf<Member extends { readonly slot: number }>(
  hash: number,
  members: readonly Member[],
): Member | undefined {
  let best: Member | undefined;
  let bestScore = -1;
  for (const member of members) {
    const score = mix(hash ^ Math.imul(member.slot + 1, 0x9e3779b1));
    if (score > bestScore || (score === bestScore && best?.slot === member.slot)) {
      best = member;
      bestScore = score;
    }
  }
  return best;
}

/** The finalizer of MurmurHash3. */
function mix(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
