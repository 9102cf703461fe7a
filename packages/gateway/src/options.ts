/**
 * What the primary and a worker are told by whoever composes them (the cli's compose.ts).
 *
 * Values arrive checked and complete; nothing here has a default of its own.
 */
import type {
  Broker,
  Clock,
  CoreOptions,
  EventSink,
  Logger,
  MemoryBus,
  Metrics,
  PresenceStore,
  Retention,
  RevocationStore,
  WorkerDirectory,
} from "@holdfast/core";
import type { ConnectionLimitOptions } from "./admission/connection-limits.js";
import type { IntroductionOptions } from "./admission/peer-address.js";
import type { SeamOffers } from "./primary/embedded/seam-server.js";
import type { DrainPlan } from "./primary/operations/instance-drain.js";
import type { PollOptions } from "./worker/comet/polls.js";
import type { SessionLimitOptions } from "./worker/comet/session-limits.js";
import type { DirectDoorOptions } from "./worker/direct-door.js";
import type { UnfinishedLimits } from "./worker/sockets/unfinished-messages.js";
import type { TokenOptions } from "./worker/tokens/token.js";
import type { WebhookOptions } from "./worker/webhook/webhooks.js";

/** Something the public port serves as it is, such as the demo page. */
export interface StaticPage {
  readonly contentType: string;
  readonly body: string | Buffer;
  /** Whether pages of any origin may import it: a script without secrets, such as the SDK. Default: false. */
  readonly anyOrigin?: boolean;
}

export interface AdminOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** What a request must present as `Authorization: Bearer`. Undefined only while `host` is a loopback address. */
  readonly key: string | undefined;
  /** Connections that it holds. */
  readonly maxConnections: number;
}

export interface PrimaryOptions {
  /** Address of the public port. */
  readonly host: string;
  /** Public ports, all alike: a load balancer reaches about 55,000 connections per target port. */
  readonly ports: readonly number[];
  readonly admin: AdminOptions;
  /** Number of worker processes, 1–256. */
  readonly workers: number;
  /** The program of a worker process, an absolute path; it calls `runWorker`. */
  readonly workerScript: string;
  /** Node flags of a worker process, e.g. its heap limits. */
  readonly workerExecArgv: readonly string[];
  /** Handed to each worker as it is, for its `runWorker`. Must survive JSON. */
  readonly workerConfig: unknown;
  /** Who accepts: this process, which hands over, or each worker on listeners of its own that share the ports. */
  readonly accept: "primary" | "reuseport";
  /** The primary's own way to the broker, for the admin API. */
  readonly broker: Broker;
  /** What is revoked in the cluster. */
  readonly revocations: RevocationStore;
  /** Who is in which channel. */
  readonly presence: PresenceStore;
  /** For how long a revocation holds that names no end, ms. */
  readonly revocationTtlMs: number;
  /** The embedded broker's bus, served to the workers over their links; undefined when Redis is the broker. */
  readonly bus: MemoryBus | undefined;
  /** What the primary serves to the workers beside that bus; none when Redis is the broker. */
  readonly seams: SeamOffers;
  /** Open connections of the instance, those whose request is being read included; further ones get 503. */
  readonly maxConnections: number;
  /** Length of the kernel's accept queue, bounded by net.core.somaxconn. */
  readonly backlog: number;
  /** Origins whose pages may read why the front door refuses them; `*` is all. Undefined: the page's own host only. */
  readonly origins: readonly string[] | undefined;
  /** How long a request head may take to arrive, ms. */
  readonly headTimeoutMs: number;
  /** Bytes of one request head. */
  readonly maxHeadBytes: number;
  /** How long a client of the admin port may take to read an answer, ms; more for long ones. */
  readonly writeTimeoutMs: number;
  /** Sockets that may be read or wait for a worker at once; further ones get 503. */
  readonly maxPending: number;
  /** Bytes of the heads of all these; further ones get 503. */
  readonly maxPendingBytes: number;
  /** Limits on opening connections, and per client address. */
  readonly limits: ConnectionLimitOptions;
  /** Whether connections begin with a PROXY protocol header, version 1 or 2. */
  readonly proxyProtocol: boolean;
  /** Addresses and networks that may say for whom they speak, by X-Forwarded-For or a PROXY header. */
  readonly trustedProxies: readonly string[];
  /** How the instance and, without the delay, a worker that a reload replaces go away. */
  readonly drain: DrainPlan;
  /** Bytes of one publication through the admin API. */
  readonly maxPublicationBytes: number;
  /** Whether a channel has presence. */
  readonly hasPresence: (channel: string) => boolean;
  /** How far the clocks of issuers and of instances may be apart, ms. */
  readonly clockLeewayMs: number;
  /** What the broker keeps of a channel's past; undefined where nothing is kept. */
  readonly retention: (channel: string) => Retention | undefined;
  readonly logger: Logger;
  /** Log lines that this process could not write since it started. */
  readonly logLinesLost: () => number;
  readonly clock: Clock;
}

