/**
 * Incidents: what lately went wrong for single clients of this worker, for the operator who asks why a client
 * did not get something.
 *
 * A refused command, a connection that this worker ended, a subscription that fell behind, a gap in a
 * channel, a request that was turned away. The same incident of the same client is one entry that counts.
 * Invariants: at most `MAX_INCIDENTS` entries; at most `MAX_OF_CLIENT` of one client; where all are full, the
 * oldest entry leaves of the origin that has most, so that neither a client nor an address with many sessions
 * pushes out the others; each text has at most `MAX_CHARS` characters.
 */

/** What kinds there are, and which fields each has beside `code`. */
export type IncidentKind =
  /** A command was answered with an error: session, channel. */
  | "refused"
  /** The worker ended a connection: session. */
  | "ended"
  /** A subscription is skipped, because its client reads too slowly: session, channel. */
  | "behind"
  /** Publications of a channel could not be had any more: channel. */
  | "gap"
  /** A request was refused before it had a session: address or origin in `message`. */
  | "turned-away";

/** What went wrong. */
export interface IncidentFacts {
  readonly kind: IncidentKind;
  /** A name of docs/codes.md, or the reason of a gap. */
  readonly code: string;
  readonly message?: string | undefined;
  /** Session id. */
  readonly session?: string | undefined;
  readonly user?: string | undefined;
  readonly channel?: string | undefined;
  /** Where its client comes from, as limits count it, where that is known. */
  readonly address?: string | undefined;
}

/** How often one thing went wrong lately: for the reader who has yet to ask for a client. */
export interface IncidentCount extends Pick<Incident, "kind" | "code" | "at" | "times"> {
  /** Entries: clients and channels that it happened to, as far as they are remembered. */
  readonly entries: number;
}

export interface Incident extends IncidentFacts {
  /** The last time, ms since 1970. */
  readonly at: number;
  /** How often, since it was first seen. */
  readonly times: number;
}

/** Undefined members match all. */
export interface IncidentsQuery {
  readonly session?: string | undefined;
  readonly user?: string | undefined;
  readonly channel?: string | undefined;
  readonly limit: number;
}

/** About 150 KB in a worker at the most. */
const MAX_INCIDENTS = 500;
const MAX_OF_CLIENT = 20;
const MAX_CHARS = 200;

export class Incidents {
  readonly #now: () => number;
  /** By what makes two incidents the same one; the oldest first. */
  readonly #incidents = new Map<string, Incident>();
  /** Entries of each client that has any. */
  readonly #ofClient = new Map<string, number>();
  /** Likewise of each origin. */
  readonly #ofOrigin = new Map<string, number>();

  /** `now`: ms since 1970. */
  constructor(now: () => number) {
    this.#now = now;
  }

