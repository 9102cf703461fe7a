/**
 * The worker's HTTP server: gives each request to the upgrade decision, to comet, to plain HTTP or to the
 * worker whose session it names, and sends what they answer.
 *
 * It never listens in production: the sockets are handed over by the primary. Decides nothing itself.
 * Invariants: a socket is a WebSocket or comet's, or has a request that is being answered, or has a deadline
 * (`WaitingSockets`, `Exchanges`), also while it is being turned away; every request gets a status line,
 * unless its client is gone or has sent more requests than may be under way.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Clock, Core } from "@holdfast/core";
import { errors } from "@holdfast/protocol";
import { corsHeaders } from "../http/cors.js";
import { DateField } from "../http/date-field.js";
import { isEventSource, retryAnswer } from "../http/event-source.js";
import { type CutReason, Exchanges } from "../http/exchanges.js";
import { answerBytes, errorAnswer, type HttpAnswer, httpError, sendAnswer } from "../http/http-answer.js";
import type { RequestHead } from "../http/incoming-head.js";
import { isUpgrade, type PlainHead, readPlainHead } from "../http/plain-head.js";
import { type AnyRequest, asksForWebSocket, MAX_HEADERS, settleRequest } from "../http/request-rules.js";
import { StoppedParsers } from "../http/stopped-parsers.js";
import type { ReadBudget } from "../runtime/read-budget.js";
import { detachHandle, peerOf, socketOf, type TcpHandle } from "../runtime/tcp-handle.js";
import type { Comet } from "./comet/comet.js";
import { cometPath } from "./comet/decision.js";
import { bothEnds, type LaterClients } from "./http/later-clients.js";
import type { Health, PlainHttp } from "./http/plain-http.js";
import type { RefusalBrake } from "./http/refusal-brake.js";
import { type Acceptance, refusalFor, type UpgradePolicy, type UpgradeRefusal } from "./http/upgrade.js";
import type { UpgradeAdmission } from "./http/upgrade-admission.js";
import { watchOffers, withoutOffer } from "./http/upgrade-offers.js";
import { Relay, type RelayOptions } from "./relay/relay.js";
import type { WaitingSocket, WaitingSockets } from "./sockets/waiting-sockets.js";
import type { AcceptedUpgrade, WebSocketTransports } from "./websocket/transports.js";

const NOTHING = Buffer.alloc(0);
const CROWDED = errorAnswer(503, errors.unavailable, { "Retry-After": "1", Connection: "close" });
/** When an EventSource comes back to a crowded worker: after so long, and up to so long more. */
const CROWDED_RETRY_MS = 1000;
/** RFC 9110 §9.3.6: a method that most servers do not have. */
const NO_TUNNELS = errorAnswer(501, httpError(501, "This is no proxy."));

/** A request for a WebSocket, with what came right behind it. */
type Upgrading = Pick<AcceptedUpgrade, "head" | "first">;

/** A request for a WebSocket on a bare handle; `head` has what came behind it, too. */
interface HandleArrival {
  readonly handle: TcpHandle;
  readonly request: PlainHead;
  readonly head: string;
  readonly ended: (() => void) | undefined;
}

export interface HttpServerParts {
  readonly core: Pick<Core, "state">;
  readonly transports: WebSocketTransports;
  /** Sockets whose first request has not come. */
  readonly waiting: WaitingSockets<WaitingSocket>;
  /** Sockets kept alive between two requests. */
  readonly idle: WaitingSockets;
  readonly plain: PlainHttp;
  readonly comet: Pick<Comet, "handle" | "takeHandle" | "close">;
  readonly policy: Pick<UpgradePolicy, "mayComeFrom">;
  readonly upgrades: UpgradeAdmission;
  /** Clients whose request came over a connection that had carried another. */
  readonly later: LaterClients;
  /** Bytes of one request head. */
  readonly maxHeadBytes: number;
  /** In [0, 1). */
  readonly random: () => number;
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
  /** Told of every upgrade: how long the worker took, in seconds, or the status of the refusal. */
  readonly handshakes: { accepted(seconds: number): void; refused(status: number): void };
  /** Refused upgrades, each with its socket; undefined: all are answered at once. */
  readonly brake?: RefusalBrake<Duplex> | undefined;
}

