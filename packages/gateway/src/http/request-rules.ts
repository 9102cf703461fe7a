/**
 * What RFC 9110 and 9112 ask of every request, whatever it asks for; and whether it asks to become a
 * WebSocket.
 *
 * Node's parser is told to leave these to us, since it answers some by itself and takes others silently.
 * Invariant: a request that the plain head takes (`plain-head.ts`) has no problem here
 * (`request-roads.property.test.ts`).
 */
import type { IncomingHttpHeaders } from "node:http";
import { elementsOf, hasElement, isHost } from "./field-values.js";
import { readTarget } from "./request-target.js";

/** Headers of one request; Node would drop the rest without a word. */
export const MAX_HEADERS = 2_000;

/** What is read of a request. `IncomingMessage` is one. */
export interface AnyRequest {
  readonly method?: string | undefined;
  url?: string | undefined;
  readonly httpVersionMajor: number;
  readonly httpVersionMinor: number;
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn. */
  readonly rawHeaders: readonly string[];
}

export interface RequestProblem {
  readonly status: 400 | 417 | 431 | 505;
  readonly message: string;
}

/**
 * What is wrong with the request. Where nothing is, its target is brought into the form of path and query.
 */
export function settleRequest(request: AnyRequest): RequestProblem | undefined {
  const { method = "", url = "", headers, rawHeaders, httpVersionMajor, httpVersionMinor } = request;
  if (httpVersionMajor !== 1) return { status: 505, message: "This server speaks HTTP/1.1." };
  if (rawHeaders.length > 2 * MAX_HEADERS)
    return { status: 431, message: `A request may have ${MAX_HEADERS} headers.` };
  const problem = problemOfHost(rawHeaders, httpVersionMinor);
  if (problem !== undefined) return { status: 400, message: problem };
  if (httpVersionMinor === 0 && headers["transfer-encoding"] !== undefined)
    return { status: 400, message: "An HTTP/1.0 request has no `Transfer-Encoding`." };
  const target = readTarget(method, url);
  if (target === undefined)
    return { status: 400, message: "The request's target is malformed; it has no fragment (`#…`)." };
  if (httpVersionMinor > 0 && !isContinue(headers.expect))
    return { status: 417, message: "Nothing is expected here but 100-continue." };
  request.url = target.url;
  if (target.host !== undefined) headers.host = target.host;
  return undefined;
}

/**
 * Whether the request asks to become a WebSocket. Other protocols that it offers are ignored, RFC 9110 §7.8.
 */
export function asksForWebSocket(headers: IncomingHttpHeaders, httpVersionMinor: number): boolean {
  return (
    httpVersionMinor > 0 &&
    hasElement(headers.upgrade, "websocket") &&
    hasElement(headers.connection, "upgrade")
  );
}

/**
 * Whether its client waits for an interim answer before it sends the body. RFC 9110 §10.1.1: one of HTTP/1.0
 * does not.
 */
export function awaitsContinue({
  headers,
  httpVersionMinor,
}: Pick<AnyRequest, "headers" | "httpVersionMinor">): boolean {
  return httpVersionMinor > 0 && hasElement(headers.expect, "100-continue");
}

/** RFC 9112 §3.2. */
function problemOfHost(rawHeaders: readonly string[], httpVersionMinor: number): string | undefined {
  let host: string | undefined;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    if (name.length !== 4 || name.toLowerCase() !== "host") continue;
    if (host !== undefined) return "A request has one `Host`.";
    host = rawHeaders[i + 1] ?? "";
  }
  if (host === undefined) return httpVersionMinor > 0 ? "An HTTP/1.1 request has a `Host`." : undefined;
  return isHost(host) ? undefined : "`Host` is not a host and a port.";
}

function isContinue(expect: string | undefined): boolean {
  return (
    expect === undefined || elementsOf(expect).every((element) => element.toLowerCase() === "100-continue")
  );
}
