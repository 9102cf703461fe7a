/**
 * An HTTP proxy that tears what passes: every nth piece of an answer is cut somewhere in its middle, and its
 * connection ends.
 */
import { once } from "node:events";
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import type { SeededRandom } from "./seeded-random.js";

export class TornProxy {
  readonly #server: Server;
  readonly #target: number;
  readonly #every: number;
  readonly #random: SeededRandom;
  #answers = 0;
  /** Answers that were cut. */
  cuts = 0;

  private constructor(target: number, every: number, random: SeededRandom) {
    this.#target = target;
    this.#every = every;
    this.#random = random;
    this.#server = createServer((request, response) => this.#pass(request, response));
  }

  /** `target`: a port on 127.0.0.1. One answer in `every` is lost, or one chunk of a stream cut. */
  static async start(target: number, every: number, random: SeededRandom): Promise<TornProxy> {
    const proxy = new TornProxy(target, every, random);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #pass(request: IncomingMessage, response: ServerResponse): void {
    const { method, url: path, headers } = request;
    const there = httpRequest({ port: this.#target, host: "127.0.0.1", method, path, headers, agent: false });
    there.on("error", () => response.destroy());
    there.on("response", (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.on("error", () => response.destroy());
      answer.on("data", (chunk: Buffer) => {
        if (++this.#answers % this.#every !== 0) return void response.write(chunk);
        this.cuts++;
        response.write(chunk.subarray(0, this.#random.between(0, chunk.length - 1)), () =>
          response.destroy(),
        );
        answer.destroy();
      });
      answer.on("end", () => response.end());
    });
    response.on("close", () => there.destroy());
    request.pipe(there);
  }
}
