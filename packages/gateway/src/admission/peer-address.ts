/**
 * The introduction: from a socket's first bytes and its peer to whose connection it is.
 *
 * With the PROXY protocol on, a connection begins with its header; that of a peer which is not trusted is
 * taken off and ignored, like an X-Forwarded-For of such a peer. Addresses are only looked up where a limit
 * needs them.
 */
import type { TcpHandle } from "../runtime/tcp-handle.js";
import { clientAddress, limitKey, namedKey, plainAddress, TrustedProxies } from "./client-address.js";
import { type PendingSocket, UNCOUNTED } from "./pending-socket.js";
import { readProxyHeader } from "./proxy-protocol.js";

export interface PeerAddressOptions {
  /** Whether connections begin with a PROXY header. */
  readonly proxyProtocol: boolean;
  /**
   * Peers that may name the client they speak for. Empty: with the PROXY protocol every peer, otherwise none.
   */
  readonly trustedProxies: readonly string[];
}

export class PeerAddress {
  readonly #proxyProtocol: boolean;
  readonly #proxies: TrustedProxies;
  readonly #needed: boolean;

  /** `needed`: whether any limit asks for addresses. */
  constructor({ proxyProtocol, trustedProxies }: PeerAddressOptions, needed: boolean) {
    this.#proxyProtocol = proxyProtocol;
    this.#proxies = new TrustedProxies(trustedProxies);
    this.#needed = needed;
  }

  /**
   * Sets the client's address where the connection alone tells it: a limit asks, and no proxy can speak for
   * this peer. False: the head will tell.
   */
  arrive(socket: PendingSocket): boolean {
    if (!this.#needed || (this.#proxyProtocol && !this.#proxies.any)) return false;
    const peer = peerOf(socket.handle);
    if (this.#proxies.has(peer)) return false;
    socket.address = limitKey(peer);
    return true;
  }

  /** Whose place a socket takes up, as far as is known by now. */
  senderOf({ address, handle }: PendingSocket): string {
    return limitKey(address === "" ? peerOf(handle) : address);
  }

  /** Takes a PROXY header off the first bytes. `head` holds the request alone when it is done. */
  begin(socket: PendingSocket): "done" | "incomplete" | "invalid" {
    if (socket.hasPeerAddress) return "done";
    if (!this.#proxyProtocol) return this.#setAddress(socket, undefined);
    const header = readProxyHeader(Buffer.from(socket.head, "latin1"));
    switch (header.kind) {
      case "incomplete":
      case "invalid":
        return header.kind;
      case "absent":
        return this.#setAddress(socket, undefined);
      case "header":
        socket.head = socket.head.slice(header.length);
        return this.#setAddress(socket, header.address);
    }
  }

  /** Completes the address from the whole head. */
  complete(socket: PendingSocket): void {
    if (this.#needed && this.#proxies.any) {
      socket.address = keyOf(
        clientAddress(socket.address, socket.head, this.#proxies),
        peerOf(socket.handle),
      );
    }
  }

  /**
   * The same where the head cannot be read, as it comes encrypted. Clients of a trusted proxy that has named
   * none are not told apart here, so no limit per address holds; the worker counts them by their requests.
   */
  completeUnread(socket: PendingSocket): void {
    if (!this.#needed || !this.#proxies.any) return;
    const { address } = socket;
    socket.address = this.#proxies.has(address) ? UNCOUNTED : keyOf(address, peerOf(socket.handle));
  }

  #setAddress(socket: PendingSocket, forwarded: string | undefined): "done" {
    socket.hasPeerAddress = true;
    if (!this.#needed || socket.address !== "") return "done";
    const peer = peerOf(socket.handle);
    const believed = !this.#proxies.any || this.#proxies.has(peer);
    socket.address = forwarded !== undefined && believed ? forwarded : peer;
    if (!this.#proxies.any) socket.address = keyOf(socket.address, peer);
    return "done";
  }
}

/** An address that is not the peer's own was named by a proxy. */
function keyOf(address: string, peer: string): string {
  return address === peer ? limitKey(address) : namedKey(address);
}

function peerOf(handle: TcpHandle): string {
  const name: { address?: string } = {};
  handle.getpeername?.(name);
  // A peer that has reset the connection has no name any more.
  return name.address === undefined ? "unknown" : plainAddress(name.address);
}
