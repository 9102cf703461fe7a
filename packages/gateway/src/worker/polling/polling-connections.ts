/**
 * The connections of a worker that carry polls on bare handles: takes them, and gives each its deadlines.
 *
 * Between two polls a connection has the deadline of a kept one; a request that has not come whole has that
 * of an unfinished message; an answer that is not read that of any answer (`Exchanges`). Invariant: a
 * connection is counted, and its end told, until it has closed or is Node's.
 */
import type { Clock } from "@holdfast/core";
import type { CutReason, Exchanges } from "../../http/exchanges.js";
import type { AnyWriterIo } from "../../runtime/handle-io.js";
import type { TcpHandle } from "../../runtime/tcp-handle.js";
import { CLOSE_TIMEOUT_MS } from "../sockets/handle-writers.js";
import type { UnfinishedMessages } from "../sockets/unfinished-messages.js";
import { WaitingSockets } from "../sockets/waiting-sockets.js";
import { AnswerHeads } from "./answer-heads.js";
import type { BarePoll } from "./bare-poll.js";
import { KeptPolls } from "./kept-polls.js";
import { type PollHeadRules, readPollHead } from "./poll-head.js";
import { PollingConnection, type PollingConnectionHome, type UnansweredPolls } from "./polling-connection.js";

export interface PollingConnectionsParts {
  readonly io: AnyWriterIo;
  readonly clock: Clock;
  readonly rules: PollHeadRules;
  readonly unfinished: UnfinishedMessages;
  readonly exchanges: Pick<Exchanges, "leaving" | "left">;
  /** How long a connection may be silent between two polls, ms. */
  readonly idleMs: number;
  /** Whether answers end their connections. */
  readonly isDraining: () => boolean;
  /** A number for the fan-out to polls that is under way; 0 while there is none. */
  readonly fanOut: () => number;
  /** Answers the poll with this body, or has it held. */
  readonly ask: (poll: BarePoll, body: string) => void;
  /** Told of every request. */
  readonly answered: () => void;
  readonly cut: (why: CutReason) => void;
  /** The connection goes on in Node's server; `ended` is to be called at its end. */
  readonly toNode: (rest: UnansweredPolls, ended: (() => void) | undefined) => void;
}

export class PollingConnections implements PollingConnectionHome {
  readonly io: AnyWriterIo;
  readonly rules: PollHeadRules;
  readonly unfinished: UnfinishedMessages;
  readonly exchanges: Pick<Exchanges, "leaving" | "left">;
  readonly heads: AnswerHeads;
  readonly kept: KeptPolls<PollingConnection>;
  readonly idle: WaitingSockets<PollingConnection>;
  readonly leaving: WaitingSockets<PollingConnection>;
  readonly #parts: PollingConnectionsParts;
  readonly #ended = new Map<PollingConnection, () => void>();
  #open = 0;
  #asked = 0;

  /** `maxKeptBytes`: of what cannot be worked off at once. */
  constructor(parts: PollingConnectionsParts, maxKeptBytes?: number) {
    const { io, rules, unfinished, exchanges, clock, idleMs, fanOut } = parts;
    this.#parts = parts;
    this.io = io;
    this.rules = rules;
    this.unfinished = unfinished;
    this.exchanges = exchanges;
    this.heads = new AnswerHeads(clock);
    this.kept = new KeptPolls(clock, fanOut, maxKeptBytes);
    // As many as there are connections.
    this.idle = new WaitingSockets(clock, idleMs, Number.POSITIVE_INFINITY);
    this.leaving = new WaitingSockets(clock, CLOSE_TIMEOUT_MS, Number.POSITIVE_INFINITY);
  }

  /** Connections without a poll under way; the others are counted by what that waits for. */
  get free(): number {
    return this.#open - this.#asked;
  }

  /**
   * Takes a handle whose first request is plainly a poll; false for any other, which is untouched then.
   * `head`: as latin1, with what came behind it; `ended` is called when it has closed.
   */
  take(handle: TcpHandle, head: string, ended: (() => void) | undefined): boolean {
    const input = Buffer.from(head, "latin1");
    if (typeof readPollHead(input, undefined, this.rules) === "string") return false;
    const connection = new PollingConnection(handle, this);
    this.#open++;
    if (ended !== undefined) this.#ended.set(connection, ended);
    connection.begin(input);
    return true;
  }

  /** Idempotent. */
  close(): void {
    this.idle.close();
    this.leaving.close();
  }

  get isDraining(): boolean {
    return this.#parts.isDraining();
  }

  ask(poll: BarePoll, body: string): void {
    this.#parts.ask(poll, body);
  }

  count(asked: 1 | -1): void {
    this.#asked += asked;
    if (asked === 1) this.#parts.answered();
  }

  cut(connection: PollingConnection): void {
    this.#parts.cut("pipelined");
    connection.terminate();
  }

  toNode(connection: PollingConnection, rest: UnansweredPolls): void {
    this.#parts.toNode(rest, this.#forget(connection));
  }

  gather(): boolean {
    return false;
  }

  gone(connection: PollingConnection): void {
    this.exchanges.left(connection);
    this.#forget(connection)?.();
  }

  #forget(connection: PollingConnection): (() => void) | undefined {
    this.#open--;
    this.idle.release(connection);
    this.leaving.release(connection);
    this.unfinished.release(connection);
    const ended = this.#ended.get(connection);
    this.#ended.delete(connection);
    return ended;
  }
}
