/**
 * The pages of the admin port: the dashboard's files, which hold no data and need no key.
 *
 * Invariant: a page may load nothing from elsewhere and run nothing inline, and stands in no frame.
 */
import { createHash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { HttpAnswer } from "../../http/http-answer.js";
import type { StaticPage } from "../../http/static-page.js";

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
  "form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

interface Kept {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
}

export class AdminPages {
  /** By route, such as `GET /`. */
  readonly #pages: ReadonlyMap<string, Kept>;

  /** `pages`: by path. */
  constructor(pages: Readonly<Record<string, StaticPage>>) {
    this.#pages = new Map(
      Object.entries(pages).map(([path, page]) => [
        `GET ${path}`,
        { headers: headersOf(page), body: page.body },
      ]),
    );
  }

  /** Undefined where the route is none of a page. */
  answer(route: string, { "if-none-match": known }: IncomingHttpHeaders): HttpAnswer | undefined {
    const page = this.#pages.get(route);
    if (page === undefined) return undefined;
    const { headers, body } = page;
    const isKnown = known?.split(",").some((tag) => tag.trim().replace(/^W\//, "") === headers.ETag);
    return isKnown ? { status: 304, headers, body: undefined } : { status: 200, headers, body };
  }
}

function headersOf({ contentType, body }: StaticPage): Kept["headers"] {
  return {
    "Content-Type": contentType,
    // Asked for again each time: after an upgrade of the gateway the page must be the new one.
    "Cache-Control": "no-cache",
    ETag: `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`,
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
  };
}
