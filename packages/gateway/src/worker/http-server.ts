/**
 * The worker's HTTP server: gives each request to the upgrades, to comet, to plain HTTP or to the worker
 * whose session it names, and sends what they answer.
 *
 * It never listens in production: the sockets are handed over by the primary. Decides nothing itself.
 * Invariants: a socket is a WebSocket or comet's, or has a request that is being answered, or has a deadline
 * (`HttpSockets`, `Exchanges`), also while it is being turned away; every request gets a status line, unless
 * its client is gone or has sent more requests than may be under way.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Clock, Core } from "@holdfast/core";
import { corsHeaders } from "../http/cors.js";
import { type CutReason, Exchanges } from "../http/exchanges.js";
import { errorAnswer, type HttpAnswer, httpError, sendAnswer } from "../http/http-answer.js";
import { INTERNAL_PARSER, type ParserControl } from "../http/parser-control.js";
import { isUpgrade, readPlainHead } from "../http/plain-head.js";
import { type AnyRequest, asksForWebSocket, MAX_HEADERS, settleRequest } from "../http/request-rules.js";
import type { ReadBudget } from "../runtime/read-budget.js";
import type { Seat, TcpHandle } from "../runtime/tcp-handle.js";
import type { HandshakeEnd } from "../tls/tls-acceptor.js";
import type { TlsMaterial } from "../tls/tls-material.js";
import { TlsSockets } from "../tls/tls-sockets.js";
import type { Comet } from "./comet/comet.js";
import { cometPath } from "./comet/decision.js";
import { HttpSockets, type HttpSocketsParts } from "./http/http-sockets.js";
import type { Health, PlainHttp } from "./http/plain-http.js";
import type { RefusalBrake } from "./http/refusal-brake.js";
import { TurnedAway } from "./http/turned-away.js";
import type { UpgradePolicy } from "./http/upgrade.js";
import { withoutOffer } from "./http/upgrade-offers.js";
import { Upgrades, type UpgradesParts } from "./http/upgrades.js";
import { type PollDoorParts, pollDoor } from "./poll-door.js";
import type { PollingConnections } from "./polling/polling-connections.js";
import { Relay, type RelayOptions } from "./relay/relay.js";

/** RFC 9110 §9.3.6: a method that most servers do not have. */
const NO_TUNNELS = errorAnswer(501, httpError(501, "This is no proxy."));

export interface HttpServerParts extends Omit<HttpSocketsParts, "parser">, UpgradesParts, PollDoorParts {
  readonly core: Pick<Core, "state">;
  readonly plain: PlainHttp;
  readonly comet: Pick<Comet, "handle" | "takeHandle" | "close"> & PollDoorParts["comet"];
  readonly policy: Pick<UpgradePolicy, "mayComeFrom">;
  /** Where other workers answer, and who this one is. */
  readonly relay: RelayOptions;
  /** Told of every request that was answered here, wherever it came in. */
  readonly answered: () => void;
  /** How long a client may take to read an answer, ms; more for long ones. */
  readonly writeTimeoutMs: number;
  /** How much clients may bring in a turn of the event loop. */
  readonly budget?: ReadBudget;
  readonly clock: Clock;
  /** Told of every connection that was cut for what its client did with HTTP. */
  readonly cut: (why: CutReason) => void;
  /** What handed-over sockets shake hands with first; undefined: they speak plain HTTP. */
  readonly tls?: TlsMaterial | undefined;
  /** How long a handshake may take, ms. */
  readonly handshakeTimeoutMs?: number;
  /** Told of every TLS handshake. */
  readonly shaken?: (how: HandshakeEnd) => void;
  /** Default: the one that reaches into Node's. */
  readonly parser?: ParserControl | undefined;
  /** Refused upgrades, each with its socket; undefined: all are answered at once. */
  readonly brake?: RefusalBrake<Duplex> | undefined;
}

export class HttpServer {
  readonly #parts: HttpServerParts & { readonly parser: ParserControl };
  readonly #relay: Relay;
  readonly #exchanges: Exchanges;
  readonly #turnedAway: TurnedAway;
  readonly #sockets: HttpSockets;
  readonly #upgrades: Upgrades;
  readonly #tls: TlsSockets | undefined;
  readonly #polling: PollingConnections | undefined;
  readonly server: Server;
  #health: Health = "ok";

