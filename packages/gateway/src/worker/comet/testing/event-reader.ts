/**
 * A reader of server-sent events by the rules of WHATWG HTML §9.2.6, so that tests do not believe our own
 * framing.
 */
export interface ServerEvent {
  readonly type: string;
  readonly data: string;
  /** The last event id when it was dispatched. */
  readonly id: string;
}

export class EventReader {
  readonly events: ServerEvent[] = [];
  /** What the client would come back with. */
  lastEventId = "";
  retryMs: number | undefined;
  comments = 0;
  #text = "";
  #id = "";
  #type = "";
  #data: string[] = [];

  feed(text: string): void {
    this.#text += text;
    for (let end = this.#text.search(/\r\n|\n|\r/); end !== -1; end = this.#text.search(/\r\n|\n|\r/)) {
      const line = this.#text.slice(0, end);
      this.#text = this.#text.slice(end + (this.#text.startsWith("\r\n", end) ? 2 : 1));
      this.#line(line);
    }
  }

  #line(line: string): void {
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    if (colon === 0) {
      this.comments++;
      return;
    }
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") this.#data.push(value);
    else if (field === "event") this.#type = value;
    else if (field === "id") this.#id = value;
    else if (field === "retry" && /^\d+$/.test(value)) this.retryMs = Number(value);
  }

  #dispatch(): void {
    this.lastEventId = this.#id;
    if (this.#data.length > 0)
      this.events.push({ type: this.#type || "message", data: this.#data.join("\n"), id: this.#id });
    this.#data = [];
    this.#type = "";
  }
}
