/**
 * Cross-origin requests: which answers a page of another origin may read. `origin.ts` decides which origins
 * may ask at all; here are only the headers for them.
 */
import type { RequestHead } from "./incoming-head.js";

type Headers = Readonly<Record<string, string>>;

const NONE: Headers = Object.freeze({});
/** How long a browser may keep the answer to a preflight, seconds: the longest that any of them takes. */
const MAX_AGE_S = 7200;

/**
 * What every answer to this request says. Cookies are let through, as browsers do for WebSockets: a load
 * balancer's, and those that the application is shown.
 */
export function corsHeaders({ headers }: RequestHead): Headers {
  const { origin } = headers;
  if (origin === undefined) return NONE;
  return {
    "Access-Control-Allow-Origin": origin,
    "Access-Control-Allow-Credentials": "true",
    "Access-Control-Expose-Headers": "Retry-After",
    Vary: "Origin",
  };
}

/** `headers`, and that the answer depends on this header of the request, too. */
export function withVary(headers: Headers, name: string): Headers {
  return { ...headers, Vary: headers.Vary === undefined ? name : `${headers.Vary}, ${name}` };
}

/** The answer's headers to a browser that asks first. */
export function preflightHeaders(head: RequestHead, allow: string): Headers {
  return {
    ...corsHeaders(head),
    Allow: allow,
    "Access-Control-Allow-Methods": allow,
    "Access-Control-Allow-Headers": "authorization, content-type, last-event-id",
    "Access-Control-Max-Age": String(MAX_AGE_S),
  };
}