export class HttpServer {
  readonly #parts: HttpServerParts;
  readonly #relay: Relay;
  readonly #exchanges: Exchanges;
  readonly #date: DateField;
  /**
   * Sockets that have asked to be a WebSocket, maybe before the request before was answered: no other will
   * come.
   */
  readonly #upgraded = new WeakSet<Socket>();
  /** Connections whose end is waited for. */
  readonly #ended = new WeakMap<Socket, () => void>();
  /** Bytes that are read again once the requests before them have been answered. */
  readonly #again = new WeakMap<Duplex, Buffer>();
  readonly #stopped: StoppedParsers;
  readonly server: Server;
  #health: Health = "ok";

  constructor(parts: HttpServerParts) {
    this.#parts = parts;
    this.#date = new DateField(parts.clock);
    this.#exchanges = new Exchanges(parts.clock, parts.writeTimeoutMs, parts.cut, parts.budget);
    this.#relay = new Relay(parts.relay, this.#exchanges, (...asked) => this.#answer(...asked));
    const request = (...asked: [IncomingMessage, ServerResponse]): void => this.#request(...asked);
    // `idle` has the deadline of kept connections; Node's five seconds are shorter than a load balancer's.
    // What Node answers by itself (no Host, an Expect) it would not count.
    this.server = createServer({
      maxHeaderSize: parts.maxHeadBytes,
      keepAliveTimeout: 0,
      requireHostHeader: false,
    })
      .on("connection", (socket: Socket) => {
        watchOffers(socket);
        if (!parts.waiting.add(socket)) this.#turnAwaySocket(socket, CROWDED);
      })
      .on("request", request)
      .on("checkContinue", request)
      .on("checkExpectation", request)
      .on("connect", (request, socket) => this.#turnAwaySocket(socket, problemOf(request) ?? NO_TUNNELS))
      .on("upgrade", (request, socket, first) => this.#upgrade(request, socket, first));
    this.#stopped = new StoppedParsers(this.server, this.#exchanges, parts.maxHeadBytes, {
      turnAway: (socket, { status, message }) =>
        this.#turnAwaySocket(socket, errorAnswer(status, httpError(status, message))),
      renewed: (socket, next) => {
        parts.waiting.release(socket);
        parts.idle.release(socket);
        parts.later.renewed(socket, next);
        const ended = this.#takeEnded(socket);
        if (ended !== undefined) this.watch(next, ended);
      },
    });
    // One more than is taken, so that it is seen.
    this.server.maxHeadersCount = MAX_HEADERS + 1;
  }

  /** Connections between this worker and others. */
  get relayed(): number {
    return this.#relay.sockets;
  }

  /** Resolves when the other workers can reach this one, or with why they cannot yet. */
  listen(): Promise<unknown> {
    return this.#relay.listen();
  }

