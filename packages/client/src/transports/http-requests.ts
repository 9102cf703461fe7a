/**
 * Requests: what the transports over HTTP have in common: their requests, and the commands they send beside
 * their stream or poll.
 *
 * The first message, which holds the connect command, begins the stream or the polls.
 * Commands go by `POST /send`, one request at a time so that their order holds; whatever is said meanwhile
 * leaves in the next. Invariants: what got no answer is sent again, at most `MAX_REPEATS` times, and before
 * anything else: servers know a repetition by its ids, which ascend; after that the commands' deadlines
 * settle them. Nothing is told after `close()`, which aborts every request.
 * Bounded by the limit of the commands in flight (pending.ts).
 */
import { backoffDelay } from "@holdfast/protocol";
import { type Ending, httpEnding, lostEnding } from "../wire/ending.js";
import { clientErrors, HoldfastError } from "../wire/errors.js";
import type { ConnectReply } from "../wire/inbound.js";
import type { ClientTransport, HttpOptions, TransportEvents } from "./transport.js";
import { httpUrl } from "./url.js";

/** Repeats of a request that got no answer. */
const MAX_REPEATS = 3;

export class Requests implements ClientTransport {
  readonly #url: string;
  readonly #options: HttpOptions;
  readonly #on: TransportEvents;
  readonly #abort = new AbortController();
  /** Takes the first message; undefined once it has. */
  #begin: ((connectRequest: string) => Promise<void>) | undefined;
  /** Messages that wait for the session or for the request before them. */
  #waiting: string[] = [];
  #sending = false;
  #session: { readonly sid: string; readonly token: string | undefined } | undefined;

  /** `url` is that of the WebSocket; the others are beside it. */
  constructor(
    url: string,
    options: HttpOptions,
    on: TransportEvents,
    begin: (connectRequest: string) => Promise<void>,
  ) {
    this.#url = url;
    this.#options = options;
    this.#on = on;
    this.#begin = begin;
    queueMicrotask(() => {
      if (!this.isOver) on.opened();
    });
  }

  get isOver(): boolean {
    return this.#abort.signal.aborted;
  }

  /** From now on commands can be sent. Returns the bytes of a request beside its commands. */
  connected({ sid, resumeToken: token }: ConnectReply): number {
    this.#session = { sid, token };
    this.#flush();
    return bodyOf(this.#session, "").length;
  }

  renewed(token: string): void {
    if (this.#session !== undefined) this.#session = { ...this.#session, token };
  }

  send(message: string): void {
    const begin = this.#begin;
    this.#begin = undefined;
    if (begin !== undefined) return void begin(message);
    this.#waiting.push(message);
    this.#flush();
  }

  /** A POST of the transport. Rejects where no answer comes, or after `close()`. Text needs no leave of CORS,
   * and a load balancer's cookie leads back to the same place. */
  post(path: string, body: string): Promise<Response> {
    const { signal } = this.#abort;
    const url = httpUrl(this.#url, path, this.#session?.sid);
    return this.#options.fetch(url, { method: "POST", body, signal, credentials: "include" });
  }

  /** Ends the transport for what the server, or something in between, answered. */
  async refused(response: Response): Promise<void> {
    const body = await response.text().catch(() => "");
    const ending = httpEnding(response.status, body, response.headers.get("Retry-After"));
    // That a session is unknown by now forbids nothing: only the answer to a connect command can.
    this.end(this.#session === undefined ? ending : { ...ending, terminal: false });
  }

  /** A request failed, and the transport goes on. */
  problem(cause: unknown): void {
    if (!this.isOver) this.#on.problem(new HoldfastError(clientErrors.transport, undefined, cause));
  }

  end(ending: Ending): void {
    if (this.isOver) return;
    this.close();
    this.#on.endedBy(ending);
  }

  close(): void {
    this.#waiting = [];
    this.#abort.abort();
  }

  /** Resolves after a while, or at `close()`. */
  pauseFor(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const { signal } = this.#abort;
      const end = (): void => {
        timer.cancel();
        signal.removeEventListener("abort", end);
        resolve();
      };
      const timer = this.#options.clock.after(Math.ceil(delayMs), end);
      signal.addEventListener("abort", end);
      if (signal.aborted) end();
    });
  }

  /** The pause before a repeat. */
  pauseBefore(repeats: number): Promise<void> {
    return this.pauseFor(backoffDelay(repeats, this.#options.random()) / 4);
  }

  async #flush(): Promise<void> {
    if (this.#session === undefined || this.#sending) return;
    this.#sending = true;
    for (let message = this.#waiting.shift(); message !== undefined; message = this.#waiting.shift()) {
      await this.#deliver(message);
    }
    this.#sending = false;
  }

  async #deliver(message: string): Promise<void> {
    for (let repeats = 0; !this.isOver; repeats++) {
      const failure = await this.#try(message, repeats === MAX_REPEATS);
      if (failure === undefined || this.isOver) return;
      if (repeats === MAX_REPEATS) return this.problem(failure);
      await this.pauseBefore(repeats);
    }
  }

  /** What went wrong, where another try may do better. */
  async #try(message: string, last: boolean): Promise<unknown> {
    // Without an answer nothing more can be sent: another connection tells more.
    const timer = this.#options.clock.after(this.#options.commandTimeoutMs, () =>
      this.end(lostEnding("no answer in time")),
    );
    try {
      const response = await this.post("send", bodyOf(this.#session ?? {}, message));
      // Forbidden: the proof was renewed a moment ago, and the new one is on its way here.
      const again = isLost(response) || (response.status === 403 && !last);
      if (!response.ok && !again) return await this.refused(response);
      const answer = await response.text();
      return response.ok ? undefined : new Error(`HTTP ${response.status}: ${answer.slice(0, 200)}`);
    } catch (cause) {
      return cause;
    } finally {
      timer.cancel();
    }
  }
}

/** A frame has no newline inside. */
function bodyOf(session: object, message: string): string {
  return `${JSON.stringify(session).slice(0, -1)},"commands":[${message.replaceAll("\n", ",")}]}`;
}

/** From something in between that lost the answer; what the server means, it says in words. */
export function isLost({ status }: Response): boolean {
  return status === 500 || status === 502 || status === 504;
}
