/**
 * Exchanges: the requests of an HTTP server's connections that are under way, and the answers that have yet
 * to leave.
 *
 *     request ──begin──► under way ──answer written──► leaving ──taken by the kernel──► ended
 *        └─ too many: the connection ends behind the answers before it   └─ deadline: the connection is cut
 *
 * Node parses whatever one read brings, up to 64 KiB, and makes a request and a response for each: more than
 * two thousand. So its parser is stopped behind the last request that is answered; where it cannot be, what
 * it brings is dropped. Invariants: a connection has at most `MAX_PIPELINED` requests that are answered, and
 * ends with the last of them; what came behind is kept for one turn of the loop at most; an answer that its
 * peer does not read has a deadline, by its size.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock, Timer } from "@holdfast/core";
import type { ReadBudget } from "../runtime/read-budget.js";
import { InputFlow } from "./input-flow.js";
import { INTERNAL_PARSER, type ParserControl } from "./parser-control.js";

/** Requests of one connection that may be under way at once. Browsers and proxies send one, and wait. */
export const MAX_PIPELINED = 8;
/** The slowest reader that is waited for: so much more time an answer has for its bytes. */
const BYTES_PER_SECOND = 16 * 1024;
const SWEEP_MS = 1_000;

/**
 * Why a connection was cut: more requests than may be under way, an answer that was not read, or too many
 * bytes behind an answer.
 */
export type CutReason = "pipelined" | "unread" | "surplus";

/** What an answer leaves by. */
export interface Leavable {
  readonly destroyed: boolean;
  destroy(): unknown;
}

/** An answer that leaves. */
interface Leaving {
  /** Monotonic ms. */
  readonly deadline: number;
  /** Undefined where a client was turned away without one. */
  readonly response: ServerResponse | undefined;
}

export class Exchanges {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #cut: (why: CutReason) => void;
  /** How many requests each connection has under way. */
  readonly #underWay = new WeakMap<Duplex, number>();
  /** Connections with more than that, until the end of the turn. */
  readonly #surplus = new Set<Duplex>();
  /** Connections whose answer the kernel has not taken. */
  readonly #leaving = new Map<Leavable, Leaving>();
  /** Connections whose last answer was written. */
  readonly #over = new WeakSet<Duplex>();
  readonly #written: (this: ServerResponse) => void;
  readonly #timer: Timer;
  readonly #flow: InputFlow;
  readonly #parser: ParserControl;
  /** Requests whose body has not come whole when they came. */
  readonly #incoming = new WeakMap<Duplex, IncomingMessage>();

  /**
   * A peer may take `timeoutMs` for an answer, and a second for each 16 KiB; a second more until the sweep.
   * `budget`: how much long bodies may bring in a turn of the event loop.
   */
  constructor(
    clock: Clock,
    timeoutMs: number,
    cut: (why: CutReason) => void,
    budget?: ReadBudget,
    parser = INTERNAL_PARSER,
  ) {
    this.#flow = new InputFlow(budget, () => cut("surplus"), parser);
    this.#parser = parser;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#cut = cut;
    const watch = (response: ServerResponse, socket: Duplex): void => {
      // What waits in its socket counts as its own.
      const bytes = response.writableLength;
      if (bytes > 0) this.leaving(socket, bytes, response);
      if (isLast(response)) over.add(socket);
    };
    const begun = function (this: ServerResponse, socket: Duplex): void {
      watch(this, socket);
    };
    // One function for all: a poll that is held keeps as little as can be.
    const over = this.#over;
    this.#written = function (this: ServerResponse): void {
      if (this.socket !== null) watch(this, this.socket);
      // It waits until the answers before it have left.
      else this.once("socket", begun);
    };
    this.#timer = clock.every(SWEEP_MS, () => this.#sweep());
  }

  /** Connections whose answer the kernel has not taken. */
  get unread(): number {
    return this.#leaving.size;
  }

  /** Whether the connection has no request under way. */
  isIdle(socket: Duplex): boolean {
    return (this.#underWay.get(socket) ?? 0) === 0;
  }

  /**
   * A request has come. False: too many are under way, and it is not to be answered. `idle` is told when the
   * connection has no request under way any more, and is open.
   */
  begin(request: IncomingMessage, response: ServerResponse, idle?: (socket: Duplex) => void): boolean {
    const { socket } = request;
    const before = this.#underWay.get(socket) ?? 0;
    if (before === MAX_PIPELINED) {
      this.#drop(socket);
      return false;
    }
    this.#underWay.set(socket, before + 1);
    if (before + 1 === MAX_PIPELINED) {
      response.setHeader("Connection", "close");
      this.#parser.stopParsing(socket, () => this.#drop(socket));
    }
    if (!request.complete) this.#incoming.set(socket, request);
    this.#flow.begin(request);
    response.on("prefinish", this.#written);
    response.on("close", () => {
      const left = (this.#underWay.get(socket) ?? 1) - 1;
      this.#underWay.set(socket, left);
      // The next answer may have begun to leave.
      if (this.#leaving.get(socket)?.response === response) this.#leaving.delete(socket);
      this.#flow.answered(request);
      if (left === 0 && !socket.destroyed) idle?.(socket);
    });
    return true;
  }

  /** Whether the connection is within a request whose head has been read, and its body has not. */
  isReading(socket: Duplex): boolean {
    return this.#incoming.get(socket)?.complete === false;
  }

  /** The connection goes on as a stream: what its client still asks for is not answered. */
  endlessly(socket: Duplex): void {
    this.#over.add(socket);
  }

  /**
   * Whether the connection's last answer was written: what comes behind it is not answered, readable or not
   * (RFC 9112 §9.6).
   */
  isOver(socket: Duplex): boolean {
    return this.#over.has(socket);
  }

  /**
   * An answer of so many bytes has begun to leave: its deadline runs until its response, or its socket, has
   * closed.
   */
  leaving(socket: Leavable, bytes: number, response?: ServerResponse): void {
    const ms = this.#timeoutMs + (bytes / BYTES_PER_SECOND) * 1000;
    this.#leaving.set(socket, { deadline: this.#clock.monotonic() + ms, response });
  }

  /** The answer has left, or its connection has gone. For connections that are not Node's. */
  left(socket: Leavable): void {
    this.#leaving.delete(socket);
  }

  /** The connection is turned away by an answer of so many bytes. What its client still sends is dropped. */
  turnedAway(socket: Duplex, bytes: number): void {
    this.leaving(socket, bytes);
    this.#flow.drop(socket);
  }

  /** No answer has a deadline any more. Idempotent. */
  close(): void {
    this.#timer.cancel();
    this.#leaving.clear();
  }

  /**
   * Answers that were written in this turn leave, and end the connection; one that waits for others is cut.
   */
  #drop(socket: Duplex): void {
    if (this.#surplus.has(socket)) return;
    this.#surplus.add(socket);
    setImmediate(() => {
      this.#surplus.delete(socket);
      this.#cut("pipelined");
      socket.destroy();
    });
  }

  #sweep(): void {
    const now = this.#clock.monotonic();
    for (const [socket, { deadline }] of this.#leaving) {
      if (deadline > now && !socket.destroyed) continue;
      this.#leaving.delete(socket);
      if (socket.destroyed) continue;
      this.#cut("unread");
      socket.destroy();
    }
  }
}

function isLast(response: ServerResponse): boolean {
  return !response.shouldKeepAlive || response.getHeader("Connection") === "close";
}