  /**
   * Takes a handle whose request is plainly one for a WebSocket or an event stream, past Node's HTTP parser;
   * false for any other, which is untouched then: it waits among sockets of HTTP. Where too many wait, it is
   * turned away here, as long as it is known what it asks for. `head` is the head as latin1, with what came
   * behind it; `ended` is called when it has closed.
   */
  takeHandle(handle: TcpHandle, head: string, ended: (() => void) | undefined): boolean {
    const request = readPlainHead(head);
    if (request === undefined) return false;
    if (!isUpgrade(request)) {
      const taken = this.#parts.comet.takeHandle(handle, request, ended);
      if (taken === false && !this.#parts.waiting.isFull) return false;
      if (taken === false) {
        this.#turnAway(handle, this.#crowdedFor(request), ended);
        return true;
      }
      this.#parts.answered();
      if (taken !== true) this.#turnAway(handle, taken, ended);
      return true;
    }
    const arrival: HandleArrival = { handle, request, head, ended };
    const decision = this.#parts.upgrades.decide(request, () => peerOf(handle));
    if (decision instanceof Promise) void decision.then((late) => this.#receive(arrival, late));
    else this.#receive(arrival, decision);
    return true;
  }

  #receive({ handle, request, head, ended }: HandleArrival, decision: Acceptance | UpgradeRefusal): void {
    const { transports, handshakes } = this.#parts;
    if (decision.kind === "accept") {
      const first = head.length === request.end ? NOTHING : Buffer.from(head.slice(request.end), "latin1");
      transports.accept(handle, { head: request, first, ended }, decision);
      handshakes.accepted(0);
      return;
    }
    handshakes.refused(decision.status);
    const socket = socketOf(handle);
    if (ended !== undefined) socket.once("close", ended);
    this.#sayRefusal(socket, decision);
  }

  /** Calls `ended` when the socket has closed, or whatever becomes of it. */
  watch(socket: Socket, ended: () => void): void {
    this.#ended.set(socket, ended);
    socket.once("close", () => this.#takeEnded(socket)?.());
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
    this.#parts.idle.clear();
  }

  /** Ends what is not a WebSocket. Idempotent. */
  close(): void {
    this.#parts.brake?.close();
    this.#parts.waiting.close();
    this.#parts.idle.close();
    this.#parts.transports.close();
    this.#parts.comet.close();
    this.#relay.close();
    this.#exchanges.close();
    if (this.server.listening) this.server.close();
  }

  get #draining(): boolean {
    return this.#parts.core.state !== "open";
  }

  #request(request: IncomingMessage, response: ServerResponse): void {
    const { waiting, idle } = this.#parts;
    const { socket } = request;
    // It was turned away before its request was read.
    if (socket.writableEnded) return;
    waiting.release(socket);
    idle.release(socket);
    this.#parts.later.carries(socket);
    // @socket.io/sticky asks to close, or the next request would meet the wrong worker; the relay sees to
    // that.
    const isLast = this.#draining || !response.shouldKeepAlive || this.#stopped.isLast(socket);
    response.setHeader("Connection", isLast ? "close" : "keep-alive");
    if (!this.#exchanges.begin(request, response, this.#idle)) return;
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

  /** A connection waits for its next request. */
  readonly #idle = (socket: Duplex): void => {
    if (socket instanceof Socket && this.#upgraded.has(socket)) return;
    if (this.#stopped.idle(socket)) return;
    const again = this.#again.get(socket);
    if (again !== undefined) return this.#readAgain(socket, again);
    if (!this.#parts.idle.add(socket)) socket.destroy();
  };

  #answer(request: IncomingMessage, response: ServerResponse, relayed = false): void {
    const { comet, answered } = this.#parts;
    if (comet.handle(request, response, (...asked) => this.#release(...asked), relayed)) return answered();
    const answer = this.#parts.plain.answer(request, this.#health);
    this.#parts.answered();
    sendAnswer(response, answer);
  }

  #upgrade(head: IncomingMessage, socket: Duplex, first: Buffer): void {
    if (!asksForWebSocket(head.headers, head.httpVersionMinor)) {
      const bytes = withoutOffer(head, first);
      if (this.#exchanges.isIdle(socket)) this.#readAgain(socket, bytes);
      else this.#again.set(socket, bytes);
      return;
    }
    const problem = problemOf(head);
    if (problem !== undefined) return this.#turnAwaySocket(socket, problem, head.method === "HEAD");
    const peer = socket instanceof Socket ? socket.remoteAddress : undefined;
    const decision = this.#parts.upgrades.decide(head, () => peer);
    if (!(decision instanceof Promise)) return this.#carryOut(socket, { head, first }, decision);
    // No other part listens to a socket that Node has given up for an upgrade.
    socket.on("error", destroySocket);
    void decision.then((late) => {
      socket.removeListener("error", destroySocket);
      if (!socket.destroyed) this.#carryOut(socket, { head, first }, late);
    });
  }

  #carryOut(socket: Duplex, upgrading: Upgrading, decision: Acceptance | UpgradeRefusal): void {
    if (decision.kind === "refuse") this.#refuse(socket, decision, upgrading.head.method === "HEAD");
    else if (socket instanceof Socket) {
      const { later, random } = this.#parts;
      const problem = later.refusal(socket, upgrading.head, decision.channels?.length ?? 0);
      if (problem === undefined) this.#awaitAnswers(socket, upgrading, decision);
      else this.#refuse(socket, refusalFor(problem, random()));
    }
    // A request that the router had to tunnel, because it announces a body, cannot carry a WebSocket.
    else this.#refuse(socket, refusalFor(errors.badRequest, 0));
  }

  /**
   * A request's socket goes on as a bare handle, and nothing of HTTP is kept for it. After this turn, in
   * which the parser is still at work, and once the answers to requests before it have left.
   */
  #release(
    request: IncomingMessage,
    response: ServerResponse,
    then: (handle: TcpHandle, ended: (() => void) | undefined) => void,
  ): void {
    const { socket } = request;
    if (!this.#parts.waiting.add(socket)) {
      sendAnswer(response, this.#crowdedFor(request));
      return;
    }
    this.#upgraded.add(socket);
    const release = (): void => {
      this.#parts.waiting.release(socket);
      const handle = socket.destroyed ? undefined : detachHandle(socket);
      if (handle === undefined) return;
      const ended = bothEnds(this.#takeEnded(socket), this.#parts.later.holdStream(socket, request));
      // Without its handle it ends alone, with the parser and whatever else Node keeps for a request.
      socket.destroy();
      then(handle, ended);
    };
    const flush = (): void => {
      if (socket.writableLength === 0) release();
      else socket.write(NOTHING, release);
    };
    setImmediate(() => {
      if (response.socket !== null) flush();
      else response.once("socket", flush);
    });
  }

  /** A page's EventSource would be ended for good by the status. */
  #crowdedFor({ method, url, headers }: RequestHead): HttpAnswer {
    if (!isEventSource({ method, url, accept: headers.accept })) return CROWDED;
    const afterMs = CROWDED_RETRY_MS + Math.floor(this.#parts.random() * CROWDED_RETRY_MS);
    return retryAnswer(afterMs, `unavailable: ${errors.unavailable.message}`, {
      ...corsHeaders({ headers }),
      Connection: "close",
    });
  }

  /** Node has given the connection up for an offer that is ignored: it is given the connection again. */
  #readAgain(socket: Duplex, bytes: Buffer): void {
    this.#again.delete(socket);
    if (socket.destroyed) return;
    this.#parts.waiting.release(socket);
    this.#parts.idle.release(socket);
    this.server.emit("connection", socket);
    socket.unshift(bytes);
  }

  #takeEnded(socket: Socket): (() => void) | undefined {
    const ended = this.#ended.get(socket);
    this.#ended.delete(socket);
    return ended;
  }

  #turnAway(handle: TcpHandle, answer: HttpAnswer, ended: (() => void) | undefined): void {
    const socket = socketOf(handle);
    if (ended !== undefined) socket.once("close", ended);
    this.#turnAwaySocket(socket, answer);
  }

  /**
   * The rest of the input is read and dropped, within the answer's deadline: closing with unread bytes would
   * reset the connection and lose the answer.
   */
  #turnAwaySocket(socket: Duplex, answer: HttpAnswer, headOnly = false): void {
    const bytes = answerBytes(answer, this.#date.now, headOnly);
    this.#exchanges.turnedAway(socket, bytes.length);
    socket.on("error", destroySocket);
    socket.end(bytes);
    socket.resume();
  }

  /** Answers to requests before this one leave first, as long as they may take. */
  #awaitAnswers(socket: Socket, upgrading: Upgrading, decision: Acceptance): void {
    const { waiting, idle } = this.#parts;
    // On a connection that had carried plain requests before, the request is all that there was to wait for.
    const seconds = idle.release(socket) === undefined ? (waiting.release(socket) ?? 0) : 0;
    this.#upgraded.add(socket);
    if (socket.writableLength === 0) {
      this.#takeOver(socket, upgrading, decision, seconds);
      return;
    }
    if (!waiting.add(socket)) socket.destroy();
    socket.write(NOTHING, (error) => {
      waiting.release(socket);
      if (error) socket.destroy();
      else this.#takeOver(socket, upgrading, decision, seconds);
    });
  }

  /** The socket goes on as a bare handle, and is kept only for callers that wait for its end. */
  #takeOver(socket: Socket, { head, first }: Upgrading, decision: Acceptance, seconds: number): void {
    const { transports, handshakes, later } = this.#parts;
    const unread = socket.read() as Buffer | null;
    const release = later.holdUpgrade(socket, head);
    const handle = detachHandle(socket);
    if (handle === undefined) return void release?.();
    const all = unread === null ? first : Buffer.concat([first, unread]);
    const ended = bothEnds(() => socket.destroy(), release);
    transports.accept(handle, { head, first: all, ended }, decision);
    handshakes.accepted(seconds);
  }

  #refuse(socket: Duplex, refusal: UpgradeRefusal, headOnly = false): void {
    this.#parts.handshakes.refused(refusal.status);
    this.#sayRefusal(socket, refusal, headOnly);
  }

  /**
   * A refusal that says when to come back is said at once; the others slow those down that come back anyway.
   */
  #sayRefusal(socket: Duplex, { status, error, headers }: UpgradeRefusal, headOnly = false): void {
    const say = (): void => {
      socket.removeListener("error", destroySocket);
      if (!socket.destroyed) this.#turnAwaySocket(socket, errorAnswer(status, error, headers), headOnly);
    };
    const { brake } = this.#parts;
    if (brake === undefined || headers["Retry-After"] !== undefined) return say();
    socket.on("error", destroySocket);
    brake.refuse(socket, say);
  }
}

/** What is wrong with a request of any kind. */
function problemOf(request: AnyRequest): HttpAnswer | undefined {
  const problem = settleRequest(request);
  if (problem === undefined) return undefined;
  const { status, message } = problem;
  return errorAnswer(status, httpError(status, message), { Connection: "close" });
}

function destroySocket(this: Duplex): void {
  this.destroy();
}
