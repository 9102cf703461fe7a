/**
 * Asks the application over HTTP, and bounds what that can cost.
 *
 *     asked ──room──► under way ──answer──► settled
 *       └─no room─► waiting ──room──┘  └─deadline, failure─► settled without an answer
 *
 * So many questions are under way at once, on connections that are kept; so many more wait. Those that wait
 * take turns by whose they are, and one asker has at most as many places as are free: half of the queue
 * alone, and less the fuller it is. Each has one deadline, from the moment in which it was asked. No redirect
 * is followed, no answer is read beyond its limit, and nothing is tried again but a question that met a
 * connection which the other side had closed while it was idle: that one never arrived. Invariant: `ask`
 * settles once, within the deadline, and never rejects.
 */
import { isUtf8 } from "node:buffer";
import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
} from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { type Clock, FairQueue, type Timer } from "@holdfast/core";
import { signatureOf } from "./signature.js";

export interface HookClientOptions {
  /** What requests are signed with. */
  readonly secret: string;
  /** How long an answer may take, waiting included, ms. */
  readonly timeoutMs: number;
  /** Questions that are under way at once. */
  readonly concurrency: number;
  /** Questions that may wait for one of them to end; more are not asked. */
  readonly maxWaiting: number;
}

/** The body of an answer with status 200, or why there is none: the end of a sentence for operators. */
export type HookReply = { readonly body: string } | { readonly problem: string };

/** Of an answer's body. */
const MAX_ANSWER_BYTES = 16 * 1024;
/** Connections kept without a question on them. */
const MAX_IDLE = 32;

interface Question {
  readonly url: URL;
  readonly body: string;
  /** Whose place in the queue it takes. */
  readonly from: string;
  /** A header, where it is given. */
  readonly traceparent: string | undefined;
  readonly settle: (reply: HookReply) => void;
  readonly timer: Timer;
  /** While it is under way. */
  request: ClientRequest | undefined;
}

export class HookClient {
  readonly #options: HookClientOptions;
  readonly #clock: Clock;
  readonly #http: HttpAgent;
  readonly #https: HttpsAgent;
  readonly #waiting = new FairQueue<string, Question>();
  readonly #underWay = new Set<Question>();
  #state: "open" | "closed" = "open";

  constructor(options: HookClientOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
    const keep = { keepAlive: true, maxSockets: options.concurrency, maxFreeSockets: MAX_IDLE };
    this.#http = new HttpAgent(keep);
    this.#https = new HttpsAgent(keep);
  }

  /** Questions without an answer. */
  get pending(): number {
    return this.#waiting.size + this.#underWay.size;
  }

  /** POSTs the body, signed. `traceparent`: a header of the request, where it is given. */
  ask(url: URL, body: string, from = "", traceparent?: string): Promise<HookReply> {
    const { concurrency, maxWaiting, timeoutMs } = this.#options;
    if (this.#state === "closed") return Promise.resolve({ problem: "the worker ends" });
    const hasRoom = this.#underWay.size < concurrency;
    if (!hasRoom && this.#waiting.size >= maxWaiting)
      return Promise.resolve({ problem: `${maxWaiting} questions wait already` });
    if (!hasRoom && from !== "" && this.#waiting.sizeOf(from) >= maxWaiting - this.#waiting.size)
      return Promise.resolve({
        problem: `${this.#waiting.sizeOf(from)} of its client's questions wait already`,
      });
    return new Promise((settle) => {
      const timer = this.#clock.after(timeoutMs, () =>
        this.#settle(question, { problem: `no answer within ${timeoutMs} ms` }),
      );
      const question: Question = { url, body, from, traceparent, settle, timer, request: undefined };
      if (hasRoom) this.#begin(question);
      else this.#waiting.add(from, question);
    });
  }

  /** What is pending is settled without an answer. Idempotent. */
  close(): void {
    this.#state = "closed";
    for (const question of [...this.#waiting.all(), ...this.#underWay])
      this.#settle(question, { problem: "the worker ends" });
    this.#http.destroy();
    this.#https.destroy();
  }

  #begin(question: Question): void {
    this.#underWay.add(question);
    this.#send(question, question.url.protocol === "https:" ? this.#https : this.#http);
  }

  /** `agent` false: on a connection of its own. */
  #send(question: Question, agent: HttpAgent | false): void {
    const { url, body, traceparent } = question;
    const post = url.protocol === "https:" ? httpsRequest : httpRequest;
    const request = post(url, {
      method: "POST",
      agent,
      headers: {
        "Content-Type": "application/json",
        "Content-Length": Buffer.byteLength(body),
        "User-Agent": "holdfast",
        ...(traceparent !== undefined && { traceparent }),
        ...signatureOf(this.#options.secret, this.#clock.now(), body),
      },
    });
    question.request = request;
    request.on("response", (response) => this.#read(question, response));
    request.on("error", (error: NodeJS.ErrnoException) => {
      if (agent !== false && wasClosedWhileIdle(request, error) && this.#underWay.has(question))
        this.#send(question, false);
      else this.#settle(question, { problem: error.message });
    });
    request.end(body);
  }

  #read(question: Question, response: IncomingMessage): void {
    const chunks: Buffer[] = [];
    let bytes = 0;
    response.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= MAX_ANSWER_BYTES) chunks.push(chunk);
      else this.#settle(question, { problem: `an answer of more than ${MAX_ANSWER_BYTES} bytes` });
    });
    response.on("end", () => {
      const { statusCode } = response;
      // It has all been read: the connection goes on.
      question.request = undefined;
      if (statusCode !== 200) this.#settle(question, { problem: `the status ${statusCode}` });
      else this.#settle(question, bodyOf(Buffer.concat(chunks)));
    });
    response.on("error", (error) => this.#settle(question, { problem: error.message }));
  }

  /** A connection whose answer was not read to its end is of no use any more. */
  #settle(question: Question, reply: HookReply): void {
    const { request, settle, timer } = question;
    if (!this.#waiting.delete(question.from, question) && !this.#underWay.delete(question)) return;
    timer.cancel();
    if ("problem" in reply && request?.closed === false) request.destroy();
    settle(reply);
    if (this.#underWay.size >= this.#options.concurrency || this.#state === "closed") return;
    const next = this.#waiting.shift();
    if (next !== undefined) this.#begin(next);
  }
}

/** The other side may close a connection that it takes for idle in the moment in which it is used again. */
function wasClosedWhileIdle(request: ClientRequest, error: NodeJS.ErrnoException): boolean {
  return request.reusedSocket && (error.code === "ECONNRESET" || error.code === "EPIPE");
}

/** Decoded anyway, names that differ in such bytes alone would be one user. */
function bodyOf(bytes: Buffer): HookReply {
  return isUtf8(bytes) ? { body: bytes.toString() } : { problem: "an answer that is not UTF-8" };
}
