/**
 * Presence: who is in which channel. What the rest of core asks; the parts are beside this file.
 *
 * A connection is a member of each channel it listens to whose namespace has presence, under the key of its
 * session, which stays when the session goes on in another connection. Where no namespace has presence,
 * nothing here runs. Invariant: a member whose connection was lost stays for `presenceGraceMs`, so that
 * a client that returns, here or on another worker, neither leaves nor joins.
 */

import { sessionKey } from "@holdfast/protocol";
import type { Identity } from "../access/identity.js";
import type { Broker } from "../broker/broker.js";
import type { FanOut } from "../delivery/fan-out.js";
import type { EventSink } from "../events/event-sink.js";
import type { PresenceRule } from "../namespace.js";
import type { Clock } from "../runtime/clock.js";
import type { Logger } from "../runtime/logger.js";
import type { Metrics } from "../runtime/metrics.js";
import { type Ticker, ticks } from "../runtime/ticker.js";
import { PresenceLease } from "./lease.js";
import { type Holder, PresenceMembers } from "./members.js";
import type { MembersPage, PresenceStore } from "./store.js";
import { PresenceWatches } from "./watches.js";

export interface PresenceOptions {
  /** How long members of a worker that is gone are kept, ms. */
  readonly presenceLeaseMs: number;
  /** How long a member whose connection was lost stays, ms; 0 = not at all. */
  readonly presenceGraceMs: number;
  /** Sessions that may stay so on one worker; beyond it the oldest leave early. */
  readonly maxDetached: number;
}

export interface PresenceParts {
  readonly store: PresenceStore;
  readonly broker: Broker;
  readonly fanOut: FanOut;
  readonly ticker: Ticker;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Names this worker among all that ever were. Without a dot. */
  readonly worker: string;
  /** Told which channels become occupied and vacated. */
  readonly events?: EventSink | undefined;
}

/** A connection, as a member. */
export interface MemberConnection {
  readonly id: string;
  readonly session: { readonly identity: Identity; readonly count: number } | undefined;
}

/** A session whose connection was lost. */
interface HeldForGrace {
  readonly session: string;
  readonly channels: readonly string[];
  readonly endTick: number;
}

export class WorkerPresence {
  readonly watches: PresenceWatches;
  readonly #options: PresenceOptions;
  readonly #parts: PresenceParts;
  readonly #lease: PresenceLease;
  readonly #members: PresenceMembers;
  /** Oldest first, because all stay equally long. */
  readonly #heldForGrace = new Map<Holder, HeldForGrace>();

  constructor(options: PresenceOptions, parts: PresenceParts) {
    const { store, clock, logger, metrics, worker } = parts;
    this.#options = options;
    this.#parts = parts;
    this.watches = new PresenceWatches({
      ...parts,
      left: (channel, session) => this.#members.left(channel, session),
    });
    this.#lease = new PresenceLease(options.presenceLeaseMs, {
      store,
      clock,
      logger,
      metrics,
      worker,
      begun: () => this.#members.again(),
    });
    this.#members = new PresenceMembers({
      store,
      clock,
      logger,
      lease: () => this.#lease.current,
      lapsed: (id) => this.#lease.lapsed(id),
      settled: () => this.#lease.settled(),
      transitions: (channel, transitions) => {
        for (const { occupied, version } of transitions)
          parts.events?.tell({ type: occupied ? "occupied" : "vacated", channel, version });
      },
    });
  }

  /** Sessions in channels, of this worker. */
  get members(): number {
    return this.#members.size;
  }

  /** The connection listens to the channel from now on, or shows something else from now on. */
  join(connection: MemberConnection, channel: string, rule: PresenceRule): void {
    const session = sessionKey(connection.id);
    const { identity, count } = connection.session ?? {};
    const { user, info } = identity ?? {};
    const member = { session, user, count, text: memberText(session, user, info) };
    this.#members.join(channel, rule, member, connection);
  }

  /** It has let go of the channel. `key`: the name under which it may have listened to joins and leaves. */
  leave(connection: MemberConnection, channel: string, key: object): void {
    this.watches.leave(channel, key);
    this.#members.leave(channel, sessionKey(connection.id), connection);
  }

  /** It was lost, with these channels, and may come back. No joins and leaves are told for it any more. */
  holdForGrace(connection: MemberConnection, channels: readonly string[]): void {
    const session = sessionKey(connection.id);
    const holder = {};
    // Those in which a newer connection of the session is already the member are not its own to give up.
    const held = channels.filter((channel) => this.#members.transfer(channel, session, connection, holder));
    if (held.length === 0) return;
    const { presenceGraceMs, maxDetached } = this.#options;
    const endTick = this.#parts.ticker.tick + (presenceGraceMs === 0 ? 0 : ticks(presenceGraceMs));
    this.#heldForGrace.set(holder, { session, channels: held, endTick });
    if (presenceGraceMs === 0) this.#end(holder);
    else if (this.#heldForGrace.size > maxDetached)
      for (const oldest of this.#heldForGrace.keys()) return this.#end(oldest);
  }

  /** Who is in a channel, from the view of this worker where that can tell, else from the store. */
  async read(
    channel: string,
    limit: number,
    cursor: string | undefined,
  ): Promise<Omit<MembersPage, "sequence">> {
    const snapshot = cursor === undefined ? this.watches.get(channel)?.view.snapshot : undefined;
    if (snapshot !== undefined) {
      const { members, ...counts } = snapshot;
      if (limit === 0) return { ...counts, members: [] };
      if (members.length === counts.sessions && members.length <= limit) return snapshot;
    }
    const { sequence: _, ...page } = await this.#parts.store.read(channel, limit, cursor);
    return page;
  }

  /** The broker can be reached, for the first time or again. */
  restored(): void {
    this.#lease.restored();
    this.watches.restored();
  }

  turn(): void {
    for (const [holder, { endTick }] of this.#heldForGrace) {
      if (endTick > this.#parts.ticker.tick) break;
      this.#end(holder);
    }
    this.#members.turn();
    this.watches.turn();
  }

  /** A member that is left here leaves when the grace is over, unless another worker has it by then. */
  async close(): Promise<void> {
    this.#members.close();
    await this.#lease.close(this.#options.presenceGraceMs);
  }

  #end(holder: Holder): void {
    const held = this.#heldForGrace.get(holder);
    if (held === undefined) return;
    this.#heldForGrace.delete(holder);
    for (const channel of held.channels) this.#members.leave(channel, held.session, holder);
  }
}

/** `info` is JSON text already. */
function memberText(session: string, user: string | undefined, info: string | undefined): string {
  const name = user === undefined ? "" : `"user":${JSON.stringify(user)},`;
  return `{${name}"session":"${session}"${info === undefined ? "" : `,"info":${info}`}}`;
}
