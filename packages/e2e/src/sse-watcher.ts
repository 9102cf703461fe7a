/**
 * A client of an event stream that behaves as a browser's EventSource does, and does not give up: it keeps
 * the last id, comes back with it after the time that `retry:` said, and knows nothing else of us.
 */
import { type IncomingMessage, request } from "node:http";
import { type CometFrame, takeFrame } from "./comet-frames.js";
import { within } from "./deadline.js";
import { SequenceCheck, type Watcher } from "./watcher.js";

const DEFAULT_RETRY_MS = 500;
/** More than that is not waited for, so that a test ends. */
const MAX_RETRY_MS = 5_000;
/** The server says something at least so often. */
const SILENCE_MS = 60_000;

export class SseWatcher implements Watcher {
  readonly channel: string;
  readonly check: SequenceCheck;
  losses = 0;
  state = "new";
  sid: string | undefined;
  /** Lines that only say that the server is there. */
  comments = 0;
  readonly #port: number;
  readonly #closing = new AbortController();
  #lastId = "";
  #retryMs = DEFAULT_RETRY_MS;
  #subscribed: () => void = () => {};
  readonly #first = new Promise<void>((resolve) => {
    this.#subscribed = resolve;
  });

  constructor(port: number, channel: string) {
    this.#port = port;
    this.channel = channel;
    this.check = new SequenceCheck(channel);
  }

  async start(): Promise<this> {
    void this.#run();
    await within(this.#first, () => `an event stream of ${this.channel} (${this.state})`, 30_000);
    return this;
  }

  close(): void {
    this.#closing.abort();
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      await this.#stream().catch((problem: Error) => {
        this.state = problem.message;
      });
      if (signal.aborted) return;
      this.losses++;
      this.check.hear(`away (${this.state}), last id ${this.#lastId}`);
      await new Promise((resolve) => setTimeout(resolve, Math.min(this.#retryMs, MAX_RETRY_MS)));
    }
  }

  /** One stream, to its end. */
  #stream(): Promise<void> {
    return new Promise((resolve, reject) => {
      const outgoing = request({
        port: this.#port,
        host: "127.0.0.1",
        path: `/sse?channels=${encodeURIComponent(this.channel)}`,
        agent: false,
        signal: this.#closing.signal,
        timeout: SILENCE_MS,
        headers: {
          Accept: "text/event-stream",
          ...(this.#lastId !== "" && { "Last-Event-ID": this.#lastId }),
        },
      });
      outgoing.on("error", reject);
      outgoing.on("timeout", () => outgoing.destroy(new Error("silent")));
      outgoing.on("response", (answer: IncomingMessage) => {
        if (answer.statusCode !== 200) {
          this.state = `refused with ${answer.statusCode}`;
          answer.resume().on("end", resolve).on("error", reject);
          return;
        }
        this.state = "open";
        const parser = new EventParser(() => this.comments++);
        answer.setEncoding("utf8").on("data", (chunk: string) => {
          for (const event of parser.push(chunk)) this.#take(event);
        });
        answer.on("error", reject).on("end", resolve);
      });
      outgoing.end();
    });
  }

  #take(happened: ServerSentEvent): void {
    const { id, retry, event, data } = happened;
    this.check.hear(JSON.stringify(happened));
    if (id !== undefined) this.#lastId = id;
    if (retry !== undefined) this.#retryMs = retry;
    if (event !== undefined && event !== "message") {
      this.state = `${event} ${data}`;
      return;
    }
    if (data === undefined) return;
    for (const line of data.split("\n")) {
      this.sid = takeFrame(JSON.parse(line) as CometFrame, this.check) ?? this.sid;
    }
    this.#subscribed();
  }
}

export interface ServerSentEvent {
  id?: string;
  retry?: number;
  event?: string;
  data?: string;
}

/**
 * WHATWG HTML §9.2.6, as far as our server's lines go: they end with LF. What has no blank line behind it has
 * not happened.
 */
export class EventParser {
  #rest = "";
  #event: ServerSentEvent = {};
  readonly #comment: () => void;

  constructor(comment: () => void = () => {}) {
    this.#comment = comment;
  }

  push(chunk: string): ServerSentEvent[] {
    const lines = (this.#rest + chunk).split("\n");
    this.#rest = lines.pop() ?? "";
    const events: ServerSentEvent[] = [];
    for (const line of lines) {
      if (line === "") {
        events.push(this.#event);
        this.#event = {};
        continue;
      }
      const colon = line.indexOf(":");
      if (colon === 0) {
        this.#comment();
        continue;
      }
      const name = colon === -1 ? line : line.slice(0, colon);
      const value = colon === -1 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (name === "data")
        this.#event.data = this.#event.data === undefined ? value : `${this.#event.data}\n${value}`;
      else if (name === "id" || name === "event") this.#event[name] = value;
      else if (name === "retry") this.#event.retry = Number(value);
    }
    return events;
  }
}
