/**
 * Where to connect: any form of the gateway's URL → the URL of a WebSocket.
 */

/**
 * Accepts ws:, wss:, http: and https: URLs and, where the page gives a base, relative ones such as "/ws". A
 * path that ends with a slash, such as that of "http://host:8080", names the folder of the gateway: its "ws"
 * is meant. Throws a TypeError for anything else. A fragment is dropped, since a WebSocket refuses one.
 */
export function resolveUrl(url: string | { toString(): string }, base = pageUrl()): string {
  let parsed: URL;
  try {
    parsed = new URL(String(url), base);
  } catch {
    throw new TypeError(`Not a URL here: ${url}; a relative one needs a page`);
  }
  parsed.protocol = parsed.protocol.replace(/^http/, "ws");
  if (!/^wss?:$/.test(parsed.protocol)) throw new TypeError(`Not a ws, wss, http or https URL: ${url}`);
  if (parsed.searchParams.has("channels")) {
    throw new TypeError("`?channels=` is for plain clients: use `subscribe`");
  }
  parsed.pathname = parsed.pathname.replace(/\/$/, "/ws");
  parsed.hash = "";
  return parsed.href;
}

/** The URL with `sid`, by which the gateway finds the worker that knows the session. */
export function withSid(url: string, sid: string | undefined): string {
  if (sid === undefined) return url;
  const routed = new URL(url);
  routed.searchParams.set("sid", sid);
  return routed.href;
}

/** Where `path` is, beside the WebSocket's path, with `sid` where there is one. */
export function httpUrl(url: string, path: string, sid: string | undefined): string {
  const beside = new URL(withSid(url, sid));
  beside.protocol = beside.protocol.replace("ws", "http");
  beside.pathname = beside.pathname.replace(/[^/]*$/, path);
  return beside.href;
}

function pageUrl(): string | undefined {
  return (globalThis as { readonly location?: { readonly href: string } }).location?.href;
}
