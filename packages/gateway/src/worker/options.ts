/**
 * What a worker is told by the cli's compose.ts.
 *
 * Values arrive checked and complete; nothing here has a default of its own.
 */
import type { Clock, CoreOptions, Logger, Metrics, SubscriptionSharing, Tracing } from "@holdfast/core";
import type { PeerAddressOptions } from "../admission/peer-address.js";
import type { StaticPage } from "../http/static-page.js";
import type { EngineName } from "../runtime/engine-choice.js";
import type { RecentWarnings } from "../runtime/recent-warnings.js";
import type { PollOptions } from "./comet/polls.js";
import type { SessionLimitOptions } from "./comet/session-limits.js";
import type { DirectDoorOptions } from "./direct-door.js";
import type { WorkerBroker } from "./embedded/worker-broker.js";
import type { Compression } from "./http/deflate-offer.js";
import type { UnfinishedLimits } from "./sockets/unfinished-messages.js";
import type { TokenOptions } from "./tokens/token.js";
import type { WebhookOptions } from "./webhook/webhooks.js";

export interface WorkerOptions {
  /**
   * Whether, without `origins`, pages have to ask for a host that no DNS answers for (`worker/origin.ts`).
   */
  readonly onlyLocalHosts: boolean;
  /**
   * Whether, without `origins`, pages of this machine may ask for a loopback host (`worker/origin.ts`).
   * Default false.
   */
  readonly localPages?: boolean | undefined;
  /**
   * The gateway's own secret, the same on all instances; undefined: the broker's alone makes the keys of the
   * cluster.
   */
  readonly secret: string | undefined;
  readonly core: CoreOptions;
  /** What moves the bytes of WebSockets. */
  readonly engine: EngineName;
  /** Origins that browsers may come from; `*` admits all. Undefined: the page's own host only. */
  readonly origins: readonly string[] | undefined;
  /** How tokens are checked; undefined: there are no keys, and tokens prove nothing. */
  readonly tokens: TokenOptions | undefined;
  /** The application that is asked; undefined: none is. */
  readonly webhooks?: WebhookOptions | undefined;
  /** Whether `?token=` in the URL is taken. */
  readonly tokenInUrl: boolean;
  /**
   * Whether WebSockets are compressed: `shared` = permessage-deflate without context, so that a batch is
   * compressed once for all that hear it; `dedicated` = with context, for each by itself, with the engine
   * `ws` alone. Absent = `off`.
   */
  readonly compression?: Compression | undefined;
  /** Time between forced collections, ms; undefined = V8 decides alone. */
  readonly gcIntervalMs: number | undefined;
  /** How long the rest of a request may take once the worker has it, ms. */
  readonly headTimeoutMs: number;
  /** What may be held of messages and bodies that are not complete. */
  readonly unfinished: UnfinishedLimits;
  /** Bytes of one request head. */
  readonly maxHeadBytes: number;
  /** How long a client may take to read an answer, ms; more for long ones. */
  readonly writeTimeoutMs: number;
  /** How long a worker that starts waits for its broker before it serves without it, ms. */
  readonly brokerWaitMs: number;
  /** How often the instance publishes a canary; undefined: never, and none is heard. */
  readonly canary?: { readonly intervalMs: number } | undefined;
  /** Sockets that this worker may hold, of any kind. */
  readonly maxSockets: number;
  /** How long another worker's answer to one of its session's requests may take to begin, ms. */
  readonly answerTimeoutMs: number;
  /** Where other instances reach this one, `host:port`, from its public port; undefined: nowhere. */
  readonly advertise: ((port: number) => string | undefined) | undefined;
  /** Peers that may name the client they speak for, which is counted for a session. */
  readonly clients: PeerAddressOptions;
  /** Limits on sessions that HTTP requests open. */
  readonly sessionLimits: SessionLimitOptions;
  /** How long a poll is held, and a session is kept without one. */
  readonly polls: PollOptions;
  /** Served by path, e.g. "/". */
  readonly pages: Readonly<Record<string, StaticPage>>;
  /** The worker's own front door, where workers listen themselves. */
  readonly direct: DirectDoorOptions | undefined;
  /** Makes the worker's broker. Where there is no such function, or it makes none, the primary has it. */
  readonly broker:
    | ((metrics: Metrics, sharing?: SubscriptionSharing) => WorkerBroker | undefined)
    | undefined;
  /** Whether its subscriptions are shared with the other workers of the instance. Default false. */
  readonly sharesSubscriptions?: boolean | undefined;
  /** Where spans go; undefined: there are none. */
  readonly tracing?: Tracing | undefined;
  readonly logger: Logger;
  /** The last warnings of that logger. */
  readonly warnings: Pick<RecentWarnings, "list">;
  /** Log lines that this process could not write since it started. */
  readonly logLinesLost: () => number;
  /** Lines that were left out so far, as there were too many of their message. */
  readonly logLinesLimited: () => number;
  readonly clock: Clock;
}