  constructor(without: HttpServerParts) {
    const { parser = INTERNAL_PARSER } = without;
    const parts = { ...without, parser };
    this.#parts = parts;
    this.#exchanges = new Exchanges(parts.clock, parts.writeTimeoutMs, parts.cut, parts.budget, parser);
    this.#turnedAway = new TurnedAway(this.#exchanges, parts.clock, parts.random, parts.brake);
    this.#relay = new Relay(parts.relay, this.#exchanges, (...asked) => this.#answer(...asked));
    const request = (...asked: [IncomingMessage, ServerResponse]): void => this.#request(...asked);
    // `idle` has the deadline of kept connections; Node's five seconds are shorter than a load balancer's.
    // What Node answers by itself (no Host, an Expect) it would not count.
    this.server = createServer({
      maxHeaderSize: parts.maxHeadBytes,
      keepAliveTimeout: 0,
      requireHostHeader: false,
    })
      .on("request", request)
      .on("checkContinue", request)
      .on("checkExpectation", request)
      .on("connect", (request, socket) => this.#turnedAway.add(socket, problemOf(request) ?? NO_TUNNELS))
      .on("upgrade", (request, socket, first) => this.#upgrade(request, socket, first));
    this.#sockets = new HttpSockets(this.server, this.#exchanges, parts, this.#turnedAway);
    this.#upgrades = new Upgrades(parts, this.#sockets, this.#turnedAway);
    this.#tls = tlsSocketsOf(parts, this.server);
    this.#polling = pollDoor(parts, {
      server: this.server,
      sockets: this.#sockets,
      exchanges: this.#exchanges,
      relay: this.#relay,
    });
    // One more than is taken, so that it is seen.
    this.server.maxHeadersCount = MAX_HEADERS + 1;
  }

  /**
   * Connections between this worker and others, TLS handshakes under way, and connections between two polls.
   */
  get sockets(): number {
    return this.#relay.sockets + (this.#tls?.handshaking ?? 0) + (this.#polling?.free ?? 0);
  }

  /** Resolves when the other workers can reach this one, or with why they cannot yet. */
  listen(): Promise<unknown> {
    return this.#relay.listen();
  }

