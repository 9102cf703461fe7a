/**
 * Address searches: which connections come from an address, for the operator who has only that.
 *
 * A connection keeps no address (its transport asks the kernel), so a search asks all of them: some
 * microseconds for each. Invariants: one search takes at most `MAX_WALK_MS` of the event loop; all together
 * take at most `SHARE` of its time, once `BURST_MS` are used up. A search that would take more is not made,
 * and its answer says when.
 */
import type { Connection } from "../connection/connection.js";
import type { Clock } from "../runtime/clock.js";
import { type ConnectionFacts, firstConnections } from "./inspection.js";

export interface AddressQuery {
  /** The spellings that are meant, as limits count addresses. */
  readonly addresses: readonly string[];
  readonly after: string;
  readonly limit: number;
}

/** A worker's part of a page. */
export interface AddressPage {
  readonly connections: readonly ConnectionFacts[];
  /** Above 0: nothing was looked at, and a search may begin after that time, ms. */
  readonly waitMs: number;
  /** Whether the time was over before all connections were looked at. */
  readonly isCut: boolean;
}

/** Of the worker's time, as surveys. */
const SHARE = 0.005;
/** Time of searches that may be used at once, ms. */
const BURST_MS = 250;
const MAX_WALK_MS = 100;
/** Connections between two looks at the clock. */
const STEP = 256;

export class AddressSearches {
  readonly #connections: () => Iterable<Connection>;
  readonly #clock: Pick<Clock, "monotonic">;
  #usedMs = 0;
  #usedAt = 0;

  constructor(connections: () => Iterable<Connection>, clock: Pick<Clock, "monotonic">) {
    this.#connections = connections;
    this.#clock = clock;
  }

  take({ addresses, after, limit }: AddressQuery): AddressPage {
    const began = this.#clock.monotonic();
    this.#usedMs = Math.max(0, this.#usedMs - (began - this.#usedAt) * SHARE);
    this.#usedAt = began;
    if (this.#usedMs >= BURST_MS) {
      const waitMs = Math.max(1, Math.ceil((this.#usedMs - BURST_MS) / SHARE));
      return { connections: [], waitMs, isCut: false };
    }
    const walk = this.#within(began + MAX_WALK_MS);
    const isMeant = ({ id, transport }: Connection): boolean => {
      if (id <= after) return false;
      const address = transport.clientAddress?.();
      return address !== undefined && addresses.includes(address);
    };
    const connections = firstConnections(walk.connections, isMeant, limit);
    this.#usedMs += this.#clock.monotonic() - began;
    return { connections, waitMs: 0, isCut: walk.isCut() };
  }

  /** The connections, as far as there is time for them. */
  #within(deadline: number): { readonly connections: Iterable<Connection>; isCut(): boolean } {
    const clock = this.#clock;
    const all = this.#connections();
    let isCut = false;
    function* connections(): Iterable<Connection> {
      let looked = 0;
      for (const connection of all) {
        if (looked++ % STEP === STEP - 1 && clock.monotonic() >= deadline) {
          isCut = true;
          return;
        }
        yield connection;
      }
    }
    return { connections: connections(), isCut: () => isCut };
  }
}
