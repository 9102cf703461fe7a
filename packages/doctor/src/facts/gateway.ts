/**
 * Facts of a gateway: its settings, and what a running one says of itself.
 *
 * Owns their form. Durations are in ms, sizes in bytes, as the settings are once read. Invariant: no secret
 * is a fact, only how strong it is.
 */
import type { Fact } from "./fact.js";

export interface SettingsFacts {
  readonly host: string;
  /** Whether other machines reach `host`, and `adminHost`. */
  readonly isPublic: boolean;
  readonly isAdminPublic: boolean;
  readonly port: readonly number[];
  readonly accept: string;
  readonly workers: number;
  readonly maxConnections: number;
  readonly backlog: number;
  readonly anonymous: boolean;
  readonly knowsClients: boolean;
  readonly hasAdminKey: boolean;
  readonly origins: readonly string[] | undefined;
  /** Whether the application is shown cookies when it is asked who connects. */
  readonly showsCookies: boolean;
  readonly tokenInUrl: boolean;
  readonly proxyProtocol: boolean;
  readonly trustedProxies: readonly string[] | undefined;
  readonly hasAddressLimits: boolean;
  readonly pingInterval: number;
  readonly pongTimeout: number;
  readonly pollHold: number;
  readonly drainDelay: number;
  readonly drainWindow: number;
  readonly maxOutboxBytes: number;
  readonly maxPublicationBytes: number;
  readonly logLevel: string;
  readonly hasRedis: boolean;
  /** Secrets by their settings, each with its strength. */
  readonly secrets: readonly { readonly key: string; readonly bits: number; readonly isExample: boolean }[];
  /** Addresses of others that are asked without TLS, by their settings. */
  readonly plainUrls: readonly { readonly key: string; readonly host: string }[];
}

/** What a running gateway says at its admin port. */
export interface RunningFacts {
  readonly url: string;
  /** Why it is not ready, one sentence each; empty where it is. */
  readonly notReady: readonly string[];
  readonly connections: Fact<number>;
  readonly connectionsLimit: Fact<number>;
  readonly workers: Fact<number>;
  readonly workerRestarts: Fact<number>;
}

export interface GatewayFacts {
  readonly settings: Fact<SettingsFacts>;
  /** What is wrong with the settings, one line each. */
  readonly problems: readonly string[];
  /** What a start would warn of, one sentence each. */
  readonly warnings: readonly string[];
  /** The shortest idle timeout in front of the gateway, ms. */
  readonly idleTimeoutMs: number;
  readonly running: Fact<RunningFacts>;
}
