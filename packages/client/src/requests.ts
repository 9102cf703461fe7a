/**
 * Requests: the HTTP requests of one transport, and the commands it sends beside its stream or poll.
 *
 * Commands go by `POST /send`, one request at a time so that their order holds; whatever is said meanwhile leaves in the next.
 * Invariants: a command is sent at most once, since nobody can tell whether a request that failed was carried out: its
 * deadline, or the next connection, settles it; nothing is told after `close()`, which aborts every request.
 * Bounded by whoever bounds the commands in flight.
 */
import type { ConnectResult } from "@holdfast/protocol";
import { type Ending, httpEnding } from "./ending.js";
import { clientErrors, HoldfastError } from "./errors.js";
import type { HttpOptions, TransportEvents } from "./transport.js";
import { httpUrl } from "./url.js";

export class Requests {
  readonly #url: string;
  readonly #options: HttpOptions;
  readonly #on: TransportEvents;
  readonly #abort = new AbortController();
  /** Messages that wait for the session or for the request before them. */
  #waiting: string[] = [];
  #sending = false;
  #session: { readonly sid: string; readonly token: string | undefined } | undefined;

  /** `url` is that of the WebSocket; the others are beside it. */
  constructor(url: string, options: HttpOptions, on: TransportEvents) {
    this.#url = url;
    this.#options = options;
    this.#on = on;
  }

  get closed(): boolean {
    return this.#abort.signal.aborted;
  }

  /** From now on commands can be sent. */
  connected({ sid, resumeToken: token }: ConnectResult): void {
    this.#session = { sid, token };
    this.#flush();
  }

  send(message: string): void {
    this.#waiting.push(message);
    this.#flush();
  }

  /** A POST of the transport. Rejects where no answer comes, or after `close()`. Text needs no leave of CORS. */
  post(path: string, body: string, signal = this.#abort.signal): Promise<Response> {
    const url = httpUrl(this.#url, path, this.#session?.sid);
    return this.#options.fetch(url, { method: "POST", body, signal, cache: "no-store" });
  }

  /** Ends the transport for what the server, or something in between, answered. */
  async refused(response: Response): Promise<void> {
    const body = await response.text().catch(() => "");
    const ending = httpEnding(response.status, body, response.headers.get("Retry-After"));
    // That a session is unknown by now forbids nothing: only the answer to a connect command can.
    this.end(this.#session === undefined ? ending : { ...ending, terminal: false });
  }

  end(ending: Ending): void {
    if (this.closed) return;
    this.close();
    this.#on.closed(ending);
  }

  close(): void {
    this.#waiting = [];
    this.#abort.abort();
  }

  async #flush(): Promise<void> {
    const session = this.#session;
    if (session === undefined || this.#sending) return;
    this.#sending = true;
    for (let message = this.#waiting.shift(); message !== undefined; message = this.#waiting.shift()) {
      await this.#deliver(session, message);
    }
    this.#sending = false;
  }

  async #deliver(session: object, message: string): Promise<void> {
    // A frame has no newline inside.
    const body = `${JSON.stringify(session).slice(0, -1)},"commands":[${message.replaceAll("\n", ",")}]}`;
    const late = new AbortController();
    const abort = (): void => late.abort();
    this.#abort.signal.addEventListener("abort", abort);
    const timer = this.#options.clock.after(this.#options.commandTimeoutMs, abort);
    try {
      const response = await this.post("send", body, late.signal);
      if (response.ok) await response.arrayBuffer();
      else await this.refused(response);
    } catch (cause) {
      if (!this.closed)
        this.#on.problem(new HoldfastError(clientErrors.transport, "POST /send failed", cause));
    } finally {
      timer.cancel();
      this.#abort.signal.removeEventListener("abort", abort);
    }
  }
}
