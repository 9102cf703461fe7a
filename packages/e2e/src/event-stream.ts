/**
 * A client of event streams that behaves as a browser's EventSource: comes back by itself, with the last id
 * it was given.
 */
import { type ClientRequest, get, type IncomingMessage } from "node:http";

export interface ServerEvent {
  readonly type: string;
  readonly data: string;
}

export class EventStream {
  readonly events: ServerEvent[] = [];
  /** The status of an answer that was no stream: an EventSource gives up then. */
  refused: number | undefined;
  lastEventId = "";
  retryMs = 100;
  /** Streams that were opened. */
  opened = 0;
  comments = 0;
  readonly #url: string;
  readonly #maxRetryMs: number;
  readonly #headers: Readonly<Record<string, string>>;
  #request: ClientRequest | undefined;
  #response: IncomingMessage | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** `maxRetryMs`: it waits no longer than this, whatever it was told. */
  constructor(url: string, headers: Readonly<Record<string, string>> = {}, maxRetryMs = 200) {
    this.#maxRetryMs = maxRetryMs;
    this.#url = url;
    this.#headers = headers;
    this.#connect();
  }

  /** The data of the events that an EventSource gives to `onmessage`. */
  get messages(): readonly string[] {
    return this.events.flatMap(({ type, data }) => (type === "message" ? [data] : []));
  }

  /** The head of the last answer. */
  get response(): IncomingMessage | undefined {
    return this.#response;
  }

  pause(): void {
    this.#response?.pause();
    this.#response?.socket.pause();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#request?.destroy();
  }

  #connect(): void {
    const id = this.lastEventId === "" ? {} : { "Last-Event-ID": this.lastEventId };
    const headers = { Accept: "text/event-stream", ...this.#headers, ...id };
    this.#request = get(this.#url, { headers, agent: false }, (response) => {
      this.#response = response;
      if (response.statusCode !== 200) {
        this.refused = response.statusCode;
        return;
      }
      this.opened++;
      this.#read(response.setEncoding("utf8"));
    });
    this.#request.on("error", () => {}).on("close", () => this.#comeBack());
  }

  #comeBack(): void {
    if (this.#closed || this.refused !== undefined) return;
    this.#timer = setTimeout(() => this.#connect(), Math.min(this.retryMs, this.#maxRetryMs));
  }

  /** By the rules of WHATWG HTML §9.2.6; what is cut off before its empty line was never there. */
  #read(response: IncomingMessage): void {
    let text = "";
    let [id, type] = [this.lastEventId, "message"];
    let data: string[] = [];
    response.on("error", () => {});
    response.on("data", (chunk: string) => {
      text += chunk;
      for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n")) {
        const line = text.slice(0, end);
        text = text.slice(end + 1);
        if (line === "") {
          this.lastEventId = id;
          if (data.length > 0) this.events.push({ type, data: data.join("\n") });
          [data, type] = [[], "message"];
        } else if (line.startsWith(":")) this.comments++;
        else {
          const [, field = "", value = ""] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
          if (field === "data") data.push(value);
          else if (field === "id") id = value;
          else if (field === "event") type = value;
          else if (field === "retry") this.retryMs = Number(value);
        }
      }
    });
  }
}