  /**
   * Takes a handle whose request is plainly one for a WebSocket, a stream or a poll, past Node's HTTP parser;
   * false for any other, which is untouched then: it waits among sockets of HTTP. Where too many wait, it is
   * turned away here, as long as it is known what it asks for. `head` is the head as latin1, with what came
   * behind it; `ended` is called when it has closed.
   */
  takeHandle(handle: TcpHandle, head: string, ended: (() => void) | undefined): boolean {
    if (this.#polling?.take(handle, head, ended)) return true;
    const request = this.#parts.engine.takesHandles ? readPlainHead(head) : undefined;
    if (request === undefined) return false;
    if (isUpgrade(request)) {
      this.#upgrades.takeHandle({ handle, request, head, ended });
      return true;
    }
    const taken = this.#parts.comet.takeHandle(handle, request, ended);
    if (taken === false && !this.#parts.waiting.isFull) return false;
    if (taken === false) {
      this.#turnedAway.addHandle(handle, this.#turnedAway.crowdedFor(request), ended);
      return true;
    }
    this.#parts.answered();
    if (taken !== true) this.#turnedAway.addHandle(handle, taken, ended);
    return true;
  }

  /** Takes any socket of a port that speaks TLS, with its ClientHello as latin1; false where it does not. */
  takeEncrypted(seat: Seat, hello: string, ended: (() => void) | undefined): boolean {
    this.#tls?.take(seat, hello, ended);
    return this.#tls !== undefined;
  }

  /** Calls `ended` when the socket has closed, or whatever becomes of it. */
  watch(socket: Socket, ended: () => void): void {
    this.#sockets.watch(socket, ended);
  }

  /** Handshakes that begin from now on are made with this. */
  renewTls(material: TlsMaterial): void {
    this.#tls?.renew(material);
  }

  /**
   * From now on health checks hear that the instance is going away. A worker that leaves alone is not
   * unready.
   */
  unready(): void {
    this.#health = "leaving";
  }

  /**
   * Whether the instance accepts connections: of one that does not, health checks on kept connections hear
   * it.
   */
  doorIs(door: "open" | "shut"): void {
    if (this.#health !== "leaving") this.#health = door === "open" ? "ok" : "shut";
  }

  /** Ends connections that wait for another request, which would be refused while core drains. */
  closeIdle(): void {
    this.#sockets.closeIdle();
    this.#polling?.idle.clear();
  }

  /** Ends what is not a WebSocket. Idempotent. */
  close(): void {
    this.#turnedAway.close();
    this.#sockets.close();
    this.#parts.engine.close();
    this.#parts.comet.close();
    this.#polling?.close();
    this.#relay.close();
    this.#exchanges.close();
    if (this.server.listening) this.server.close();
  }

  #request(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    // It was turned away before its request was read.
    if (socket.writableEnded) return;
    // A stream has no end that another request could wait for.
    if (this.#sockets.isStream(socket)) return void socket.destroy();
    this.#sockets.carries(socket);
    // @socket.io/sticky asks to close, or the next request would meet the wrong worker; the relay sees to
    // that.
    const isDraining = this.#parts.core.state !== "open";
    const isLast = isDraining || !response.shouldKeepAlive || this.#sockets.isLast(socket);
    response.setHeader("Connection", isLast ? "close" : "keep-alive");
    if (!this.#exchanges.begin(request, response, this.#sockets.becomesIdle)) return;
    const problem = problemOf(request);
    this.#allowPage(request, response);
    if (problem === undefined) return this.#relay.handle(request, response);
    sendAnswer(response, problem);
  }

  /**
   * Every answer at an address of comet may be read by the pages that may connect; what answers adds nothing
   * to that.
   */
  #allowPage(request: IncomingMessage, response: ServerResponse): void {
    const { origin, host } = request.headers;
    if (origin === undefined || cometPath(request) === undefined) return;
    if (!this.#parts.policy.mayComeFrom(origin, host)) return;
    for (const [name, value] of Object.entries(corsHeaders(request))) response.setHeader(name, value);
  }

  #answer(request: IncomingMessage, response: ServerResponse, relayed = false): void {
    const { comet, answered } = this.#parts;
    if (comet.handle(request, response, (...asked) => this.#sockets.release(...asked), relayed))
      return answered();
    const answer = this.#parts.plain.answer(request, this.#health);
    this.#parts.answered();
    sendAnswer(response, answer);
  }

  #upgrade(head: IncomingMessage, socket: Duplex, first: Buffer): void {
    if (this.#sockets.isStream(socket)) return void socket.destroy();
    if (!asksForWebSocket(head.headers, head.httpVersionMinor))
      return this.#sockets.readLater(socket, withoutOffer(head, first));
    const problem = problemOf(head);
    if (problem !== undefined) return this.#turnedAway.add(socket, problem, head.method === "HEAD");
    this.#upgrades.takeSocket(socket, head, first);
  }
}

/** Undefined where the port speaks no TLS. What has become secure is the server's. */
function tlsSocketsOf(parts: HttpServerParts, server: Server): TlsSockets | undefined {
  const { tls, handshakeTimeoutMs = 0, shaken = () => {}, later, engine } = parts;
  if (tls === undefined) return undefined;
  if (engine.takesHandles) throw new Error(`the engine ${engine.name} reads no TLS`);
  return new TlsSockets(tls, handshakeTimeoutMs, {
    ended: shaken,
    secured: (socket) => {
      // Whose its first request is could not be read at the door.
      later.carries(socket);
      server.emit("connection", socket);
    },
  });
}

/** What is wrong with a request of any kind. */
function problemOf(request: AnyRequest): HttpAnswer | undefined {
  const problem = settleRequest(request);
  if (problem === undefined) return undefined;
  const { status, message } = problem;
  return errorAnswer(status, httpError(status, message), { Connection: "close" });
}
