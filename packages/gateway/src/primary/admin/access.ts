/**
 * Access to the admin port. Pure: a request → undefined, or why it is refused.
 *
 * Any peer may ask for health: a probe of a load balancer or an orchestrator has no key.
 * With a key: the bearer must present it, compared in constant time, or a browser the cookie of a session. A
 * browser sends that along whichever page asks, hence a sign that it is the dashboard's own. The key that
 * only reads, and its sessions, change nothing. Without a key the port is on a loopback
 * address, and what must be kept out is a web page in the operator's own browser: it could post across
 * origins, or reach the port under a name it made resolve to 127.0.0.1. Hence a loopback `Host`, and bodies
 * of JSON or of `application/octet-stream`, which browsers do not send across origins unasked.
 */
import type { IncomingHttpHeaders } from "node:http";
import { isLoopback } from "../../runtime/loopback.js";
import { isSame } from "./same-text.js";
import type { AdminRole, AdminSessions } from "./sessions.js";

export interface AdminRefusal {
  readonly status: 401 | 403 | 415;
  readonly message: string;
}

/**
 * What presented itself, as the audit log names it. `sign-in`: nothing but what a sign-in had in its body.
 */
export type PresentedKey = "none" | "adminKey" | "adminReadKey" | "session" | "read session" | "sign-in";

const PROBES: ReadonlySet<string> = new Set(["GET /livez", "GET /readyz"]);
/** They present the key in the body, or end what a key began. */
const SIGNING_IN: ReadonlySet<string> = new Set(["POST /api/login", "POST /api/logout"]);
type KnownSessions = Pick<AdminSessions, "roleOfKey" | "roleOfCookie">;

/** Whether a route may be asked for without a key, and is answered however much else there is to do. */
export function isProbe(route: string): boolean {
  return PROBES.has(route);
}

/** Whether the body of a request is bytes. */
export function isOctets(headers: IncomingHttpHeaders): boolean {
  return /^application\/octet-stream\b/i.test(headers["content-type"] ?? "");
}

/**
 * `route`: method and path, such as `GET /metrics`. Without `sessions` there is one key and no session.
 * `takesBytes`: whether the route has a form whose body is bytes.
 */
export function adminRefusal(
  route: string,
  headers: IncomingHttpHeaders,
  key: string | undefined,
  sessions?: KnownSessions,
  takesBytes = false,
): AdminRefusal | undefined {
  if (PROBES.has(route)) return undefined;
  if (key !== undefined && !SIGNING_IN.has(route)) {
    const refusal = refusalByRole(route, headers, key, sessions);
    if (refusal !== undefined) return refusal;
  }
  if (key === undefined && !isLoopback(hostName(headers.host ?? ""))) {
    return {
      status: 403,
      message: "Without an admin key this port answers to localhost and 127.0.0.1 only.",
    };
  }
  if (!route.startsWith("POST ") || /^application\/json\b/i.test(headers["content-type"] ?? ""))
    return undefined;
  if (takesBytes && isOctets(headers)) return undefined;
  const bytes = takesBytes ? ", or bytes with `Content-Type: application/octet-stream`" : "";
  return { status: 415, message: `Send JSON with \`Content-Type: application/json\`${bytes}.` };
}

/** For the audit log; of requests that were not refused. */
export function presentedKey(
  headers: IncomingHttpHeaders,
  key: string | undefined,
  sessions?: KnownSessions,
): PresentedKey {
  if (key === undefined) return "none";
  const role = presentedRole(headers, key, sessions);
  if (role === undefined) return "sign-in";
  if (headers.authorization !== undefined) return role === "admin" ? "adminKey" : "adminReadKey";
  return role === "admin" ? "session" : "read session";
}

function refusalByRole(
  route: string,
  headers: IncomingHttpHeaders,
  key: string,
  sessions: KnownSessions | undefined,
): AdminRefusal | undefined {
  const role = presentedRole(headers, key, sessions);
  if (role === undefined)
    return { status: 401, message: "Send the admin key as `Authorization: Bearer <key>`." };
  if (headers.authorization === undefined && !isOwnPage(headers))
    return { status: 403, message: "With a session, send a header `X-Holdfast` as well." };
  if (role === "read" && !route.startsWith("GET "))
    return { status: 403, message: "This key only reads: sign in with the admin key." };
  return undefined;
}

/** A key that is wrong is not made good by a session. */
function presentedRole(
  { authorization, cookie }: IncomingHttpHeaders,
  key: string,
  sessions: KnownSessions | undefined,
): AdminRole | undefined {
  if (authorization === undefined) return sessions?.roleOfCookie(cookie);
  const presented = /^Bearer (.+)$/i.exec(authorization)?.[1] ?? "";
  return isSame(presented, key) ? "admin" : sessions?.roleOfKey(presented);
}

/** A page of another origin cannot set either: the first asks before, the second is the browser's word. */
function isOwnPage(headers: IncomingHttpHeaders): boolean {
  return headers["x-holdfast"] !== undefined || headers["sec-fetch-site"] === "same-origin";
}

function hostName(host: string): string {
  return host.startsWith("[") ? host.slice(1, host.indexOf("]")) : host.replace(/:\d+$/, "");
}
