/**
 * Origins: which pages may open a WebSocket here.
 *
 * Browsers send `Origin` and let any page connect anywhere, so this list is what keeps a foreign page from acting with
 * a visitor's network position. A request without the header does not come from a browser's page and is let through.
 */

/** Whether a page of `origin` may connect to the `host` it asked for. */
export type OriginCheck = (origin: string | undefined, host: string | undefined) => boolean;

/** `origins` as in the options: undefined = the page's own host, `*` = all. */
export function originCheck(origins: readonly string[] | undefined): OriginCheck {
  if (origins === undefined) return (origin, host) => origin === undefined || isOwnHost(origin, host);
  if (origins.includes("*")) return () => true;
  const allowed = new Set(origins.map(normalize));
  return (origin, _host) => origin === undefined || allowed.has(normalize(origin));
}

/** Scheme aside: behind a load balancer that ends TLS the page is https and the request is not. */
function isOwnHost(origin: string, host: string | undefined): boolean {
  // What nearly all pages send, without a parser.
  if (host !== undefined && host !== "" && isHttpOf(origin, host)) return true;
  const page = parse(origin);
  if (page === undefined || page.host === "" || host === undefined) return false;
  // Through the same parser, so that letter case and a default port that is spelled out make no difference.
  return page.host === parse(`${page.protocol}//${host}`)?.host;
}

function isHttpOf(origin: string, host: string): boolean {
  const start = origin.length - host.length;
  return (
    origin.endsWith(host) &&
    (start === 7 ? origin.startsWith("http://") : start === 8 && origin.startsWith("https://"))
  );
}

function normalize(origin: string): string {
  const url = parse(origin);
  // "null" (a sandboxed frame, a file) and schemes without a host stay as they are: listed literally or refused.
  return url === undefined || url.host === "" ? origin.toLowerCase() : `${url.protocol}//${url.host}`;
}

function parse(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}
