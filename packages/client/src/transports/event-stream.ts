/**
 * Event stream: text as it comes, cut anywhere → its events, by the HTML standard's rules for
 * `text/event-stream`.
 *
 * Only names and data count here: positions are the client's own, and the delay of a retry comes with the
 * drain push. Bounded: an event of more than `MAX_EVENT_LENGTH` characters throws, for it ends the stream.
 */

/** Characters of one event. */
export const MAX_EVENT_LENGTH = 16 * 1024 * 1024;

export interface StreamEvent {
  /** "" where the event has no name of its own. */
  readonly name: string;
  readonly data: string;
}

export class EventStreamParser {
  /** A line that is not complete. */
  #rest = "";
  /** The data of the event that is not complete; undefined before its first line. */
  #data: string | undefined;
  #name = "";

  /** The events that `text` completes. Lines of data are joined by newlines. */
  push(text: string): readonly StreamEvent[] {
    const all = this.#rest + text;
    // A CR at the end may be the first half of CR LF.
    const end = all.endsWith("\r") ? all.length - 1 : all.length;
    const lines = all.slice(0, end).split(/\r\n|\r|\n/);
    this.#rest = (lines.pop() ?? "") + all.slice(end);
    const events: StreamEvent[] = [];
    for (const line of lines) {
      const [, field, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
      if (line === "") {
        if (this.#data !== undefined) events.push({ name: this.#name, data: this.#data });
        this.#data = undefined;
        this.#name = "";
      } else if (field === "event") this.#name = value;
      else if (field === "data") this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`;
    }
    if (this.#rest.length + (this.#data?.length ?? 0) > MAX_EVENT_LENGTH) throw new Error("endless event");
    return events;
  }
}
