/**
 * An HTTP proxy that loses every n-th answer: the gateway has given it, and the client sees its connection
 * break. Of an event stream it passes on a little, and then breaks it in the middle.
 */
import { once } from "node:events";
import { Agent, createServer, type IncomingMessage, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** Pieces of a lost event stream that still come. */
const PIECES = 20;

export class LossyProxy {
  /** Answers that were lost. */
  lost = 0;
  readonly #server: Server;
  readonly #agent = new Agent({ keepAlive: true });
  #answers = 0;

  private constructor(target: number, every: number) {
    this.#server = createServer((incoming, response) => {
      const { method, url, headers } = incoming;
      const there = request({
        host: "127.0.0.1",
        port: target,
        method,
        path: url,
        headers,
        agent: this.#agent,
      });
      incoming.pipe(there);
      there.on("error", () => response.destroy());
      response.on("close", () => there.destroy());
      there.on("response", (answer: IncomingMessage) => {
        const isStream = answer.headers["content-type"]?.startsWith("text/event-stream") === true;
        answer.on("error", () => response.destroy());
        if (++this.#answers % every !== 0) {
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(response);
          return;
        }
        this.lost++;
        if (!isStream) {
          answer.resume().on("end", () => response.destroy());
          return;
        }
        let pieces = 0;
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer
          .on("end", () => response.destroy())
          .on("data", (chunk: Buffer) => {
            if (++pieces < PIECES) response.write(chunk);
            else if (pieces === PIECES)
              response.write(chunk.subarray(0, chunk.length / 2), () => response.destroy());
          });
      });
    });
  }

  static async start(target: number, every: number): Promise<LossyProxy> {
    const proxy = new LossyProxy(target, every);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#agent.destroy();
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }
}
