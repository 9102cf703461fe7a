/**
 * A relay in front of a Redis that loses what pub/sub delivers, and nothing else: commands are answered, and
 * the instance behind it hears nothing.
 *
 * Reads replies of RESP2 and RESP3 as far as it must to know where each ends. Invariant: what passes does so
 * whole and in order.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

const MESSAGE = /^[*>]\d+\r\n\$\d+\r\n[sp]?message\r\n/;
const CRLF = Buffer.from("\r\n");

export class DeafRelay {
  /** Deliveries that were lost. */
  lost = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isDeaf = false;

  private constructor(target: number) {
    this.#server = createServer((client) => this.#join(client, connect({ port: target, host: "127.0.0.1" })));
  }

  static async start(target: number): Promise<DeafRelay> {
    const relay = new DeafRelay(target);
    relay.#server.listen(0, "127.0.0.1");
    await once(relay.#server, "listening");
    return relay;
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** From now on nothing is heard. */
  deafen(): void {
    this.#isDeaf = true;
  }

  hear(): void {
    this.#isDeaf = false;
  }

  async close(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, "close");
  }

  #join(client: Socket, target: Socket): void {
    for (const [socket, other] of [
      [client, target],
      [target, client],
    ] as const) {
      this.#sockets.add(socket.setNoDelay(true));
      socket.on("error", () => {});
      socket.once("close", () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
    client.pipe(target);
    let held = Buffer.alloc(0);
    target.on("data", (bytes: Buffer) => {
      held = Buffer.concat([held, bytes]);
      for (let end = replyEnd(held, 0); end !== undefined; end = replyEnd(held, 0)) {
        const reply = held.subarray(0, end);
        held = held.subarray(end);
        if (this.#isDeaf && MESSAGE.test(reply.toString("latin1", 0, 64))) this.lost++;
        else client.write(reply);
      }
    });
  }
}

/** Where the reply that begins at `from` ends; undefined while it has not come whole. */
function replyEnd(bytes: Buffer, from: number): number | undefined {
  const line = bytes.indexOf(CRLF, from);
  if (line === -1) return undefined;
  const kind = String.fromCharCode(bytes[from] ?? 0);
  const after = line + CRLF.length;
  if (!"$=!*>~%|".includes(kind)) return after;
  const count = Number(bytes.toString("latin1", from + 1, line));
  if ("$=!".includes(kind)) return bulkEnd(bytes, after, count);
  let end: number | undefined = after;
  // An attribute is followed by the reply that it is of.
  const parts = kind === "%" ? 2 * count : kind === "|" ? 2 * count + 1 : count;
  for (let part = 0; part < parts && end !== undefined; part++) end = replyEnd(bytes, end);
  return end;
}

function bulkEnd(bytes: Buffer, after: number, length: number): number | undefined {
  const end = length < 0 ? after : after + length + CRLF.length;
  return end <= bytes.length ? end : undefined;
}
