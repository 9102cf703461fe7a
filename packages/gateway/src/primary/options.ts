/**
 * What the primary is told by the cli's compose.ts.
 *
 * Values arrive checked and complete; nothing here has a default of its own.
 */
import type {
  Broker,
  Clock,
  InstanceLoads,
  Logger,
  MemoryBus,
  PresenceStore,
  Retention,
  RevocationStore,
  Tracing,
} from "@holdfast/core";
import type { ConnectionLimitOptions } from "../admission/connection-limits.js";
import type { RecentWarnings } from "../runtime/recent-warnings.js";
import type { TlsPortOptions } from "../tls/certificate-store.js";
import type { AdminOptions } from "./admin/options.js";
import type { SeamOffers } from "./embedded/seam-server.js";
import type { DrainPlan } from "./operations/instance-drain.js";
import type { ShownSetting } from "./operations/shown-setting.js";
import type { RebalanceSettings } from "./rebalance/rebalancer.js";
import type { WorkerProgram } from "./workers/worker-launcher.js";

/** What a reload may change of the primary itself. */
export interface ReloadableSettings
  extends Pick<
    PrimaryOptions,
    "drain" | "rebalance" | "retention" | "hasPresence" | "clockLeewayMs" | "origins" | "settings"
  > {}

/** What a reload may change. */
export interface ReloadOptions extends WorkerProgram, ReloadableSettings {}

/** The settings as they were read again, or what is wrong with them, one sentence each. */
export type ReadAgain =
  | {
      readonly kind: "read";
      readonly options: ReloadOptions;
      /** Whether settings or files of the program are others than at the last reading. Default true. */
      readonly isNew?: boolean;
    }
  | { readonly kind: "refused"; readonly problems: readonly string[] };

export interface PrimaryOptions {
  /** Address of the public port. */
  readonly host: string;
  /** Public ports, all alike: a load balancer reaches about 55,000 connections per target port. */
  readonly ports: readonly number[];
  readonly admin: AdminOptions;
  /** What the public ports are served with; undefined: they speak plain HTTP. */
  readonly tls?: TlsPortOptions | undefined;
  /** The same of the admin port. */
  readonly adminTls?: TlsPortOptions | undefined;
  /** Number of worker processes, 1–256. */
  readonly workers: number;
  /** The program of a worker process, an absolute path; it calls `runWorker`. */
  readonly workerScript: string;
  /** Node flags of a worker process, e.g. its heap limits. */
  readonly workerExecArgv: readonly string[];
  /** Handed to each worker as it is, for its `runWorker`. Must survive JSON. */
  readonly workerConfig: unknown;
  /**
   * The process that accepts connections: this one, which hands over, or each worker on listeners of its own
   * that share the ports.
   */
  readonly accept: "primary" | "reuseport";
  /** The primary's own way to the broker, for the admin API. */
  readonly broker: Broker;
  /** What is revoked in the cluster. */
  readonly revocations: RevocationStore;
  /** Who is in which channel. */
  readonly presence: PresenceStore;
  /** For how long a revocation holds that names no end, ms. */
  readonly revocationTtlMs: number;
  /**
   * The embedded broker's bus, served to the workers over their links; undefined when Redis is the broker.
   */
  readonly bus: MemoryBus | undefined;
  /** What the primary serves to the workers beside that bus; none when Redis is the broker. */
  readonly seams: SeamOffers;
  /** Open connections of the instance, those whose request is being read included; further ones get 503. */
  readonly maxConnections: number;
  /** Length of the kernel's accept queue, bounded by net.core.somaxconn. */
  readonly backlog: number;
  /**
   * Origins whose pages may read why the front door refuses them; `*` is all. Undefined: the page's own host
   * only.
   */
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
  /** The settings as operators see them, without secrets. */
  readonly settings: readonly ShownSetting[];
  /** Reads the settings again. Undefined: they cannot be, and a reload is refused. */
  readonly readAgain?: (() => ReadAgain) | undefined;
  /** How the instance and, without the delay, a worker that a reload replaces go away. */
  readonly drain: DrainPlan;
  /** What the instances of the cluster carry; undefined where there is one instance. */
  readonly loads?: InstanceLoads | undefined;
  /** The name of this instance for operators of the cluster, such as `host:port`. */
  readonly name: string;
  /** How clients are sent to other instances that carry less. */
  readonly rebalance: RebalanceSettings;
  /** Bytes of one publication through the admin API. */
  readonly maxPublicationBytes: number;
  /** Whether a channel has presence. */
  readonly hasPresence: (channel: string) => boolean;
  /** How far the clocks of issuers and of instances may be apart, ms. */
  readonly clockLeewayMs: number;
  /** What the broker keeps of a channel's past; undefined where nothing is kept. */
  readonly retention: (channel: string) => Retention | undefined;
  /** Where spans go; undefined: there are none. */
  readonly tracing?: Tracing | undefined;
  readonly logger: Logger;
  /** Gets the audit log's lines of actions: each of them, whatever limits `logger`. */
  readonly auditLogger: Logger;
  /** The last warnings of that logger. */
  readonly warnings: Pick<RecentWarnings, "list">;
  /** Log lines that this process could not write since it started. */
  readonly logLinesLost: () => number;
  /** Lines that were left out so far, as there were too many of their message. */
  readonly logLinesLimited: () => number;
  readonly clock: Clock;
}
