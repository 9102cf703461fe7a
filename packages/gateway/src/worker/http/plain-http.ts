/**
 * Plain HTTP on the public port: `/healthz` and the static pages. Everything else is a sentence.
 *
 * A request head and the state in, an answer out. Shows nothing of the inside. A page is compressed when it
 * is first asked for, off the event loop, and given as it is until then. Nearly every worker is asked for
 * no page, and compresses none.
 */
import { createHash } from "node:crypto";
import { elementsOf } from "../../http/field-values.js";
import { errorAnswer, type HttpAnswer, httpError } from "../../http/http-answer.js";
import type { RequestHead } from "../../http/incoming-head.js";
import type { StaticPage } from "../../http/static-page.js";
import { type CodedBody, codedBodies, qualityOf } from "./content-coding.js";
import type { Notice } from "./noticed.js";
import { pathHint } from "./path-hints.js";
import { WEBSOCKET_PATH } from "./upgrade.js";

/** One form of a page: as it is, or compressed. */
interface Form {
  readonly coding: "br" | "gzip" | undefined;
  readonly body: Buffer;
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

/** A page with its forms, the best first and the page as it is last. */
interface Page {
  readonly plain: Buffer;
  readonly formOf: (form: CodedBody) => Form;
  forms: readonly Form[];
  /** Settles when the compressed forms are there; undefined until they were asked for. */
  coding: Promise<void> | undefined;
}

export class PlainHttp {
  readonly #pages = new Map<string, Page>();
  readonly #notice: Notice | undefined;

  constructor(pages: Readonly<Record<string, StaticPage>>, notice?: Notice) {
    this.#notice = notice;
    for (const [path, { contentType, body, anyOrigin = false }] of Object.entries(pages)) {
      const hash = createHash("sha256").update(body).digest("base64url").slice(0, 22);
      const formOf = ({ coding, body: bytes }: CodedBody): Form => {
        // A strong tag names bytes: each form has its own, RFC 9110 §8.8.3.3.
        const etag = coding === undefined ? `"${hash}"` : `"${hash}-${coding}"`;
        const headers = {
          "Content-Type": contentType,
          "Content-Security-Policy": CONTENT_SECURITY_POLICY,
          "Cache-Control": "no-cache",
          "Referrer-Policy": "no-referrer",
          ETag: etag,
          Vary: "Accept-Encoding",
          ...(anyOrigin && { "Access-Control-Allow-Origin": "*" }),
        };
        return {
          coding,
          body: bytes,
          etag,
          headers: coding === undefined ? headers : { ...headers, "Content-Encoding": coding },
        };
      };
      const plain = Buffer.from(body);
      const forms = [formOf({ coding: undefined, body: plain })];
      this.#pages.set(path, { plain, formOf, forms, coding: undefined });
    }
  }

  /**
   * Resolves when the compressed forms of a page are there, and makes them at the first call. A page that
   * cannot be compressed is given as it is.
   */
  async compressed(path: string): Promise<void> {
    const page = this.#pages.get(path);
    if (page === undefined) return;
    page.coding ??= codedBodies(page.plain).then(
      (coded) => {
        page.forms = [...coded.map(page.formOf), ...page.forms];
      },
      () => {},
    );
    await page.coding;
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
    // RFC 9110 §9.3.7: about the server as a whole.
    if (path === "*") return { status: 204, headers: { Allow: "GET, HEAD, POST, OPTIONS" }, body: undefined };
    const known = this.#pages.get(path);
    if (known === undefined && path !== "/healthz") {
      const hint = pathHint(path);
      if (hint !== undefined) this.#notice?.(path, hint);
      const message =
        hint ?? "Nothing is served at this address: WebSockets are at `/ws`, event streams at `/sse`.";
      return errorAnswer(404, httpError(404, message));
    }
    if (method !== "GET" && method !== "HEAD") {
      return errorAnswer(
        405,
        httpError(
          405,
          "Only GET and HEAD are answered here; backends publish at the admin port, `POST /api/publish`.",
        ),
        { Allow: "GET, HEAD" },
      );
    }
    const accepted = head.headers["accept-encoding"];
    if (known !== undefined && accepted !== undefined) void this.compressed(path);
    const page = known && best(known.forms, accepted);
    if (page === undefined) {
      const { status, body } = HEALTH[health];
      return { status, headers: TEXT, body };
    }
    if (names(head.headers["if-none-match"], page.etag)) {
      const { "Content-Type": _type, "Content-Encoding": _coding, ...headers } = page.headers;
      return { status: 304, headers, body: undefined };
    }
    return { status: 200, headers: page.headers, body: page.body };
  }
}

/** The form that the client wants most; of equals the shortest. */
function best(forms: readonly Form[], acceptEncoding: string | string[] | undefined): Form | undefined {
  const wanted = acceptEncoding === undefined ? undefined : String(acceptEncoding);
  let found: Form | undefined;
  let most = 0;
  for (const form of forms) {
    const quality = form.coding === undefined ? Number.MIN_VALUE : qualityOf(wanted, form.coding);
    if (quality <= most) continue;
    most = quality;
    found = form;
  }
  return found;
}

/** RFC 9110 §13.1.2, by weak comparison. */
function names(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  if (ifNoneMatch.trim() === "*") return true;
  return elementsOf(ifNoneMatch).some((entry) => entry.replace(/^W\//, "") === etag);
}
