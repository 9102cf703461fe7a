/**
 * The connections of a host whose TLS handshake is under way: all that a process without the key can have.
 *
 * `tls.Server` only tells of a handshake that failed or took too long, and its own timeout begins again with
 * each byte. Invariant: a connection without the key is gone after `mostMs`, whatever it sends.
 */
import type { Socket } from "node:net";
import type { Server } from "node:tls";

export function boundHandshakes(server: Server, mostMs: number): void {
  const timers = new Map<string, NodeJS.Timeout>();
  const done = (socket: Socket, name = nameOf(socket)): void => {
    clearTimeout(timers.get(name));
    timers.delete(name);
  };
  server.on("connection", (socket: Socket) => {
    // Its addresses are gone at its end.
    const name = nameOf(socket);
    timers.set(
      name,
      setTimeout(() => socket.destroy(), mostMs),
    );
    socket.once("close", () => done(socket, name));
  });
  server.on("secureConnection", (socket) => done(socket));
  server.on("tlsClientError", (_error, socket) => socket.destroy());
}

/** The connection as TCP names it: the encrypted socket and the one beneath it have the same. */
function nameOf({ localAddress, localPort, remoteAddress, remotePort }: Socket): string {
  return [localAddress, localPort, remoteAddress, remotePort].join(" ");
}
