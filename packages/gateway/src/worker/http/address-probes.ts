/**
 * Address probes: upgrades that ask to be remembered by a name, and whom each was taken for.
 *
 * `holdfast doctor` sends one through the public URL and asks the admin API for it, so that it learns what
 * limits and logs would see of a client that comes that way. Invariant: the last `MAX_PROBES` are kept, with
 * bounded names, and nothing of any other request.
 */
import type { IncomingHttpHeaders } from "node:http";
import { plainAddress } from "../../admission/client-address.js";
import type { SeenClient } from "../../link/seen-client.js";
import type { ClientAddresses } from "./client-addresses.js";

/** In lower case. Its value names the probe. */
export const PROBE_HEADER = "holdfast-probe";
const MAX_PROBES = 16;
const NAME = /^[\w-]{16,64}$/;

/** The other end of a connection. */
export interface Peer {
  readonly address: string;
  readonly port: number;
}

export class AddressProbes {
  /** The oldest first. */
  readonly #seen = new Map<string, SeenClient>();

  /** Remembers the request where it asks for that. `peer` is asked for only then. */
  note(headers: IncomingHttpHeaders, peer: () => Peer | undefined, clients: ClientAddresses): void {
    const name = headers[PROBE_HEADER];
    if (name === undefined || typeof name !== "string" || !NAME.test(name)) return;
    const from = peer();
    if (from === undefined) return;
    const { address, isProxy } = clients.of(from.address, headers);
    this.#seen.delete(name);
    this.#seen.set(name, { peer: plainAddress(from.address), peerPort: from.port, address, isProxy });
    const [oldest] = this.#seen.keys();
    if (this.#seen.size > MAX_PROBES && oldest !== undefined) this.#seen.delete(oldest);
  }

  /** Undefined where it was not here, or is forgotten. */
  of(name: string): SeenClient | undefined {
    return this.#seen.get(name);
  }
}
