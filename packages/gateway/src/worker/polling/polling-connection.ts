/**
 * One connection on a bare handle that carries polls, one after another.
 *
 *     free ──a whole request──► asked ──answer──► free      (asked: held by a session, or being decided)
 *       ├──anything else──► Node's HTTP server, with all that has not been answered
 *       └──their end──► closed         asked ──last answer──► ending ──FIN out, theirs──► closed
 *
 * A request that comes before the one before is answered waits, as RFC 9112 §9.3.2 has it for requests that
 * are not safe; meanwhile no more is read. Invariants: a connection that is not asked has a deadline, or its
 * input is worked off soon; each request is answered once and in order, or left to Node whole.
 */
import { isUtf8 } from "node:buffer";
import { withVary } from "../../http/cors.js";
import type { Exchanges } from "../../http/exchanges.js";
import { errorAnswer, type HttpAnswer, httpError } from "../../http/http-answer.js";
import { peerOf, type TcpHandle } from "../../runtime/tcp-handle.js";
import type { PartedBody } from "../http/parted-body.js";
import { abandonedBody, OWN_BYTES } from "../http/request-body.js";
import { HandleWriter, type WriterHome } from "../sockets/handle-writer.js";
import type { Unfinished, UnfinishedMessages } from "../sockets/unfinished-messages.js";
import type { WaitingSockets } from "../sockets/waiting-sockets.js";
import type { AnswerHeads } from "./answer-heads.js";
import { BarePoll, type PolledConnection } from "./bare-poll.js";
import type { KeptPolls } from "./kept-polls.js";
import { linesOf, type PollHead, type PollHeadRules } from "./poll-head.js";
import { PollInput } from "./poll-input.js";

/** A connection as Node's server goes on with it. */
export interface UnansweredPolls {
  readonly connection: object;
  readonly handle: TcpHandle;
  /** What was read and not worked off. */
  readonly input: Buffer;
  /** Whether requests before it were answered. */
  readonly hasCarried: boolean;
}

/** What all of them share. */
export interface PollingConnectionHome extends WriterHome {
  readonly rules: PollHeadRules;
  readonly heads: AnswerHeads;
  readonly kept: KeptPolls<PollingConnection>;
  /** Those between two polls, and those that end. */
  readonly idle: Pick<WaitingSockets<PollingConnection>, "add" | "release">;
  readonly leaving: Pick<WaitingSockets<PollingConnection>, "add">;
  readonly unfinished: Pick<UnfinishedMessages, "hold" | "release">;
  readonly exchanges: Pick<Exchanges, "leaving" | "left">;
  /** Whether answers end their connections. */
  readonly isDraining: boolean;
  /** A poll with this body, which is answered at once or later. */
  ask(poll: BarePoll, body: string): void;
  /** A connection more, or one less, has a poll under way. */
  count(asked: 1 | -1): void;
  /** Its client sends more than can be kept. */
  cut(connection: PollingConnection): void;
  toNode(connection: PollingConnection, rest: UnansweredPolls): void;
}

/** A request in more pieces is Node's to read. */
const MAX_PIECES = 64;
/** What may wait behind a request. Reading stops at once, but the budget of the process may go on with it. */
const MAX_WAITING_BYTES = 256 * 1024;
/** A client that sends so much behind the last answer is not read any more: its deadline ends it. */
const LOUD_BYTES = 8 * 1024;
const NOT_UTF8 = Object.freeze(httpError(400, "The body is not UTF-8."));

