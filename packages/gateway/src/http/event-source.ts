/**
 * An EventSource that cannot be served now: what it is told instead of a status.
 *
 * By the standard (WHATWG HTML §9.2.2) any status but 200 ends an EventSource for good, a 503 too: the page
 * would hear nothing any more. So it gets a stream that says when to come back, and ends. Everything else
 * gets the status. Invariant: only what is temporary is answered so; what a client did wrong is said with its
 * status.
 */

import type { HttpAnswer } from "./http-answer.js";
import { readRequestLine } from "./request-head.js";

interface Asking {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly accept?: string | undefined;
}

/** Whether the request is one that an EventSource makes. */
export function isEventSource({ method, url = "", accept = "" }: Asking): boolean {
  return method === "GET" && /^\/sse(?:\?|$)/.test(url) && /\btext\/event-stream\b/i.test(accept);
}

/** Likewise, from the bytes of a request's head as latin1. */
export function isEventSourceHead(head: string): boolean {
  const { method, target } = readRequestLine(head) ?? {};
  return isEventSource({ method, url: target, accept: headerOf(head, "accept") });
}

/** A stream that only says when to come back. */
export function retryAnswer(
  afterMs: number,
  why: string,
  headers: Readonly<Record<string, string>>,
): HttpAnswer {
  return {
    status: 200,
    headers: {
      "Content-Type": "text/event-stream; charset=utf-8",
      "Cache-Control": "no-cache, no-transform",
      ...headers,
    },
    body: `: ${why}\nretry: ${afterMs}\n\n`,
  };
}

function headerOf(head: string, name: string): string | undefined {
  return new RegExp(`\\r\\n${name}:[ \\t]*([^\\r\\n]*)`, "i").exec(head)?.[1]?.trim();
}
