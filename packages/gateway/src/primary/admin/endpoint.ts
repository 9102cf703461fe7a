/**
 * An endpoint of the admin API: a row of the one table that requests are checked by and that the OpenAPI
 * document is made from.
 *
 * Invariant: `handle` sees only what its schemas take.
 */
import {
  type Broker,
  BrokerUnavailable,
  type PresenceStore,
  type Retention,
  type RevocationStore,
  type Tracing,
} from "@holdfast/core";
import { errors } from "@holdfast/protocol";
import type { CheckedClient, DeliveryCheck } from "../operations/delivery-check.js";
import type { Inspection, ProcessWarning } from "../operations/inspection.js";
import type { DrainProgress } from "../operations/instance-drain.js";
import type { Overview } from "../operations/overview.js";
import type { ShownSetting } from "../operations/shown-setting.js";
import type { Rebalancer } from "../rebalance/rebalancer.js";
import type { ReloadProgress } from "../workers/reload.js";
import type { Schema } from "./schema.js";
import { type AdminAnswer, adminError } from "./server.js";
import type { AdminSessions } from "./sessions.js";

/** What became of the wish for a reload. `unavailable`: it has not started, or is going away. */
export type ReloadOutcome =
  | { readonly kind: "begun" | "unavailable" }
  | { readonly kind: "refused"; readonly problems: readonly string[] };

/** What the endpoints ask of the instance. */
export interface AdminInstance {
  readonly broker: Broker;
  readonly revocations: RevocationStore;
  readonly presence: Pick<PresenceStore, "read">;
  /** For how long a revocation holds that names no end, ms. */
  readonly revocationTtlMs: number;
  /** How far the clocks of issuers and of instances may be apart, ms. */
  clockLeewayMs(): number;
  /** Bytes of one publication. */
  readonly maxPublicationBytes: number;
  /** Where spans go; undefined: there are none. */
  readonly tracing?: Tracing | undefined;
  /** A trace context was left out: it is none. */
  traceContextDropped(): void;
  /** ms since 1970. */
  now(): number;
  /** What is kept of a channel's past. */
  retention(channel: string): Retention | undefined;
  hasPresence(channel: string): boolean;
  /** Why the instance should get no traffic, one sentence each; empty when it is ready. */
  notReady(): readonly string[];
  /** Prometheus text of the whole instance. */
  metrics(): Promise<string>;
  /** Begins to drain; says how far it is, or undefined when the instance has not started. */
  drain(): DrainProgress | undefined;
  drainProgress(): DrainProgress;
  /** Reads the settings again and reloads with them. */
  reload(): ReloadOutcome;
  reloadProgress(): ReloadProgress;
  /** Undefined while there is no cluster. */
  readonly rebalancer?: Pick<Rebalancer, "ask" | "report"> | undefined;
  /** Those that run, secrets masked. */
  settings(): readonly ShownSetting[];
  /** What all its workers say together. */
  readonly inspection: Pick<
    Inspection,
    "slowest" | "channels" | "connections" | "atAddress" | "reports" | "incidents" | "seen" | "survey"
  >;
  /** The instance and its workers, for operators who watch. */
  overview(): Promise<Overview>;
  /** Why a client does or does not get a channel's publications. */
  checkDelivery(channel: string, client: CheckedClient): Promise<DeliveryCheck>;
  readonly sessions: Pick<AdminSessions, "signIn">;
  /** Whether requests must present a key. */
  readonly hasKey: boolean;
  /** The last warnings of all processes, the newest first. */
  warnings(limit: number): Promise<readonly ProcessWarning[]>;
}

/** What comes with a status, when it is not a refusal. */
export interface Success {
  readonly status: number;
  readonly description: string;
  /** Undefined: plain text. */
  readonly schema?: Schema<unknown>;
}

interface Row<Body, Query> {
  readonly method: "GET" | "POST";
  readonly path: string;
  /** One line, in the imperative. */
  readonly summary: string;
  readonly description?: string;
  /** Any peer may ask, without the key. */
  readonly open?: boolean;
  readonly body?: Schema<Body>;
  readonly query?: Schema<Query>;
  readonly success: Success;
  /**
   * How the audit log speaks of it (audit.ts); undefined only where nothing is changed. `shows`: fields of
   * the body, never data and no secrets.
   */
  readonly audit?: { readonly of: "action" | "publication"; readonly shows: readonly string[] };
  /** Headers that it reads, and what each says. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Refusals of its own, besides those that any request may get, by status. */
  readonly refusals?: Readonly<Record<number, string>>;
}

/** The form of a request whose body is bytes: what they are for stands in the query. */
export interface BytesForm<Query> {
  readonly query: Schema<Query>;
  handle(instance: AdminInstance, query: Query, body: Uint8Array): AdminAnswer | Promise<AdminAnswer>;
}

export interface Endpoint extends Row<unknown, unknown> {
  /** Beside the one of JSON: a body of `application/octet-stream`. */
  readonly bytes?: BytesForm<unknown>;
  /**
   * `text`: the body as it was sent, in which the data of publications is cut out. `traceparent`: the header,
   * as it came.
   */
  handle(
    instance: AdminInstance,
    body: unknown,
    query: unknown,
    text: string,
    traceparent?: string,
  ): AdminAnswer | Promise<AdminAnswer>;
}

/** A row whose handler sees what its schemas say. */
export function endpoint<Body = undefined, Query = undefined, BytesQuery = undefined>(
  row: Row<Body, Query> & {
    readonly bytes?: BytesForm<BytesQuery>;
    handle(
      instance: AdminInstance,
      body: Body,
      query: Query,
      text: string,
      traceparent?: string,
    ): AdminAnswer | Promise<AdminAnswer>;
  },
): Endpoint {
  return row as unknown as Endpoint;
}

/** `POST /api/publish` */
export function routeOf({ method, path }: Endpoint): string {
  return `${method} ${path}`;
}

/** JSON that is written already. */
export function okJson(text: string): AdminAnswer {
  return { status: 200, body: `${text}\n`, contentType: "application/json" };
}

export function ok(body: unknown): AdminAnswer {
  return { status: 200, body };
}

/** What many endpoints may answer. */
export const UNAVAILABLE = Object.freeze({ 503: "The broker cannot be reached." });

/** Answers 503 where the broker is away. */
export async function orUnavailable(answer: () => Promise<AdminAnswer>): Promise<AdminAnswer> {
  try {
    return await answer();
  } catch (error) {
    if (!(error instanceof BrokerUnavailable)) throw error;
    return adminError(503, errors.unavailable.name, errors.unavailable.message);
  }
}
