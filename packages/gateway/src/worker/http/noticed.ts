/**
 * Noticed: requests that are refused for what an operator or a developer can mend, where the page that asked
 * cannot see why.
 *
 * A browser shows a page nothing of a refused WebSocket but that it failed. So the log has a line for each
 * origin, path and reason, rarely (`SparseLog`). Invariant: nothing of a query is logged, and of the rest a
 * bounded piece.
 */
import type { Incidents, SparseLog } from "@holdfast/core";
import type { OriginCheck } from "../../http/origin.js";

/** Told of a path that is not served, or of a parameter that is not read, with the sentence of the answer. */
export type Notice = (path: string, message: string) => void;

const MAX_LOGGED = 200;

/** The same check, which logs the origins that it refuses with the flag that would let them in. */
export function loggedCheck(
  check: OriginCheck,
  log: SparseLog,
  incidents: Incidents,
  origins: readonly string[] = [],
): OriginCheck {
  return (origin, host, site) => {
    if (check(origin, host, site)) return true;
    const page = cut(origin ?? `none, from a page that is ${site}`);
    const add =
      origin === undefined ? {} : { add: `--origins ${[...origins, page].join(",").slice(-1_000)}` };
    incidents.note({ kind: "turned-away", code: "origin", message: page });
    log.warn("origin", page, { origin: page, host: cut(host ?? ""), ...add }, "refused a page by its origin");
    return false;
  };
}

export function noticeIn(log: SparseLog, incidents: Incidents): Notice {
  return (path, message) => {
    incidents.note({ kind: "turned-away", code: "request", message: `${cut(path)}: ${message}` });
    log.info("request", message, { path: cut(path), hint: message }, "refused a request");
  };
}

function cut(text: string): string {
  return text.length > MAX_LOGGED ? `${text.slice(0, MAX_LOGGED)}…` : text;
}
