/**
 * Frames over server-sent events: the answer to one `POST /sse`, read as it comes. Commands by `POST /send`.
 */
import { closingEnding, lostEnding } from "../wire/ending.js";
import { EventStreamParser } from "./event-stream.js";
import { Requests } from "./http-requests.js";
import type { ClientTransport, HttpOptions, TransportEvents } from "./transport.js";

/** `url` is that of the WebSocket. */
export function openSse(url: string, options: HttpOptions, on: TransportEvents): ClientTransport {
  const requests = new Requests(url, options, on, read);

  async function read(connectRequest: string): Promise<void> {
    try {
      const response = await requests.post("sse", connectRequest);
      if (!response.ok) return await requests.refused(response);
      const reader = response.body?.getReader();
      // Not everything that has `fetch` can read an answer before its end.
      if (reader === undefined) return requests.end(lostEnding("no stream"));
      const events = new EventStreamParser();
      const decoder = new TextDecoder();
      for (;;) {
        const { done, value } = await reader.read();
        if (requests.isOver) return;
        if (done) return requests.end(lostEnding("stream ended"));
        on.heard();
        for (const { name, data } of events.push(decoder.decode(value, { stream: true }))) {
          if (name === "") on.message(data);
          else if (name === "close") requests.end(closingEnding(JSON.parse(data)));
          if (requests.isOver) return;
        }
      }
    } catch (cause) {
      requests.end(lostEnding(String(cause)));
    }
  }

  return requests;
}
