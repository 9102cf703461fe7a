/**
 * Expiries: ends what has an end: connections whose token has expired, and subscriptions whose own token has.
 *
 *     refreshWindow before: `refresh` push ──refreshed──► filed anew
 *                                          └─not────────► `disconnect` expired, or `unsubscribed` expired
 *
 * Connections stand in buckets of a second. Whether one that a bucket brings up is due is read from its
 * identity, so a refresh needs no search. A connection with nothing that ends is in no bucket and costs
 * nothing. One that came within the window is asked within a second. Invariant: a connection is in the
 * buckets of its identity's ends until it is disconnected.
 */
import { type DisconnectCode, disconnects } from "@holdfast/protocol";
import { type Identity, withoutGrant } from "../access/identity.js";
import type { Clock } from "../runtime/clock.js";
import type { Connection } from "./connection.js";

const BUCKET_MS = 1000;
/** Connections looked at in one tick, some 20 ms of writes: the tokens of a mass login end together. */
const MAX_PER_TURN = 2000;

/** What ends, and when: the connection, or the subscription to a channel. */
interface End {
  readonly channel: string | undefined;
  readonly expiresAt: number;
}

/** Gives the session another identity. `row`: what the client is told of channels that are taken away. */
export type ChangeIdentity = (connection: Connection, next: Identity, row: DisconnectCode) => void;

export class Expiries {
  readonly #windowMs: number;
  readonly #clock: Clock;
  readonly #change: ChangeIdentity;
  readonly #buckets = new Map<number, Set<Connection>>();
  /** The second up to which everything was looked at. */
  #done = 0;

  /** `refreshWindowMs`: how long before its end a client is asked for a new token; 0: it is not. */
  constructor(refreshWindowMs: number, clock: Clock, change: ChangeIdentity) {
    this.#windowMs = refreshWindowMs;
    this.#clock = clock;
    this.#change = change;
  }

  /** Buckets that hold a connection. */
  get size(): number {
    return this.#buckets.size;
  }

  /** The connection has this identity now instead of that one. */
  moved(connection: Connection, before: Identity, after: Identity): void {
    if (before === after) return;
    this.forget(connection, before);
    for (const bucket of this.#bucketsOf(after)) {
      const there = this.#buckets.get(bucket);
      if (there === undefined) this.#buckets.set(bucket, new Set([connection]));
      else there.add(connection);
    }
  }

  /** The connection has ended. */
  forget(connection: Connection, identity: Identity): void {
    for (const bucket of this.#bucketsOf(identity)) {
      const there = this.#buckets.get(bucket);
      if (there?.delete(connection) && there.size === 0) this.#buckets.delete(bucket);
    }
  }

  /** One tick: the seconds that are over, as far as there is time for them. */
  turn(): void {
    const over = bucketOf(this.#clock.now()) - 1;
    if (over === this.#done) return;
    let looked = 0;
    // Not second by second: a clock may leap by years, and back.
    const due = [...this.#buckets].filter(([bucket]) => bucket <= over).sort(([a], [b]) => a - b);
    for (const [bucket, connections] of due) {
      for (const connection of connections) {
        if (looked++ === MAX_PER_TURN) return;
        connections.delete(connection);
        this.#look(bucket, connection);
      }
      this.#buckets.delete(bucket);
    }
    this.#done = over;
  }

  #look(bucket: number, connection: Connection): void {
    const identity = connection.session?.identity;
    if (identity === undefined) return;
    for (const { channel, expiresAt } of endsOf(identity)) {
      if (bucketOf(expiresAt) <= bucket) {
        if (channel === undefined) return connection.disconnect(disconnects.expired);
        this.#change(
          connection,
          withoutGrant(connection.session?.identity ?? identity, channel),
          disconnects.expired,
        );
      } else if (this.#windowMs > 0 && bucketOf(expiresAt - this.#windowMs) === bucket) {
        const deadline = Math.max(0, expiresAt - this.#clock.now());
        connection.push({
          op: "refresh",
          body: channel === undefined ? { deadline } : { deadline, channel },
        });
      }
    }
  }

  *#bucketsOf(identity: Identity): Iterable<number> {
    for (const { expiresAt } of endsOf(identity)) {
      yield bucketOf(expiresAt);
      if (this.#windowMs > 0) yield bucketOf(expiresAt - this.#windowMs);
    }
  }
}

function* endsOf({ expiresAt, grants }: Identity): Iterable<End> {
  if (expiresAt !== undefined) yield { channel: undefined, expiresAt };
  for (const grant of grants ?? []) {
    if (grant.expiresAt !== undefined) yield { channel: grant.channel, expiresAt: grant.expiresAt };
  }
}

function bucketOf(ms: number): number {
  return Math.floor(ms / BUCKET_MS);
}
