/**
 * Access to the admin port. Pure: a request → undefined, or why it is refused.
 *
 * Any peer may ask for health: a probe of a load balancer or an orchestrator has no key.
 * With a key: the bearer must present it, compared in constant time. Without one the port is on a loopback
 * address, and what must be kept out is a web page in the operator's own browser: it could post across
 * origins, or reach the port under a name it made resolve to 127.0.0.1. Hence a loopback `Host`, and JSON
 * bodies, which browsers do not send across origins unasked.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { isLoopback } from "../../runtime/loopback.js";

export interface AdminRefusal {
  readonly status: 401 | 403 | 415;
  readonly message: string;
}

const PROBES: ReadonlySet<string> = new Set(["GET /livez", "GET /readyz"]);

/** Whether a route may be asked for without a key, and is answered however much else there is to do. */
export function isProbe(route: string): boolean {
  return PROBES.has(route);
}

/** `route`: method and path, such as `GET /metrics`. */
export function adminRefusal(
  route: string,
  headers: IncomingHttpHeaders,
  key: string | undefined,
): AdminRefusal | undefined {
  if (PROBES.has(route)) return undefined;
  if (key !== undefined && !presents(headers.authorization, key)) {
    return { status: 401, message: "Send the admin key as `Authorization: Bearer <key>`." };
  }
  if (key === undefined && !isLoopback(hostName(headers.host ?? ""))) {
    return {
      status: 403,
      message: "Without an admin key this port answers to localhost and 127.0.0.1 only.",
    };
  }
  if (route.startsWith("POST ") && !/^application\/json\b/i.test(headers["content-type"] ?? "")) {
    return { status: 415, message: "Send JSON with `Content-Type: application/json`." };
  }
  return undefined;
}

function presents(authorization: string | undefined, key: string): boolean {
  const presented = /^Bearer (.+)$/i.exec(authorization ?? "")?.[1] ?? "";
  // Digests have one length, which timingSafeEqual asks for and which hides the key's.
  return timingSafeEqual(digest(presented), digest(key));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

function hostName(host: string): string {
  return host.startsWith("[") ? host.slice(1, host.indexOf("]")) : host.replace(/:\d+$/, "");
}