export class PollingConnection
  extends HandleWriter<PollingConnectionHome, { closed(): void }>
  implements PolledConnection, Unfinished
{
  readonly input = new PollInput();
  readonly #poll = new BarePoll(this);
  readonly #handle: TcpHandle;
  #isAsked = false;
  #isStopped = false;
  #hasCarried = false;
  /** During which fan-out it was answered last. */
  #fanOut = 0;

  constructor(handle: TcpHandle, home: PollingConnectionHome) {
    super(handle, home);
    this.#handle = handle;
  }

  get isAsked(): boolean {
    return this.#isAsked && this.state === "open";
  }

  peer(): string | undefined {
    return peerOf(this.#handle);
  }

  /** `bytes`: what was read of it. */
  begin(bytes: Buffer): void {
    this.input.add(bytes);
    this.startReading();
    this.#work();
  }

  read(bytes: Buffer | undefined): void {
    if (bytes === undefined) return this.#inputEnded();
    if (this.state !== "open") {
      if (bytes.length >= LOUD_BYTES) this.stopReading();
      return;
    }
    const { input, home } = this;
    if (input.length === 0) home.idle.release(this);
    input.add(bytes);
    const isReturn = this.#fanOut !== 0 && this.#fanOut === home.kept.fanOut;
    if (this.#isAsked || this.isWaiting || input.isKept) {
      this.#reads(false);
      if (input.length > MAX_WAITING_BYTES || !input.keep(bytes.length, home.kept)) home.cut(this);
    } else if (isReturn && input.keep(bytes.length, home.kept)) home.kept.later(this);
    else this.#work();
  }

  /** Works off what was kept. */
  goOn(): void {
    if (this.state !== "open" || this.#isAsked || this.isWaiting) return;
    this.input.release(this.home.kept);
    this.#work();
  }

  give(answer: PartedBody, gzip: (() => Buffer | undefined) | undefined): void {
    const { headers, lines, takesGzip } = this.input.head as PollHead;
    const isLast = this.home.isDraining;
    const opening = this.home.heads.opening(isLast);
    const own = gzip === undefined ? lines : linesOf(withVary(headers, "Accept-Encoding"));
    const coded = takesGzip ? gzip?.() : undefined;
    if (coded === undefined)
      return this.#respond(answer.behind(`${opening}${own}Content-Length: ${answer.length}\r\n\r\n`), isLast);
    const head = `${opening}${own}Content-Encoding: gzip\r\nContent-Length: ${coded.length}\r\n\r\n`;
    this.#respond(Buffer.concat([Buffer.from(head, "latin1"), coded]), isLast);
  }

  send(answer: HttpAnswer): void {
    const isLast = this.home.isDraining || answer.headers.Connection === "close";
    this.#respond(this.home.heads.whole(answer, isLast), isLast);
  }

  /** The rest of a request is awaited no longer. */
  abandon(why: string): void {
    if (this.state !== "open" || this.#isAsked) return;
    this.input.takeAll();
    this.#asks();
    this.send(abandonedBody(why, this.input.head?.headers));
  }

  override closed(): void {
    if (this.#isAsked) this.home.count(-1);
    this.#isAsked = false;
    this.input.release(this.home.kept);
    super.closed();
    this.#poll.lost();
  }

  protected override drained(): void {
    this.home.exchanges.left(this);
    if (this.state === "open") this.#becomesFree();
    else if (this.state === "ending") this.home.leaving.add(this);
  }

  /** Takes the next request out of what has come. */
  #work(): void {
    const { input, home } = this;
    if (input.length === 0) return;
    const body = input.next(home.rules);
    const isCutUp = body === "partial" && ++input.pieces > MAX_PIECES;
    if (body === "other" || isCutUp) return this.#leaves();
    this.#reads(input.length === 0 || body === "partial");
    if (body === "partial") return home.unfinished.hold(this, OWN_BYTES + input.length, input.pieces === 1);
    this.#asks();
    const { refusal, headers } = input.head as PollHead;
    if (input.length > 0 && !input.keep(input.length, home.kept)) home.cut(this);
    else if (refusal !== undefined) this.send(refusal);
    else if (!isUtf8(body)) this.send(errorAnswer(400, NOT_UTF8, headers));
    else home.ask(this.#poll, body.toString());
  }

  /** It is Node's from now on. */
  #leaves(): void {
    this.state = "closed";
    const rest = { connection: this, handle: this.#handle, hasCarried: this.#hasCarried };
    this.home.toNode(this, { ...rest, input: this.input.takeAll() });
  }

  #asks(): void {
    if (this.input.pieces > 0) this.home.unfinished.release(this);
    this.input.pieces = 0;
    this.#isAsked = true;
    this.home.count(1);
  }

  #respond(bytes: Buffer, isLast: boolean): void {
    if (!this.isAsked) return;
    const { home } = this;
    this.#isAsked = false;
    this.#hasCarried = true;
    this.#fanOut = home.kept.fanOut;
    home.count(-1);
    this.put(bytes);
    if (this.destroyed) return;
    if (isLast) {
      this.state = "ending";
      // What its client still sends is dropped, and its end is seen.
      this.#reads(true);
    }
    if (this.isWaiting) return home.exchanges.leaving(this, bytes.length);
    if (!isLast) return this.#becomesFree();
    home.leaving.add(this);
    this.finish();
  }

  #becomesFree(): void {
    if (this.input.length === 0) this.home.idle.add(this);
    else this.home.kept.later(this);
  }

  #inputEnded(): void {
    // A request that came whole before the end is carried out, though its answer is not heard.
    if (this.input.isKept) this.goOn();
    // What Node says of a request that ends in its middle; it sees the end as well.
    if (this.state === "open" && !this.#isAsked && this.input.pieces > 0) return this.#leaves();
    if (this.bufferedBytes === 0) this.terminate();
    else if (this.state === "open" || this.state === "ending") this.state = "flushing";
  }

  /** Reads on, or leaves what comes to the kernel. */
  #reads(isReading: boolean): void {
    if (isReading && this.#isStopped) this.startReading();
    else if (!isReading) this.stopReading();
    this.#isStopped = !isReading;
  }
}