  note(facts: IncidentFacts): void {
    const key = keyOf(facts);
    const known = this.#incidents.get(key);
    if (known !== undefined) this.#forget(key, known);
    else this.#makeRoom(facts);
    this.#incidents.set(key, { ...clipped(facts), at: this.#now(), times: (known?.times ?? 0) + 1 });
    grow(this.#ofClient, clientOf(facts), 1);
    grow(this.#ofOrigin, originOf(facts), 1);
  }

  /** What happened since then (ms since 1970), by kind and code; what happened to most comes first. */
  lately(since: number): IncidentCount[] {
    const counts = new Map<string, IncidentCount>();
    for (const { kind, code, at, times } of this.#incidents.values()) {
      if (at < since) continue;
      addCount(counts, { kind, code, at, times, entries: 1 });
    }
    return byEntries(counts);
  }

  /**
   * The newest first, at most `limit`. A channel's gaps are about each of its clients, and the end of a
   * connection is about each of its channels.
   */
  list({ session, user, channel, limit }: IncidentsQuery): Incident[] {
    const ofAnyClient = session === undefined && user === undefined;
    const isOfClient = (each: Incident): boolean =>
      ofAnyClient ||
      (session !== undefined && each.session === session) ||
      (user !== undefined && each.user === user) ||
      (each.kind === "gap" && each.channel === channel);
    const isOfChannel = (each: Incident): boolean =>
      channel === undefined || each.channel === undefined || each.channel === channel;
    const meant = [...this.#incidents.values()].filter((each) => isOfClient(each) && isOfChannel(each));
    return meant.reverse().slice(0, limit);
  }

  #makeRoom(facts: IncidentFacts): void {
    const client = clientOf(facts);
    if ((this.#ofClient.get(client) ?? 0) >= MAX_OF_CLIENT)
      this.#forgetOldest((each) => clientOf(each) === client);
    if (this.#incidents.size < MAX_INCIDENTS) return;
    const most = Math.max(...this.#ofOrigin.values());
    this.#forgetOldest((each) => this.#ofOrigin.get(originOf(each)) === most);
  }

  #forgetOldest(isMeant: (incident: Incident) => boolean): void {
    for (const [key, incident] of this.#incidents) if (isMeant(incident)) return this.#forget(key, incident);
  }

  #forget(key: string, incident: Incident): void {
    this.#incidents.delete(key);
    grow(this.#ofClient, clientOf(incident), -1);
    grow(this.#ofOrigin, originOf(incident), -1);
  }
}

function grow(counts: Map<string, number>, name: string, by: number): void {
  const count = (counts.get(name) ?? 0) + by;
  if (count === 0) counts.delete(name);
  else counts.set(name, count);
}

/** Kinds and codes that are counted for operators. */
const MAX_COUNTS = 20;

/** Counts of several workers as one; at most twenty. */
export function mergeIncidentCounts(lists: readonly (readonly IncidentCount[])[]): IncidentCount[] {
  const counts = new Map<string, IncidentCount>();
  for (const each of lists.flat()) addCount(counts, each);
  return byEntries(counts);
}

function addCount(counts: Map<string, IncidentCount>, added: IncidentCount): void {
  const name = `${added.kind} ${added.code}`;
  const known = counts.get(name);
  counts.set(name, {
    ...added,
    at: Math.max(added.at, known?.at ?? 0),
    times: added.times + (known?.times ?? 0),
    entries: added.entries + (known?.entries ?? 0),
  });
}

function byEntries(counts: ReadonlyMap<string, IncidentCount>): IncidentCount[] {
  return [...counts.values()].sort((a, b) => b.entries - a.entries).slice(0, MAX_COUNTS);
}

/** Lists of several workers as one. */
export function mergeIncidents(lists: readonly (readonly Incident[])[], limit: number): Incident[] {
  return lists
    .flat()
    .sort((a, b) => b.at - a.at)
    .slice(0, limit);
}

/** What the limit of one client counts: without a session and a user all incidents of the kind together. */
function clientOf({ kind, session, user }: IncidentFacts): string {
  return session ?? user ?? kind;
}

/** What shares the list equally: sessions are cheap to open, addresses and users are not. */
function originOf(facts: IncidentFacts): string {
  return facts.address ?? facts.user ?? clientOf(facts);
}

/** The fields of an incident that say whose it is. Called before the connection has let go of its socket. */
export function clientFacts(connection: {
  readonly id: string;
  readonly session: { readonly user?: string | undefined } | undefined;
  readonly transport: { clientAddress?(): string | undefined };
}): Pick<IncidentFacts, "session" | "user" | "address"> {
  const { id, session, transport } = connection;
  return { session: id, user: session?.user, address: transport.clientAddress?.() };
}

function keyOf({ kind, code, session, user, channel, message }: IncidentFacts): string {
  const clear = [kind, code, session, user, channel, session === undefined ? message : undefined];
  return JSON.stringify(clear.map((text) => text?.slice(0, MAX_CHARS) ?? null));
}

function clipped({ kind, code, message, session, user, channel, address }: IncidentFacts): IncidentFacts {
  const clip = (text: string): string => (text.length > MAX_CHARS ? `${text.slice(0, MAX_CHARS)}…` : text);
  return {
    kind,
    code: clip(code),
    ...(message !== undefined && { message: clip(message) }),
    ...(session !== undefined && { session: clip(session) }),
    ...(user !== undefined && { user: clip(user) }),
    ...(channel !== undefined && { channel: clip(channel) }),
    ...(address !== undefined && { address: clip(address) }),
  };
}
