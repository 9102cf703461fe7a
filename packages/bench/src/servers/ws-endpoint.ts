/**
 * What every `ws` peer runs: an HTTP server that upgrades, subscribers by channel, a plain send loop, and the
 * keepalive of ws's README.
 *
 * Written as its documentation suggests, with perMessageDeflate off and handlers shared, so that the
 * comparison is with good code and not with a straw man.
 */
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { type WebSocket, WebSocketServer } from "ws";

const PING_MS = 25_000;
const MAX_PAYLOAD = 64 * 1024;

/** A certificate and its key, in PEM. */
export interface EndpointCertificate {
  readonly cert: string;
  readonly key: string;
}

export class WsEndpoint {
  readonly http: Server;
  readonly #channels = new Map<string, Set<WebSocket>>();
  readonly #silent = new WeakSet<WebSocket>();
  readonly #server: WebSocketServer;

  /** `deflates`: with permessage-deflate, as ws does it if nothing else is said. A certificate: over TLS. */
  constructor(deflates = false, certificate?: EndpointCertificate) {
    const answer: RequestListener = (_request, response) => response.writeHead(426).end();
    this.http = certificate === undefined ? createServer(answer) : createSecureServer(certificate, answer);
    this.#server = new WebSocketServer({
      server: this.http,
      perMessageDeflate: deflates,
      maxPayload: MAX_PAYLOAD,
    });
    const heard = this.#silent;
    const onPong = function (this: WebSocket): void {
      heard.delete(this);
    };
    const onError = (): void => {};
    this.#server.on("connection", (socket, request) => {
      socket.on("error", onError);
      socket.on("pong", onPong);
      for (const channel of channelsOf(request.url ?? "")) this.#subscribe(channel, socket);
    });
    setInterval(() => this.#ping(), PING_MS).unref();
  }

  publish(channel: string, text: string): void {
    const subscribers = this.#channels.get(channel);
    if (subscribers === undefined) return;
    for (const socket of subscribers) {
      if (socket.readyState === 1) socket.send(text);
      else subscribers.delete(socket);
    }
  }

  #subscribe(channel: string, socket: WebSocket): void {
    let subscribers = this.#channels.get(channel);
    if (subscribers === undefined) {
      subscribers = new Set();
      this.#channels.set(channel, subscribers);
    }
    subscribers.add(socket);
  }

  /** Closed sockets leave their channels here and in `publish`: a listener each would cost memory. */
  #ping(): void {
    for (const socket of this.#server.clients) {
      if (this.#silent.has(socket)) socket.terminate();
      else {
        this.#silent.add(socket);
        socket.ping();
      }
    }
    for (const subscribers of this.#channels.values()) {
      for (const socket of subscribers) if (socket.readyState > 1) subscribers.delete(socket);
    }
  }
}

function channelsOf(url: string): string[] {
  const text = /[?&]channels=([^&]*)/.exec(url)?.[1] ?? "";
  // Copies, so that no substring keeps the URL alive.
  return text === "" ? [] : text.split(",").map((name) => Buffer.from(name).toString());
}
