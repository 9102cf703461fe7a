/**
 * Control: carries out the application's control messages. It finds the connections that a message is about
 * and disconnects, subscribes or unsubscribes them.
 *
 * There is no index of connections by user, session or token, because a million anonymous connections would
 * pay for it. One sweep over all connections, in stretches of `SLICE_MS`, serves every message that waits
 * when it begins, and looks for what has been revoked. The next sweep begins no sooner than `SWEEP_PAUSE_MS`
 * after it. Invariants:
 * - There is one sweep at a time.
 * - A message reaches the connections that were open when it was heard. A revocation also reaches later ones
 *   (`Revocations`).
 * - At most `MAX_WAITING` messages wait. Beyond that the newest is refused and counted.
 */

import { disconnects, sessionKey } from "@holdfast/protocol";
import { type ChannelOrder, type DisconnectOrder, parseControlMessage } from "../access/control-message.js";
import { type Identity, withoutGrant } from "../access/identity.js";
import type { Subject } from "../access/revocation-store.js";
import { channelTopic } from "../broker/topic.js";
import { type SubscribeParts, subscribeByOrder } from "../commands/subscribe.js";
import type { Connection } from "../connection/connection.js";
import type { Context } from "../connection/context.js";
import { changeIdentity } from "../connection/identity-change.js";
import { unsubscribe } from "../connection/release.js";

type SweepOrder = ChannelOrder | DisconnectOrder;

/** One walk over all connections. */
interface Sweep {
  readonly orders: ReadonlyMap<Subject, readonly SweepOrder[]>;
  /** Whether to look for what has been revoked. */
  readonly check: boolean;
  readonly end: number;
  slot: number;
}

const SLICE_MS = 5;
const SWEEP_PAUSE_MS = 50;
const MAX_WAITING = 10_000;
/** Connections between two looks at the clock. */
const VISITS_PER_LOOK = 256;
const LOG_INTERVAL_MS = 10_000;
const SAMPLE_LENGTH = 100;

export type ControlParts = SubscribeParts & Pick<Context, "registry" | "revocations">;

export class Control {
  readonly #parts: ControlParts;
  /** For the next sweep. */
  #orders = new Map<Subject, SweepOrder[]>();
  #waiting = 0;
  #check = false;
  #state: "idle" | "sweeping" | "closed" = "idle";
  #loggedAt = Number.NEGATIVE_INFINITY;
  #unlogged = 0;

  constructor(parts: ControlParts) {
    this.#parts = parts;
  }

  /** Any text that was published to `control`. */
  receive(text: string): void {
    const { clock, metrics, options, revocations } = this.#parts;
    const order = parseControlMessage(text, { now: clock.now(), ttlMs: options.revocationTtlMs });
    if ("problem" in order) return this.#reject(text, order.problem);
    metrics.add("orders", 1);
    if (order.op === "revoke") return revocations.learn(order);
    if (this.#waiting >= MAX_WAITING) return this.#reject(text, `comes while ${MAX_WAITING} others wait`);
    this.#waiting++;
    const others = this.#orders.get(order.subject);
    if (others === undefined) this.#orders.set(order.subject, [order]);
    else others.push(order);
    this.#begin();
  }

  /** Disconnects every connection that has been revoked. */
  check(): void {
    this.#check = true;
    this.#begin();
  }

  close(): void {
    this.#state = "closed";
  }

  #begin(): void {
    if (this.#state !== "idle") return;
    this.#state = "sweeping";
    // After this turn: what comes together shares a sweep.
    this.#parts.clock.defer(() => {
      const { connections } = this.#parts.registry;
      const sweep = { orders: this.#orders, check: this.#check, end: connections.beginWalk(), slot: 0 };
      this.#orders = new Map();
      this.#waiting = 0;
      this.#check = false;
      this.#advance(sweep);
    });
  }

  #advance(sweep: Sweep): void {
    const { clock, registry } = this.#parts;
    const deadline = clock.monotonic() + SLICE_MS;
    while (sweep.slot < sweep.end) {
      const stop = Math.min(sweep.end, sweep.slot + VISITS_PER_LOOK);
      for (; sweep.slot < stop; sweep.slot++) {
        const connection = registry.connections.at(sweep.slot);
        if (connection !== undefined) this.#visit(connection, sweep);
      }
      if (sweep.slot < sweep.end && clock.monotonic() >= deadline)
        return clock.defer(() => this.#advance(sweep));
    }
    registry.connections.endWalk();
    if (this.#state === "closed") return;
    clock.after(SWEEP_PAUSE_MS, () => {
      if (this.#state === "closed") return;
      this.#state = "idle";
      if (this.#check || this.#waiting > 0) this.#begin();
    });
  }

  #visit(connection: Connection, { orders, check }: Sweep): void {
    const { session } = connection;
    if (session === undefined) return;
    const { identity } = session;
    const { user, tokenId } = identity;
    if (check && this.#parts.revocations.refuses(identity, sessionKey(connection.id))) {
      this.#parts.metrics.add("connections_revoked", 1);
      return connection.disconnect(disconnects.revoked);
    }
    if (check) this.#checkGrants(connection, identity);
    if (orders.size === 0) return;
    for (const order of orders.get(`session:${sessionKey(connection.id)}`) ?? [])
      this.#carryOut(order, connection);
    if (user !== undefined)
      for (const order of orders.get(`user:${user}`) ?? []) this.#carryOut(order, connection);
    if (tokenId !== undefined)
      for (const order of orders.get(`token:${tokenId}`) ?? []) this.#carryOut(order, connection);
  }

  #carryOut(order: SweepOrder, connection: Connection): void {
    switch (order.op) {
      case "disconnect":
        this.#parts.metrics.add("connections_dismissed", 1);
        return connection.disconnect(
          order.reconnect ? disconnects.disconnected : disconnects.dismissed,
          order.reason,
        );
      case "unsubscribe": {
        this.#withdraw(connection, order.channel);
        // Something else than a grant may allow it.
        const subscription = connection.session?.find(channelTopic(order.channel));
        if (subscription === undefined) return;
        unsubscribe(this.#parts, connection, subscription);
        const { code } = disconnects.revoked;
        return connection.push({ op: "unsubscribed", body: { channel: order.channel, code } });
      }
      case "subscribe":
        return subscribeByOrder(this.#parts, connection, order.channel);
    }
  }

  /** Subscription tokens are revoked one by one: they end a channel, not the connection. */
  #checkGrants(connection: Connection, { user, grants = [] }: Identity): void {
    for (const { channel, tokenId, issuedAt } of grants) {
      if (this.#parts.revocations.refuses({ user, tokenId, issuedAt })) this.#withdraw(connection, channel);
    }
  }

  #withdraw(connection: Connection, channel: string): void {
    const { session } = connection;
    if (session === undefined) return;
    changeIdentity(this.#parts, connection, withoutGrant(session.identity, channel), disconnects.revoked);
  }

  /** Counted; one line in ten seconds, since any backend may publish to the broker. */
  #reject(text: string, problem: string): void {
    const { clock, logger, metrics } = this.#parts;
    metrics.add("orders_rejected", 1);
    this.#unlogged++;
    const now = clock.monotonic();
    if (now - this.#loggedAt < LOG_INTERVAL_MS) return;
    const sample = text.slice(0, SAMPLE_LENGTH);
    logger.warn({ problem, sample, rejected: this.#unlogged }, "rejected an order");
    this.#loggedAt = now;
    this.#unlogged = 0;
  }
}
