/**
 * A TCP relay: one address in front of several, as a load balancer is, with a hand on every connection.
 *
 * A connection goes to the next target that takes it. Invariant: both halves of a connection end together.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

export class TcpRelay {
  readonly #server: Server;
  readonly #targets: readonly number[];
  readonly #sockets = new Set<Socket>();
  /** Those that came while nothing passed. */
  readonly #strays = new Set<Socket>();
  #turn = 0;
  #isAway = false;
  #isStalled = false;

  private constructor(server: Server, targets: readonly number[]) {
    this.#server = server;
    this.#targets = targets;
  }

  /** `targets`: ports on 127.0.0.1. */
  static async start(targets: readonly number[]): Promise<TcpRelay> {
    const server = createServer({ pauseOnConnect: true });
    const relay = new TcpRelay(server, targets);
    server.on("connection", (client) => relay.#relay(client, 0));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections that are open, both halves counted. */
  get size(): number {
    return this.#sockets.size + this.#strays.size;
  }

  /** Ends every connection without a word: a reset on both sides. */
  cut(): void {
    for (const socket of [...this.#sockets, ...this.#strays]) socket.resetAndDestroy();
  }

  /** Ends every connection and takes none, until `back`: the network between both sides is gone. */
  away(): void {
    this.#isAway = true;
    this.cut();
  }

  back(): void {
    this.#isAway = false;
  }

  /** From now on nothing passes in either direction, on new connections either, and neither side is told. */
  stall(): void {
    this.#isStalled = true;
    for (const socket of this.#sockets) socket.pause();
  }

  /** After `stall`: what waits passes. Connections that came meanwhile reach no target, and are reset. */
  flow(): void {
    this.#isStalled = false;
    for (const socket of this.#strays) socket.resetAndDestroy();
    for (const socket of this.#sockets) socket.resume();
  }

  async close(): Promise<void> {
    this.#server.close();
    this.cut();
    await once(this.#server, "close");
  }

  #relay(client: Socket, tried: number): void {
    if (this.#isAway) return void client.resetAndDestroy();
    if (this.#isStalled) {
      this.#strays.add(client);
      client.on("error", () => {}).once("close", () => this.#strays.delete(client));
      return;
    }
    const port = this.#targets[this.#turn++ % this.#targets.length] ?? 0;
    const target = connect({ port, host: "127.0.0.1", noDelay: true });
    const refused = (): void => {
      if (tried + 1 < this.#targets.length && !client.destroyed) this.#relay(client, tried + 1);
      else client.resetAndDestroy();
    };
    target.once("error", refused);
    target.once("connect", () => {
      target.off("error", refused);
      this.#join(client, target);
    });
  }

  #join(client: Socket, target: Socket): void {
    for (const [socket, other] of [
      [client, target],
      [target, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.once("close", () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
    client.setNoDelay(true);
    client.pipe(target);
    target.pipe(client);
    client.resume();
  }
}
