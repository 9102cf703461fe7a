/**
 * A client that polls, and follows docs/protocol.md in that: the last cursor acknowledges, whatever was not
 * answered is asked again with the same cursor, `wait` and Retry-After are waited for.
 *
 * Invariant: one poll at a time; between two starts of a session it never forgets its cursor.
 */
import { Agent, type IncomingMessage, request } from "node:http";
import { type CometFrame, takeFrame } from "./comet-frames.js";
import { within } from "./deadline.js";
import { SequenceCheck, type Watcher } from "./watcher.js";

interface PollAnswer {
  readonly sid: string;
  readonly cursor?: string;
  readonly frames: readonly CometFrame[];
  readonly wait: number;
}

/** Longer than any poll is held. */
const ANSWER_MS = 60_000;
const RETRY_MS = 200;

export interface PollOptions {
  /** Whose connections are used; a pool shared by many is as good as one's own. */
  readonly agent?: Agent;
  /** Whether it keeps the cookies that it is given. */
  readonly cookies?: boolean;
}

export class PollWatcher implements Watcher {
  readonly channel: string;
  readonly check: SequenceCheck;
  losses = 0;
  state = "new";
  sid: string | undefined;
  /** Polls answered with 200, and those of them that brought nothing. */
  answers = 0;
  empty = 0;
  /** Where the next poll goes. */
  port: number;
  readonly #agent: Agent;
  readonly #cookies: boolean;
  #cookie: string | undefined;
  readonly #closing = new AbortController();
  #cursor: string | undefined;
  #subscribed: () => void = () => {};
  readonly #first = new Promise<void>((resolve) => {
    this.#subscribed = resolve;
  });

  constructor(port: number, channel: string, { agent, cookies = false }: PollOptions = {}) {
    this.port = port;
    this.channel = channel;
    this.check = new SequenceCheck(channel);
    this.#agent = agent ?? new Agent({ keepAlive: true, maxSockets: 1 });
    this.#cookies = cookies;
  }

  async start(): Promise<this> {
    void this.#run();
    await within(this.#first, () => `a first poll of ${this.channel} (${this.state})`, 30_000);
    return this;
  }

  close(): void {
    this.#closing.abort();
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const waitMs = await this.#poll().catch((problem: Error) => {
        this.state = problem.message;
        this.check.hear(problem.message);
        this.losses++;
        return RETRY_MS * (1 + Math.random());
      });
      if (waitMs > 0 && !signal.aborted) await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }

  /** Returns how long to wait before the next, ms. */
  async #poll(): Promise<number> {
    const query = this.sid === undefined ? "" : `?sid=${this.sid}`;
    const body = JSON.stringify(
      this.#cursor === undefined ? { channels: [this.channel] } : { cursor: this.#cursor },
    );
    const { status, text, retryAfterMs } = await this.#ask(`/poll${query}`, body);
    if (status !== 200) {
      this.losses++;
      this.state = `${status} ${text.trim()}`;
      this.check.hear(`asked ${query} ${body}, heard ${this.state}`);
      return retryAfterMs ?? RETRY_MS;
    }
    const answer = JSON.parse(text) as PollAnswer;
    this.check.hear(`asked ${query} ${body}, heard ${text}`);
    this.answers++;
    if (answer.frames.length === 0) this.empty++;
    this.state = "polling";
    for (const frame of answer.frames) takeFrame(frame, this.check);
    this.sid = answer.sid;
    this.#cursor = answer.cursor;
    if (answer.cursor === undefined) throw new Error(`the session has ended for good: ${text}`);
    this.#subscribed();
    return answer.wait;
  }

  #ask(
    path: string,
    body: string,
  ): Promise<{ status: number; text: string; retryAfterMs: number | undefined }> {
    return new Promise((resolve, reject) => {
      const outgoing = request({
        port: this.port,
        host: "127.0.0.1",
        path,
        method: "POST",
        agent: this.#agent,
        signal: this.#closing.signal,
        timeout: ANSWER_MS,
        headers: {
          "Content-Length": Buffer.byteLength(body),
          ...(this.#cookie !== undefined && { Cookie: this.#cookie }),
        },
      });
      outgoing.on("error", reject);
      outgoing.on("timeout", () => outgoing.destroy(new Error("no answer")));
      outgoing.on("response", (answer: IncomingMessage) => {
        const [given] = answer.headers["set-cookie"] ?? [];
        if (this.#cookies && given !== undefined) this.#cookie = given.split(";")[0];
        let text = "";
        answer.setEncoding("utf8").on("data", (chunk) => {
          text += chunk;
        });
        answer.on("error", reject);
        answer.on("end", () => {
          const retryAfter = answer.headers["retry-after"];
          const retryAfterMs = retryAfter === undefined ? undefined : Number(retryAfter) * 1000;
          resolve({ status: answer.statusCode ?? 0, text, retryAfterMs });
        });
      });
      outgoing.end(body);
    });
  }
}
