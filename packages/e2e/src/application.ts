/**
 * An application that answers webhooks: a real HTTP server, which checks every signature as
 * docs/operations.md says.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

export const SECRET = "a-secret-of-32-characters-or-more-for-tests";

/** A question, loosely. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came.
export type Question = Record<string, any>;

export type Behaviour = (question: Question, response: ServerResponse) => void;

export const yes: Behaviour = (_, response) => response.end('{"allow":true}');

export class Application {
  /** Every question so far, in order. */
  readonly questions: Question[] = [];
  /** The header `traceparent` of each, in the same order; undefined where it had none. */
  readonly traceparents: (string | undefined)[] = [];
  /** Questions whose signature was wrong. */
  forged = 0;
  /** Questions that are being answered now, and the most that ever were. */
  open = 0;
  mostOpen = 0;
  behaviour: Behaviour = yes;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #port = 0;

  private constructor() {
    this.#server = createServer((request, response) => this.#answer(request, response));
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  static async start(): Promise<Application> {
    const application = new Application();
    await application.listen();
    return application;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/holdfast`;
  }

  /** Again, on the same port, after `stop`. */
  async listen(): Promise<void> {
    this.#server.listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Ends every connection and takes no other. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    this.dropConnections();
    await closed;
  }

  dropConnections(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.mostOpen = Math.max(this.mostOpen, ++this.open);
    response.on("close", () => this.open--);
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (chunk: string) => {
      body += chunk;
    });
    request.on("end", () => {
      if (!isSigned(request, body)) this.forged++;
      const question = JSON.parse(body) as Question;
      this.questions.push(question);
      this.traceparents.push(request.headers.traceparent?.toString());
      this.behaviour(question, response);
    });
  }
}

function isSigned({ headers }: IncomingMessage, body: string): boolean {
  const timestamp = String(headers["holdfast-timestamp"]);
  if (Math.abs(Date.now() / 1000 - Number(timestamp)) > 300) return false;
  const right = Buffer.from(
    `v1=${createHmac("sha256", SECRET).update(`${timestamp}.${body}`).digest("hex")}`,
  );
  const given = Buffer.from(String(headers["holdfast-signature"]));
  return given.length === right.length && timingSafeEqual(given, right);
}
