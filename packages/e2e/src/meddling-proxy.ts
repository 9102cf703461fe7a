/**
 * A proxy that meddles, as company networks do: refuses upgrades, holds streams back, cuts whatever lasts,
 * drops answers.
 *
 * An honest HTTP/1.1 proxy otherwise: it parses each request and makes its own, with a connection of its own.
 * What it does can be changed at any time and holds for requests from then on.
 */
import { once } from "node:events";
import {
  Agent,
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";

export interface Meddling {
  /** Answers upgrades with 403. */
  readonly refuseUpgrades?: boolean;
  /** Passes an answer on when all of it has come. */
  readonly buffer?: boolean;
  /** Ends every connection so many ms after its request. */
  readonly cutAfterMs?: number;
  /** Takes every so manyth answer from the gateway, and ends the connection in its place. */
  readonly dropEvery?: number;
}

export class MeddlingProxy {
  meddling: Meddling = {};
  /** Paths that were asked for, without the query; `UPGRADE /ws` for upgrades. */
  readonly asked: string[] = [];
  readonly #server: Server;
  readonly #port: number;
  readonly #agent = new Agent({ keepAlive: false });
  readonly #sockets = new Set<Socket>();
  #answers = 0;

  private constructor(port: number) {
    this.#port = port;
    this.#server = createServer((request, response) => this.#pass(request, response));
    this.#server.on("connection", (socket) => this.#keep(socket));
    this.#server.on("upgrade", (request, socket: Socket, head) => this.#upgrade(request, socket, head));
  }

  /** `port`: of the gateway, on 127.0.0.1. */
  static async start(port: number): Promise<MeddlingProxy> {
    const proxy = new MeddlingProxy(port);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get http(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Requests for `path` so far. */
  count(path: string): number {
    return this.asked.filter((each) => each === path).length;
  }

  /** Ends every connection without a word. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    this.#server.close();
    this.cut();
    this.#agent.destroy();
    await once(this.#server, "close");
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => this.#sockets.delete(socket));
  }

  #cutLater(socket: Socket): void {
    const { cutAfterMs } = this.meddling;
    if (cutAfterMs !== undefined) setTimeout(() => socket.resetAndDestroy(), cutAfterMs).unref();
  }

  #pass(request: IncomingMessage, response: ServerResponse): void {
    const { buffer, dropEvery } = this.meddling;
    const { method, url = "", headers, socket } = request;
    this.asked.push(`${method} ${url.replace(/\?.*/, "")}`);
    this.#cutLater(socket);
    const onward = httpRequest({
      host: "127.0.0.1",
      port: this.#port,
      method,
      path: url,
      headers,
      agent: this.#agent,
    });
    onward.on("error", () => socket.destroy());
    response.on("close", () => onward.destroy());
    onward.on("response", (answer) => {
      answer.on("error", () => socket.destroy());
      if (dropEvery !== undefined && ++this.#answers % dropEvery === 0) {
        // What it says is lost, not what it did.
        answer.on("end", () => socket.resetAndDestroy()).resume();
        return;
      }
      const { connection: _, "keep-alive": __, "transfer-encoding": ___, ...rest } = answer.headers;
      if (buffer === true) {
        const chunks: Buffer[] = [];
        answer.on("data", (chunk: Buffer) => chunks.push(chunk));
        answer.on("end", () => response.writeHead(answer.statusCode ?? 502, rest).end(Buffer.concat(chunks)));
        return;
      }
      response.writeHead(answer.statusCode ?? 502, rest);
      response.flushHeaders();
      answer.pipe(response);
    });
    request.pipe(onward);
  }

  #upgrade({ url = "", rawHeaders }: IncomingMessage, socket: Socket, head: Buffer): void {
    this.asked.push(`UPGRADE ${url.replace(/\?.*/, "")}`);
    this.#keep(socket);
    if (this.meddling.refuseUpgrades === true) {
      socket.end("HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    this.#cutLater(socket);
    const onward = connect({ host: "127.0.0.1", port: this.#port, noDelay: true });
    this.#keep(onward);
    onward.once("close", () => socket.destroy());
    socket.once("close", () => onward.destroy());
    const lines = rawHeaders.map((each, index) => each + (index % 2 === 0 ? ": " : "\r\n")).join("");
    onward.write(`GET ${url} HTTP/1.1\r\n${lines}\r\n`);
    onward.write(head);
    onward.pipe(socket);
    socket.pipe(onward);
  }
}
