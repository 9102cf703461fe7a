/**
 * The headers by which instances know requests and answers that they pass on, and those that stay behind.
 *
 * Pure. Not here: how they are proven (`instance-seal.ts`).
 */
import type { IncomingMessage } from "node:http";
import type { Forwarding } from "./instance-seal.js";

/**
 * Set on what is sent to another instance, which never sends it on. A client that sets it is answered where
 * it is.
 */
export const FORWARDED = "holdfast-forwarded";
/** Set on the answer by an instance that has the cluster's key (`instance-seal.ts`). */
export const ANSWERED = "holdfast-answered";

/** RFC 9110 §7.6.1: about one connection, not about the request. 100-continue has been answered. */
const HOP_BY_HOP = [
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "expect",
  // Said to us.
  ANSWERED,
];

/** The headers of a relayed request whose body has so many bytes. */
export function headersFor(
  { headers }: IncomingMessage,
  bytes: number,
  forwarding: Forwarding | undefined,
): Record<string, string | string[] | undefined> {
  // Kept on the way to a sibling: the owner gives signs of life where another instance waits.
  const kept = withoutHops(headers);
  if (bytes > 0) kept["content-length"] = String(bytes);
  else delete kept["content-length"];
  if (forwarding !== undefined) kept[FORWARDED] = forwarding.header;
  return kept;
}

/** Without those that are about one connection. */
export function withoutHops(headers: IncomingMessage["headers"]): IncomingMessage["headers"] {
  const kept = { ...headers };
  for (const name of HOP_BY_HOP) delete kept[name];
  return kept;
}
