/**
 * The connections of a host whose TLS handshake is under way: all that a process without the key can have.
 *
 * | limit | value | what happens there |
 * |---|---|---|
 * | time of a handshake | `mostMs` | the connection ends |
 * | handshakes of one address | 32 | the oldest one of that address ends |
 * | handshakes of all | 128 | the oldest one ends |
 *
 * A controller has few under way, each for some milliseconds. `tls.Server` only tells of a handshake
 * that failed or took too long, and its own timeout begins again with each byte. Invariant: connections
 * without the key keep no controller out.
 */
import type { Socket } from "node:net";
import type { Server } from "node:tls";

export const MAX_HANDSHAKES = 128;
export const MAX_HANDSHAKES_OF_ADDRESS = 32;

export interface HandshakeOptions {
  /** For one handshake, ms. */
  readonly mostMs: number;
  /** A connection was ended; `why` goes on after its address. */
  refused(address: string, why: string): void;
}

interface Handshake {
  readonly socket: Socket;
  readonly address: string;
  readonly timer: NodeJS.Timeout;
}

export function boundHandshakes(server: Server, { mostMs, refused }: HandshakeOptions): void {
  /** The oldest first. */
  const under = new Map<string, Handshake>();
  const done = (name: string): void => {
    clearTimeout(under.get(name)?.timer);
    under.delete(name);
  };
  const end = (name: string, why: string): void => {
    const { socket, address } = under.get(name) ?? {};
    done(name);
    socket?.destroy();
    if (address !== undefined) refused(address, why);
  };
  server.on("connection", (socket: Socket) => {
    // Its addresses are gone at its end.
    const name = nameOf(socket);
    const address = addressOf(socket);
    const same = [...under].filter(([, each]) => each.address === address);
    const [oldest] = same.length >= MAX_HANDSHAKES_OF_ADDRESS ? same : under;
    if (oldest !== undefined && (same.length >= MAX_HANDSHAKES_OF_ADDRESS || under.size >= MAX_HANDSHAKES))
      end(oldest[0], "has too many connections without the key");
    const timer = setTimeout(() => end(name, `did not show the key in ${mostMs / 1000} s`), mostMs);
    under.set(name, { socket, address, timer });
    socket.once("close", () => done(name));
  });
  server.on("secureConnection", (socket) => done(nameOf(socket)));
  server.on("tlsClientError", ({ code = "" }: NodeJS.ErrnoException, socket) => {
    if (/^ERR_SSL/.test(code)) refused(addressOf(socket), "has not the key");
    socket.destroy();
  });
}

function addressOf({ remoteAddress }: Socket): string {
  return remoteAddress ?? "a visitor";
}

/** The connection as TCP names it: the encrypted socket and the one beneath it have the same. */
function nameOf({ localAddress, localPort, remoteAddress, remotePort }: Socket): string {
  return [localAddress, localPort, remoteAddress, remotePort].join(" ");
}
