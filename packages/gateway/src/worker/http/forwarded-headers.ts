/**
 * The headers of a request that the application is shown when it is asked who connects.
 *
 * They wait with the connection until it connects, so they are bounded, and copied: a piece of the request's
 * head would keep all of it.
 */
import type { IncomingHttpHeaders } from "node:http";
import type { ForwardedHeaders } from "@holdfast/core";

/** Characters of their values together: a connection holds them until it has connected. */
export const MAX_FORWARDED = 8192;

/** Where the address of the client stands that they are of: a symbol is not told to the application. */
const ASKED_FROM: unique symbol = Symbol("address");

const NONE: ForwardedHeaders = Object.freeze({});

/**
 * Those of `names`, in lower case, that the request has; undefined when they are larger than `MAX_FORWARDED`.
 */
export function forwardedHeaders(
  headers: IncomingHttpHeaders,
  names: readonly string[],
): ForwardedHeaders | undefined {
  const found: [string, string][] = [];
  let characters = 0;
  for (const name of names) {
    const value = headers[name];
    if (value === undefined) continue;
    const text = typeof value === "string" ? value : value.join(", ");
    characters += text.length;
    if (characters > MAX_FORWARDED) return undefined;
    found.push([name, Buffer.from(text, "latin1").toString("latin1")]);
  }
  return found.length === 0 ? NONE : Object.fromEntries(found);
}

/** The same headers, of a client at `address`. */
export function withAddress(headers: ForwardedHeaders, address: string | undefined): ForwardedHeaders {
  return address === undefined ? headers : { ...headers, [ASKED_FROM]: address };
}

/** The address of the client that they are of; undefined where it is not known. */
export function addressOf(headers: ForwardedHeaders): string | undefined {
  return (headers as { readonly [ASKED_FROM]?: string })[ASKED_FROM];
}
