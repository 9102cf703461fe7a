/**
 * The audit log: a line for each request of the admin API that changes something. Which endpoint, of what, by
 * which key and address, and how it ended.
 *
 * Owns what is said, and how loud: actions at `info`, however many; refusals at `warn` and publications at
 * `debug`, through a logger that may leave lines out. What is shown of a body is on a list
 * (`Endpoint.audit`). Invariant: no key and no data of a publication is in a line, and a line is at most a
 * few hundred characters.
 */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { Logger } from "@holdfast/core";
import type { PresentedKey } from "./access.js";
import { type Endpoint, routeOf } from "./endpoint.js";
import type { RequestAudit } from "./server.js";

export interface AuditLoggers {
  /** Gets every action that was carried out. */
  readonly actions: Logger;
  /** Gets the rest; may say the same only so often. */
  readonly others: Logger;
}

/** Characters of one value. Names of channels and users are shorter. */
const MAX_SHOWN = 256;

type Outcome = "done" | "refused" | "failed" | "unanswered";

export class AdminAudit implements RequestAudit {
  readonly #audited: ReadonlyMap<string, Exclude<Endpoint["audit"], undefined>>;
  readonly #loggers: AuditLoggers;
  readonly #keyOf: (headers: IncomingHttpHeaders) => PresentedKey;

  /** `keyOf`: which key a request presents. */
  constructor(
    endpoints: readonly Endpoint[],
    loggers: AuditLoggers,
    keyOf: (headers: IncomingHttpHeaders) => PresentedKey,
  ) {
    const rows = endpoints.flatMap((each) =>
      each.audit === undefined ? [] : [[routeOf(each), each.audit] as const],
    );
    this.#audited = new Map(rows);
    this.#loggers = loggers;
    this.#keyOf = keyOf;
  }

  /**
   * To be called when a request's head has been read. Its line is written when its answer has been sent, or
   * the peer has left. What it returns is told the body, where that is JSON.
   */
  begin(route: string, request: IncomingMessage, response: ServerResponse): (body: unknown) => void {
    const row = this.#audited.get(route);
    if (row === undefined) return () => {};
    // Read now: a socket that has ended has no address.
    const address = request.socket.remoteAddress;
    let shown: object = {};
    response.once("close", () => {
      const status = response.headersSent ? response.statusCode : undefined;
      const outcome = outcomeOf(status);
      // A body that was refused may hold anything anywhere.
      const fields = outcome === "refused" ? {} : shown;
      const key = status === 401 ? "wrong" : this.#keyOf(request.headers);
      this.#say(row.of, outcome, { audit: true, action: route, ...fields, key, address, outcome, status });
    });
    return (body) => {
      shown = shownOf(body, row.shows);
    };
  }

  #say(of: "action" | "publication", outcome: Outcome, fields: object): void {
    const { actions, others } = this.#loggers;
    if (outcome === "refused") others.warn(fields, "an admin request was refused");
    else if (of === "publication") others.debug(fields, "published by the admin API");
    else actions.info(fields, "admin action");
  }
}

function outcomeOf(status: number | undefined): Outcome {
  if (status === undefined) return "unanswered";
  if (status < 400) return "done";
  return status < 500 ? "refused" : "failed";
}

/** Of the fields on the list those that are plain; of a list its length. */
function shownOf(body: unknown, shows: readonly string[]): object {
  if (typeof body !== "object" || body === null) return {};
  const shown = shows.flatMap((name) => {
    const value: unknown = Object.hasOwn(body, name) ? (body as Record<string, unknown>)[name] : undefined;
    if (typeof value === "string") return [[name, value.slice(0, MAX_SHOWN)]];
    if (typeof value === "number" || typeof value === "boolean") return [[name, value]];
    return Array.isArray(value) ? [[name, value.length]] : [];
  });
  return { of: Object.fromEntries(shown) as object };
}
