/**
 * A crowded door: when it is nearly full, and which sockets then give their places up.
 *
 * Sockets whose head does not come may hold a quarter of the places then; those that are parked or wait for a
 * worker are not at fault and stay. The addresses with the most go first, and of one address the oldest. A
 * socket that is younger than `GRACE_MS` stays: its head may lie unread in the kernel. Pure: sockets in,
 * sockets out. Invariant: an address that holds fewer silent sockets than another loses none before that one
 * has as few; likewise bytes of heads.
 */
import type { TcpHandle } from "../runtime/tcp-handle.js";
import type { PendingSocket } from "./pending-socket.js";

/** From this part of the places on a door is nearly full. */
const NEARLY_FULL = 0.75;
/** The part of the places that silent sockets may hold then. */
const SILENT_SHARE = 0.25;
/** How long a head may take to come without being called silent, ms. */
const GRACE_MS = 1_000;

export function isNearlyFull(pending: number, maxPending: number): boolean {
  return pending >= maxPending * NEARLY_FULL;
}

/** Which of `reading`, oldest first, have to leave. */
export function superfluous(
  reading: ReadonlyMap<TcpHandle, PendingSocket>,
  maxPending: number,
  now: number,
  senderOf: (socket: PendingSocket) => string,
): readonly PendingSocket[] {
  const surplus = reading.size - Math.floor(maxPending * SILENT_SHARE);
  if (surplus <= 0) return [];
  const silent = new Map<string, PendingSocket[]>();
  for (const socket of reading.values()) {
    if (socket.since > now - GRACE_MS) break;
    const sender = senderOf(socket);
    const own = silent.get(sender);
    if (own === undefined) silent.set(sender, [socket]);
    else own.push(socket);
  }
  return oldestOfBusiest([...silent.values()], surplus);
}

/**
 * Which of `reading`, oldest first, have to leave so that their heads are `bytes` less: the oldest of the
 * address whose heads have most bytes, again and again. Sockets without a byte stay.
 */
export function heaviest(
  reading: Iterable<PendingSocket>,
  bytes: number,
  senderOf: (socket: PendingSocket) => string,
): readonly PendingSocket[] {
  const senders = new Map<string, { bytes: number; readonly sockets: PendingSocket[] }>();
  for (const socket of reading) {
    if (socket.head === "") continue;
    const sender = senderOf(socket);
    const own = senders.get(sender) ?? { bytes: 0, sockets: [] };
    senders.set(sender, own);
    own.bytes += socket.head.length;
    own.sockets.push(socket);
  }
  const heaviestFirst = [...senders.values()].sort((a, b) => b.bytes - a.bytes);
  const level = byteLevel(heaviestFirst, bytes);
  const chosen: PendingSocket[] = [];
  let freed = 0;
  for (const sender of heaviestFirst) {
    for (const socket of sender.sockets) {
      if (freed >= bytes || sender.bytes <= level) break;
      sender.bytes -= socket.head.length;
      freed += socket.head.length;
      chosen.push(socket);
    }
  }
  return chosen;
}

/** The highest number of bytes to which the heaviest senders can be cut so that `bytes` or more go. */
function byteLevel(heaviestFirst: readonly { readonly bytes: number }[], bytes: number): number {
  let sum = 0;
  for (const [i, sender] of heaviestFirst.entries()) {
    sum += sender.bytes;
    const next = heaviestFirst[i + 1]?.bytes ?? 0;
    if (sum - (i + 1) * next >= bytes) return Math.max(0, Math.floor((sum - bytes) / (i + 1)));
  }
  return 0;
}

/** The first `count` of the longest lists, so that those that are left are as even as can be. */
function oldestOfBusiest(lists: readonly (readonly PendingSocket[])[], count: number): PendingSocket[] {
  const longestFirst = [...lists].sort((a, b) => b.length - a.length);
  const level = levelFor(longestFirst, count);
  const chosen: PendingSocket[] = [];
  // All down to one above the level; then one more of each, as far as it takes.
  for (const list of longestFirst) chosen.push(...list.slice(0, Math.max(0, list.length - level - 1)));
  for (const list of longestFirst) {
    const last = list[list.length - level - 1];
    if (chosen.length < count && last !== undefined) chosen.push(last);
  }
  return chosen;
}

/** The highest length to which the longest lists can be cut so that `count` or more go. */
function levelFor(longestFirst: readonly (readonly PendingSocket[])[], count: number): number {
  let sum = 0;
  for (const [i, list] of longestFirst.entries()) {
    sum += list.length;
    const next = longestFirst[i + 1]?.length ?? 0;
    if (sum - (i + 1) * next >= count) return Math.max(0, Math.floor((sum - count) / (i + 1)));
  }
  return 0;
}
