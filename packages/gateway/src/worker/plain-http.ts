/**
 * Plain HTTP on the public port: `/healthz` and the static pages. Everything else is a sentence.
 *
 * Pure: a request head and the state in, an answer out. Shows nothing of the inside.
 */
import { createHash } from "node:crypto";
import type { StaticPage } from "../options.js";
import { errorAnswer, type HttpAnswer, httpError } from "./http-answer.js";
import type { Notice } from "./noticed.js";
import { pathHint } from "./path-hints.js";
import { type RequestHead, WEBSOCKET_PATH } from "./upgrade.js";

interface Page {
  readonly body: string | Buffer;
  readonly headers: Readonly<Record<string, string>>;
  readonly etag: string;
}

/** Own scripts and own styles only; the page may open WebSockets to its own host. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const TEXT = Object.freeze({ "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store" });

/** What the instance is to load balancers: well, going away, or not accepting connections. */
export type Health = "ok" | "leaving" | "shut";

const HEALTH = Object.freeze({
  ok: { status: 200, body: "ok" },
  leaving: { status: 503, body: "draining" },
  shut: { status: 503, body: "no connection is accepted" },
}) satisfies Readonly<Record<Health, { status: number; body: string }>>;

export class PlainHttp {
  readonly #pages = new Map<string, Page>();
  readonly #notice: Notice | undefined;

  constructor(pages: Readonly<Record<string, StaticPage>>, notice?: Notice) {
    this.#notice = notice;
    for (const [path, { contentType, body }] of Object.entries(pages)) {
      const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
      const headers = {
        "Content-Type": contentType,
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "Cache-Control": "no-cache",
        "Referrer-Policy": "no-referrer",
        ETag: etag,
      };
      this.#pages.set(path, { body, headers, etag });
    }
  }

  /** `health`: what a load balancer that asks is told. */
  answer(head: RequestHead, health: Health): HttpAnswer {
    const { method = "", url = "" } = head;
    const question = url.indexOf("?");
    const path = question === -1 ? url : url.slice(0, question);
    if (path === WEBSOCKET_PATH) {
      const message = "This address speaks WebSocket; connect with `ws://` or `wss://`.";
      return errorAnswer(426, httpError(426, message), { Upgrade: "websocket" });
    }
    const page = this.#pages.get(path);
    if (page === undefined && path !== "/healthz") {
      const hint = pathHint(path);
      if (hint !== undefined) this.#notice?.(path, hint);
      const message =
        hint ?? "Nothing is served at this address: WebSockets are at `/ws`, event streams at `/sse`.";
      return errorAnswer(404, httpError(404, message));
    }
    if (method !== "GET" && method !== "HEAD") {
      return errorAnswer(405, httpError(405, "Only GET and HEAD are answered here."), { Allow: "GET, HEAD" });
    }
    if (page === undefined) {
      const { status, body } = HEALTH[health];
      return { status, headers: TEXT, body };
    }
    if (names(head.headers["if-none-match"], page.etag)) {
      return { status: 304, headers: page.headers, body: "" };
    }
    return { status: 200, headers: page.headers, body: page.body };
  }
}

/** RFC 9110 §13.1.2, by weak comparison. */
function names(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  if (ifNoneMatch.trim() === "*") return true;
  return ifNoneMatch.split(",").some((entry) => entry.trim().replace(/^W\//, "") === etag);
}