/** Works beside a broker, over its link, from when core has started until the worker drains or ends. */
export interface BrokerService {
  start(): void;
  /** Ends what is under way. Idempotent. */
  close(): Promise<void>;
}

/**
 * The broker, and the seams that live where it lives. With the embedded broker all of them are at the other end of the
 * link (worker/embedded.ts): what is added here is added there.
 */
export interface WorkerBroker {
  readonly broker: Broker;
  readonly revocations: RevocationStore;
  /** The way in for backends that must not lose anything. */
  readonly ingest: BrokerService | undefined;
  /** Who is where. */
  readonly presence?: PresenceStore | undefined;
  /** Which instance each worker of the cluster is of; undefined where there is one instance. */
  readonly directory?: WorkerDirectory | undefined;
  /** Where backends are told what happens; undefined: nobody is. */
  readonly events?: EventSink | undefined;
}

export interface WorkerOptions {
  /** Whether, without `origins`, pages have to ask for a host that no DNS answers for (`worker/origin.ts`). */
  readonly onlyLocalHosts: boolean;
  /** Whether, without `origins`, pages of this machine may ask for a loopback host (`worker/origin.ts`). Default false. */
  readonly localPages?: boolean | undefined;
  /** The gateway's own secret, the same on all instances; undefined: the broker's alone makes the keys of the cluster. */
  readonly secret: string | undefined;
  readonly core: CoreOptions;
  /** Origins that browsers may come from; `*` admits all. Undefined: the page's own host only. */
  readonly origins: readonly string[] | undefined;
  /** How tokens are checked; undefined: there are no keys, and tokens prove nothing. */
  readonly tokens: TokenOptions | undefined;
  /** The application that is asked; undefined: none is. */
  readonly webhooks?: WebhookOptions | undefined;
  /** Whether `?token=` in the URL is taken. */
  readonly tokenInUrl: boolean;
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
  /** Sockets that this worker may hold, of any kind. */
  readonly maxSockets: number;
  /** How long another worker's answer to one of its session's requests may take to begin, ms. */
  readonly answerTimeoutMs: number;
  /** Where other instances reach this one, `host:port`, from its public port; undefined: nowhere. */
  readonly advertise: ((port: number) => string | undefined) | undefined;
  /** Who may say for whom it speaks: whose request it is that opens a session. */
  readonly clients: IntroductionOptions;
  /** Limits on sessions that HTTP requests open. */
  readonly sessionLimits: SessionLimitOptions;
  /** How long a poll is held, and a session is kept without one. */
  readonly polls: PollOptions;
  /** Served by path, e.g. "/". */
  readonly pages: Readonly<Record<string, StaticPage>>;
  /** The worker's own front door, where workers listen themselves. */
  readonly direct: DirectDoorOptions | undefined;
  /** Makes the worker's broker; undefined: the embedded one at the other end of the link. */
  readonly broker: ((metrics: Metrics) => WorkerBroker) | undefined;
  readonly logger: Logger;
  /** Log lines that this process could not write since it started. */
  readonly logLinesLost: () => number;
  readonly clock: Clock;
}
