/**
 * An inspected worker: what metrics and operators read of it.
 *
 * `Core` is one. Leaves everything that changes a worker to `Core` and its parts. Invariant: nothing here
 * changes anything, and a count costs the same however many connections there are, save where it says so.
 */
import type { Revocations } from "../access/revocations.js";
import type { ApartStates, Broker } from "../broker/broker.js";
import type { Detached } from "../connection/detached.js";
import type { Registry } from "../connection/registry.js";
import type { Shedding } from "../connection/shedding.js";
import type { SlowConsumers } from "../delivery/slow-consumers.js";
import type { Hub } from "../hub/hub.js";
import type { WorkerPresence } from "../presence/presence.js";
import type { FairTurns } from "../runtime/fair-turns.js";
import type { Incidents } from "../runtime/incidents.js";
import { type Inspected, Inspector } from "./inspector.js";

export interface InspectedParts extends Inspected {
  readonly broker: Pick<Broker, "delayMs" | "apart">;
  readonly detached: Detached;
  readonly hub: Hub;
  readonly presence: WorkerPresence | undefined;
  readonly reads: FairTurns;
  readonly registry: Registry;
  readonly revocations: Revocations;
  readonly shedding: Pick<Shedding, "isOver">;
  readonly slowConsumers: SlowConsumers;
}

export class InspectedWorker {
  /** What operators ask of this worker. */
  readonly inspector: Inspector;
  /** What lately went wrong for clients; the edge notes requests that it turns away. */
  readonly incidents: Incidents;
  readonly #parts: InspectedParts;

  constructor(parts: InspectedParts) {
    this.#parts = parts;
    this.inspector = new Inspector(parts);
    this.incidents = parts.incidents;
  }

  /** How late the broker's signs of life come, ms; undefined where they are not measured. */
  get brokerDelayMs(): number | undefined {
    return this.#parts.broker.delayMs;
  }

  /** Parts of the broker with a server of their own, and whether that can be reached. */
  get brokerApart(): ApartStates {
    return this.#parts.broker.apart ?? {};
  }

  /** Connections of the protocol, those included that have yet to connect. */
  get connections(): number {
    return this.#parts.registry.connections.size;
  }

  /** Whether no tick matters to any client: none is here, none may come back, and no channel is held. */
  get isIdle(): boolean {
    return this.connections + this.topics + this.detached + this.members === 0;
  }

  /**
   * Whether ticks may be late by half a second, as long as nothing is said: no client connects, may come
   * back, is behind or is to be sent away, and none waits for an answer.
   */
  get isQuiet(): boolean {
    const { detached, reads, registry, shedding, slowConsumers } = this.#parts;
    return (
      shedding.isOver && registry.connecting + detached.size + slowConsumers.behind + reads.waiting === 0
    );
  }

  /** Topics that connections here listen to. */
  get topics(): number {
    return this.#parts.hub.topics;
  }

  /** Sessions whose connection was lost and that may come back. */
  get detached(): number {
    return this.#parts.detached.size;
  }

  /** Sessions of this worker in channels with presence. */
  get members(): number {
    return this.#parts.presence?.members ?? 0;
  }

  /** Channels whose members this worker follows. */
  get presenceViews(): number {
    return this.#parts.presence?.watches.size ?? 0;
  }

  /** Reads of clients that wait for their turn. */
  get readsWaiting(): number {
    return this.#parts.reads.waiting;
  }

  /** Revocations that are known here. */
  get revocations(): number {
    return this.#parts.revocations.size;
  }

  /**
   * Subscriptions of all connections, those included that the broker has yet to confirm. Counted when asked.
   */
  get subscriptions(): number {
    return this.#parts.hub.subscriptions;
  }

  /** Subscriptions whose connection is too slow for them, and that are skipped until it has read more. */
  get subscriptionsBehind(): number {
    return this.#parts.slowConsumers.behind;
  }
}
