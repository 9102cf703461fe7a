/**
 * Whose request it is: the client's address as the limits of a worker count it, request by request, since the
 * connection of a proxy carries many clients' requests.
 *
 * The peer's address, or what a trusted proxy says in X-Forwarded-For. Where connections begin with a PROXY
 * header, which the front door took off, and where the request came from another worker, it is not known
 * here. Nothing that an untrusted peer sends changes it.
 */
import type { IncomingHttpHeaders } from "node:http";
import {
  clientAddress,
  limitKey,
  namedKey,
  plainAddress,
  TrustedProxies,
  UNKNOWN_ADDRESS,
} from "../../admission/client-address.js";
import type { PeerAddressOptions } from "../../admission/peer-address.js";

export interface ClientAddress {
  /** Undefined: not known. */
  readonly address: string | undefined;
  /** Whether its connection is a trusted proxy's, and others' requests may come over it. */
  readonly isProxy: boolean;
}

const UNKNOWN: ClientAddress = Object.freeze({ address: undefined, isProxy: false });

export class ClientAddresses {
  readonly #proxyProtocol: boolean;
  readonly #proxies: TrustedProxies;

  constructor({ proxyProtocol, trustedProxies }: PeerAddressOptions) {
    this.#proxyProtocol = proxyProtocol;
    this.#proxies = new TrustedProxies(trustedProxies);
  }

  /**
   * What a transport has to remember: nothing where its peer is the client, which can be asked for its
   * address later; otherwise what the proxy says, or `UNKNOWN_ADDRESS`.
   */
  remembered(peer: () => string | undefined, headers: IncomingHttpHeaders): string | undefined {
    if (this.#proxyProtocol) return UNKNOWN_ADDRESS;
    if (!this.#proxies.any) return undefined;
    const { address, isProxy } = this.of(peer(), headers);
    return isProxy ? (address ?? UNKNOWN_ADDRESS) : undefined;
  }

  /** `peer`: the address at the other end of the connection, if it has one. */
  of(peer: string | undefined, headers: IncomingHttpHeaders): ClientAddress {
    if (this.#proxyProtocol || peer === undefined || peer === "") return UNKNOWN;
    const plain = plainAddress(peer);
    if (!this.#proxies.has(plain)) return { address: limitKey(plain), isProxy: false };
    const forwarded = headers["x-forwarded-for"];
    const text = typeof forwarded === "string" ? forwarded : (forwarded ?? []).join(",");
    const head = `GET / HTTP/1.1\r\nX-Forwarded-For: ${text}\r\n\r\n`;
    return { address: namedKey(clientAddress(plain, head, this.#proxies)), isProxy: true };
  }
}
