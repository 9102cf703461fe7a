/**
 * The admin port of an instance: its API on its server, with what one request and one connection may cost.
 *
 * What can be asked is `api.ts`, how a request travels `server.ts`. Whatever else the admin port serves is
 * joined here. Invariant: what its connections bring is read within the budget of the whole process.
 */
import type { Clock, Logger } from "@holdfast/core";
import { type CutReason, Exchanges } from "../../http/exchanges.js";
import type { ReadBudget } from "../../runtime/read-budget.js";
import type { TlsMaterial } from "../../tls/tls-material.js";
import { presentedKey } from "./access.js";
import { adminApi, adminBytes, ENDPOINTS } from "./api.js";
import { AdminAudit } from "./audit.js";
import type { AdminInstance } from "./endpoint.js";
import type { AdminOptions } from "./options.js";
import { AdminPages } from "./pages.js";
import { AdminServer } from "./server.js";
import { AdminSessions } from "./sessions.js";

export interface AdminPortSetup
  extends Pick<
    AdminInstance,
    "broker" | "revocations" | "presence" | "revocationTtlMs" | "maxPublicationBytes" | "tracing"
  > {
  readonly admin: AdminOptions;
  /** What it shakes hands with; undefined: it speaks plain HTTP. */
  readonly tls?: TlsMaterial | undefined;
  /** How long a client of the port may take to read an answer, ms; more for long ones. */
  readonly writeTimeoutMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Gets the audit log's lines of actions: each of them, whatever limits `logger`. */
  readonly auditLogger: Logger;
}

/** What the endpoints ask of the instance beside its options. */
export type AdminFacts = Omit<
  AdminInstance,
  keyof AdminPortSetup | "now" | "sessions" | "hasKey" | "traceContextDropped"
>;

/** Is told what the port turns away or leaves out. */
export interface AdminPortCounts {
  /** A connection that was cut. */
  adminCut(why: CutReason): void;
  /** A connection or a request that was one too many. */
  adminRefused(): void;
  /** A trace context that is none. */
  traceContextDropped(): void;
}

/** JSON may need six characters for one of the data's. */
const JSON_FACTOR = 6;
/** Bytes of a body beside the data. */
const BODY_FRAME_BYTES = 1024;

/** The server, not listening yet. `facts` are asked when a request needs them. */
export function adminPort(
  options: AdminPortSetup,
  facts: AdminFacts,
  counts: AdminPortCounts,
  budget: ReadBudget,
): AdminServer {
  const { broker, revocations, presence, revocationTtlMs, maxPublicationBytes, tracing, clock } = options;
  const { admin, auditLogger: actions, logger } = options;
  const refused = (): void => counts.adminRefused();
  const sessions = new AdminSessions(admin, clock, refused, options.tls !== undefined);
  const instance = {
    ...facts,
    broker,
    revocations,
    presence,
    revocationTtlMs,
    maxPublicationBytes,
    tracing,
    traceContextDropped: () => counts.traceContextDropped(),
    now: () => clock.now(),
    sessions,
    hasKey: admin.key !== undefined,
  };
  const exchanges = new Exchanges(clock, options.writeTimeoutMs, (why) => counts.adminCut(why), budget);
  const maxBodyBytes = maxPublicationBytes * JSON_FACTOR + BODY_FRAME_BYTES;
  const audit = new AdminAudit(ENDPOINTS, { actions, others: logger }, (headers) =>
    presentedKey(headers, admin.key, sessions),
  );
  const pages = new AdminPages(admin.pages ?? {});
  const extras = { audit, bytes: adminBytes(instance), pages, sessions, tls: options.tls };
  return new AdminServer(admin, adminApi(instance), maxBodyBytes, logger, exchanges, refused, clock, extras);
}
