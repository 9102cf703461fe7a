/**
 * Origins: which pages may open a WebSocket here.
 *
 * Browsers send `Origin` and let any page connect anywhere, so this list is what keeps a foreign page from
 * acting with a visitor's network position. Browsers leave `Origin` out of some requests of the method GET:
 * those are told by `Sec-Fetch-Site`. Any other request without the header does not come from a page and is
 * let through.
 *
 * A page whose name an attacker's DNS leads to this machine has an origin that equals the host it asked for.
 * Where being on this machine is all that a client has to prove (`onlyLocal`), the host must therefore be one
 * that no DNS answers for.
 *
 * A page of this machine, such as that of a development server, may ask a gateway on loopback for a loopback
 * host, whatever the ports of both (`localPages`): its origin is no name that DNS answers for, either.
 */
import { isIP } from "node:net";
import { isLoopback } from "../runtime/loopback.js";

/**
 * Whether a page of `origin` may connect to the `host` it asked for. `site`: the `Sec-Fetch-Site` of a
 * request that pages make without an origin, "" where it has none; undefined for any other request.
 */
export type OriginCheck = (
  origin: string | undefined,
  host: string | undefined,
  site?: string | undefined,
) => boolean;

/**
 * `origins` as in the options: undefined = the page's own host, `*` = all, `https://*.example.com` = all
 * names below.
 */
export function originCheck(
  origins: readonly string[] | undefined,
  onlyLocal = false,
  localPages = false,
): OriginCheck {
  if (origins === undefined) {
    const isNear = onlyLocal ? isLocalName : () => true;
    return (origin, host, site) => {
      if (origin !== undefined)
        return (isOwnHost(origin, host) && isNear(host)) || (localPages && isLocalPage(origin, host));
      return site === undefined || (!isForeign(site) && isNear(host));
    };
  }
  if (origins.includes("*")) return () => true;
  const allowed = new Set(origins.map(normalize));
  const wildcards = origins.flatMap((each) => wildcardOf(each) ?? []);
  const isAllowed = (origin: string): boolean =>
    allowed.has(normalize(origin)) || wildcards.some((wildcard) => isBelow(origin, wildcard));
  return (origin, _host, site) =>
    origin === undefined ? site === undefined || !isForeign(site) : isAllowed(origin);
}

/** All names below one, with one scheme and one port. */
interface Wildcard {
  readonly protocol: string;
  /** With its first dot, and with the port where that is not the scheme's own: `.example.com:8443`. */
  readonly suffix: string;
}

const WILDCARD = "://*.";

function wildcardOf(text: string): Wildcard | undefined {
  const page = text.includes(WILDCARD) ? parse(text.replace(WILDCARD, "://")) : undefined;
  return page && { protocol: page.protocol, suffix: `.${page.host}` };
}

/** The dot belongs to what has to match: `evil-example.com` ends with `example.com`, too. */
function isBelow(origin: string, { protocol, suffix }: Wildcard): boolean {
  const page = parse(origin);
  return page?.protocol === protocol && page.host.length > suffix.length && page.host.endsWith(suffix);
}

/** A page of this machine that asks for a name of this machine. */
function isLocalPage(origin: string, host: string | undefined): boolean {
  const page = parse(origin);
  return (
    (page?.protocol === "http:" || page?.protocol === "https:") &&
    isLoopback(nameOf(page.host)) &&
    isLoopback(nameOf(host))
  );
}

/** Whose name the request does not say. */
function isForeign(site: string): boolean {
  return site === "cross-site" || site === "same-site";
}

/**
 * Loopback, an address, or a name without a dot: none of them is a name that another owner's DNS can lead
 * here.
 */
function isLocalName(host: string | undefined): boolean {
  const name = nameOf(host);
  return isLoopback(name) || isIP(name) !== 0 || !name.includes(".") || name.endsWith(".localhost");
}

/** Without the port, and without the brackets of IPv6. */
function nameOf(host: string | undefined): string {
  return (host ?? "")
    .replace(/:\d*$/, "")
    .replaceAll(/^\[|\]$/g, "")
    .toLowerCase();
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
  // "null" (a sandboxed frame, a file) and schemes without a host stay as they are: listed literally or
  // refused.
  return url === undefined || url.host === "" ? origin.toLowerCase() : `${url.protocol}//${url.host}`;
}

function parse(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}
