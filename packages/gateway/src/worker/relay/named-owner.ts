/**
 * Which worker a plain HTTP request is for, read from its request line and nothing else.
 *
 * Pure. What a browser asks first (OPTIONS) any worker answers. An event stream is for no worker in
 * particular: it has a connection of its own, so the worker that it comes to goes on with its session rather
 * than holding a second connection to the one before for hours.
 */
import { type Owner, ownerOf } from "@holdfast/protocol";
import { sessionIdOf } from "../../http/request-head.js";

const STREAM = /^\/sse(?:[?#]|$)/;
const TICKET = /^\/ticket(?:[?#]|$)/;
const POLL = /^\/poll(?:[?#]|$)/;

/** The owner of the session that the query names; undefined where any worker can answer. */
export function namedOwner(method: string, url: string): Owner | undefined {
  if (method === "OPTIONS" || STREAM.test(url) || TICKET.test(url)) return undefined;
  const sid = sessionIdOf(url);
  return sid === undefined ? undefined : ownerOf(sid);
}

/**
 * Whether the request may be carried out once more when it is not known how far it got. A poll may: its
 * cursor says what the client has, and the protocol has clients repeat it. Commands that were sent alone may
 * not: only their client can tell.
 */
export function isRepeatable(method: string, url: string): boolean {
  return method === "GET" || method === "HEAD" || POLL.test(url);
}
