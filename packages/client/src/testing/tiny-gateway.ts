/**
 * A gateway in a few lines over real sockets: sessions over WebSocket, SSE and long-poll, and faults to
 * order.
 *
 * Leaves to tiny-sessions.ts what commands do. Follows docs/protocol.md as far as the SDK's tests need it: it
 * redelivers an answer to a poll whose cursor comes again.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { errors, type Json } from "@holdfast/protocol";
import { type WebSocket, WebSocketServer } from "ws";
import { WELCOME } from "./fake-web-socket.js";
import { TinySessions } from "./tiny-sessions.js";

/** What something between client and gateway does. */
export interface Faults {
  /** Answers upgrades with 403. */
  refuseUpgrades?: boolean;
  /** Upgrades, and lets nothing through after that. */
  muteUpgrades?: boolean;
  /** Holds streams back until they end. */
  bufferStreams?: boolean;
  /** Ends every connection and stream so many ms after its beginning. */
  cutAfterMs?: number;
  /** Destroys the connection in place of every so manyth answer to a poll or a send. */
  dropEvery?: number;
  /** Answers nothing at all over HTTP but this status. */
  status?: number;
}

export class TinyGateway {
  faults: Faults = {};
  /** "GET /ws", "POST /poll" and so on, with the query. */
  readonly requests: string[] = [];
  /** How long a poll is held, ms. */
  holdMs = 1_000;
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: WELCOME.limits.maxPayload });
  readonly #connections = new Set<Socket>();
  readonly #sessions = new TinySessions();
  #answers = 0;

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
    this.#server.on("connection", (socket) => {
      this.#connections.add(socket);
      socket.on("close", () => this.#connections.delete(socket));
    });
    this.#server.on("upgrade", (request, socket: Socket, head) => {
      this.requests.push(`GET ${request.url}`);
      if (this.faults.refuseUpgrades) {
        socket.end("HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        return;
      }
      this.#sockets.handleUpgrade(request, socket, head, (ws) => this.#webSocket(ws));
    });
  }

  static async start(): Promise<TinyGateway> {
    const gateway = new TinyGateway();
    gateway.#server.listen(0, "127.0.0.1");
    await once(gateway.#server, "listening");
    return gateway;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/ws`;
  }

  /** The sessions that are being served, over whichever transport. */
  get live(): number {
    return this.#sessions.live;
  }

  /** Commands that came, as [operation, body]. */
  get commands(): TinySessions["commands"] {
    return this.#sessions.commands;
  }

  /** A frame to every session. */
  send(frame: string): void {
    this.#sessions.send(frame);
  }

  publish(channel: string, data: Json): void {
    this.#sessions.publish(channel, data);
  }

  /** Cuts every connection, as a network does. */
  cut(): void {
    for (const socket of this.#connections) socket.destroy();
  }

  /** Forgets every session, as a restart does; no client is told. */
  forget(): void {
    this.#sessions.forget();
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, "close");
  }

  #webSocket(socket: WebSocket): void {
    this.#cutLater(() => socket.terminate());
    if (this.faults.muteUpgrades) return;
    const session = this.#sessions.create((frame) => socket.send(frame));
    socket.on("message", (data) => this.#sessions.take(session, String(data)));
    socket.on("close", () => this.#sessions.end(session.sid));
    socket.on("error", () => {});
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? "", "http://tiny");
    this.requests.push(`${request.method} ${request.url}`);
    let body = "";
    for await (const chunk of request) body += chunk;
    if (Buffer.byteLength(body) > WELCOME.limits.maxPayload) {
      response.writeHead(413).end(JSON.stringify({ error: errors.tooBig }));
      return;
    }
    if (this.faults.status !== undefined) {
      const { status } = this.faults;
      response.writeHead(status, status === 503 ? { "Retry-After": "1" } : {}).end("not here");
    } else if (pathname === "/sse") this.#stream(response, body);
    else if (pathname === "/poll") await this.#poll(response, JSON.parse(body));
    else if (pathname === "/send") this.#command(response, JSON.parse(body));
    else response.writeHead(404).end();
  }

  #stream(response: ServerResponse, body: string): void {
    const held: string[] = [];
    const write = (text: string): void => {
      if (this.faults.bufferStreams) held.push(text);
      else response.write(text);
    };
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    write(`:${" ".repeat(2048)}\n\n`);
    const session = this.#sessions.create((frame) => write(`data: ${frame}\n\n`));
    response.on("close", () => this.#sessions.end(session.sid));
    this.#cutLater(() => response.destroy());
    this.#sessions.take(session, body);
  }

  async #poll(
    response: ServerResponse,
    { sid, cursor, commands }: { sid?: string; cursor?: string; commands?: readonly object[] },
  ): Promise<void> {
    // A session that is gone is rebuilt under another id.
    const session = this.#sessions.find(sid ?? "") ?? this.#sessions.create();
    const { mailbox } = session;
    if (mailbox === undefined) throw new Error("not a session of polls");
    if (mailbox.last !== undefined && mailbox.last.cursor === cursor) {
      return this.#answer(response, mailbox.last.answer);
    }
    mailbox.wake(false);
    const held = new Promise<boolean>((resolve) => {
      mailbox.wake = resolve;
      setTimeout(resolve, this.holdMs, true).unref();
    });
    this.#sessions.take(session, textOf(commands));
    if (mailbox.frames.length === 0 && !(await held)) return this.#answer(response, "{}", 409);
    const frames = mailbox.frames.splice(0).join(",");
    const next = `c${Number(cursor?.slice(1) ?? 0) + 1}`;
    const answer = `{"sid":"${session.sid}","cursor":"${next}","frames":[${frames}],"wait":0}`;
    mailbox.last = { cursor, answer };
    this.#answer(response, answer);
  }

  #command(
    response: ServerResponse,
    { sid, token, commands }: { sid: string; token: string; commands: object[] },
  ): void {
    const session = this.#sessions.find(sid);
    if (session === undefined)
      return this.#answer(response, JSON.stringify({ error: errors.notConnected }), 404);
    if (token !== session.token)
      return this.#answer(response, JSON.stringify({ error: errors.forbidden }), 403);
    this.#sessions.take(session, textOf(commands));
    this.#answer(response, "{}");
  }

  #answer(response: ServerResponse, text: string, status = 200): void {
    const { dropEvery } = this.faults;
    if (dropEvery !== undefined && ++this.#answers % dropEvery === 0) response.destroy();
    else response.writeHead(status, { "Content-Type": "application/json" }).end(text);
  }

  #cutLater(cut: () => void): void {
    if (this.faults.cutAfterMs !== undefined) setTimeout(cut, this.faults.cutAfterMs).unref();
  }
}

function textOf(commands: readonly object[] = []): string {
  return commands.map((each) => JSON.stringify(each)).join("\n");
}
