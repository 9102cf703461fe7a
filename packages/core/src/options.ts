/**
 * What core can be told, with every default in one place.
 *
 * Values arrive checked (the cli's schema, or the compiler): core only completes them.
 */
import type { AccessMode } from "./access/access.js";
import { PAGE_BYTES } from "./broker/broker.js";
import type { NamespaceOptions } from "./namespace.js";

export interface CoreOptions {
  /**
   * Silence after which a connection is pinged, ms. Default 25_000: under half of an AWS load balancer's idle
   * 60 s.
   */
  readonly pingIntervalMs: number;
  /** Silence after a ping that ends the connection, ms. Default 8_000. */
  readonly pongTimeoutMs: number;
  /** How long a connection may stay without `connect`, ms. Default 10_000. */
  readonly connectTimeoutMs: number;
  /** Bytes of one message from a client. Default 65_536. */
  readonly maxPayload: number;
  /** Bytes that may wait for one connection before it counts as slow. Default 1 MiB. */
  readonly maxOutboxBytes: number;
  /** Frames that may wait for one connection before it counts as slow. Default 8192. */
  readonly maxOutboxMessages: number;
  /** How long the oldest of them may wait, ms. Default 30_000. */
  readonly maxOutboxAgeMs: number;
  /** Channels that one connection may hold. Default 128. */
  readonly maxChannels: number;
  /** Commands a second that one connection may send; twice that at once. Default 100. */
  readonly commandRate: number;
  /** Bytes of one publication, from a client or a backend. Default 1 MiB. */
  readonly maxPublicationBytes: number;
  /**
   * Bytes of publications that one page of a log brings, for whatever it is read; at least one comes. Default
   * 512 KiB.
   */
  readonly maxReadBytes: number;
  /** Bytes a second that one connection may publish; twice that at once. Default 1 MiB. */
  readonly publishBytesPerSecond: number;
  /**
   * Bytes a second that the clients of one worker may publish to one namespace together, where the namespace
   * says nothing; twice that at once. Default 4 MiB.
   */
  readonly namespacePublishBytesPerSecond: number;
  /** How long one stretch of fan-out may hold the event loop, ms. Default 5. */
  readonly fanOutSliceMs: number;
  /**
   * Publications that a channel's history keeps, where its namespace says nothing; 0 = no history. Default 0.
   */
  readonly historySize: number;
  /** For how long a channel's history keeps them, ms. Default 5 min. */
  readonly historyTtlMs: number;
  /**
   * How long a session whose connection was lost keeps its channels on its worker, ms; 0 = not at all.
   * Default 30_000.
   */
  readonly resumeWindowMs: number;
  /** Sessions that may wait so on one worker; beyond it the oldest end early. Default 100_000. */
  readonly maxDetached: number;
  /** How long members of a worker that is gone are kept in presence, ms. Default 15_000. */
  readonly presenceLeaseMs: number;
  /** How long a member whose connection was lost stays present, ms; 0 = not at all. Default 5_000. */
  readonly presenceGraceMs: number;
  /**
   * Sessions in a channel above which joins and leaves are not told, only how many there are. Default 500.
   */
  readonly maxJoinLeave: number;
  /** Publications that one recovery may bring; a client that missed more is told `too_many`. Default 1000. */
  readonly maxRecovered: number;
  /**
   * Characters of recent publications that the worker keeps, so that recovery needs no read. Default 64 Mi.
   */
  readonly maxTailChars: number;
  /** How often a quiet channel's position is compared with the broker's, ms. Default 30_000. */
  readonly positionCheckMs: number;
  /**
   * For how long a revocation holds that does not say so, ms. Default 7 days: tokens have to expire sooner.
   */
  readonly revocationTtlMs: number;
  /**
   * How far clocks of issuers and instances may be apart, ms: a revocation reaches so much further. Default
   * 30_000.
   */
  readonly clockLeewayMs: number;
  /** Whether channels are open to every client, or private unless something allows them. Default `open`. */
  readonly access: AccessMode;
  /** Whether a private gateway takes clients without a token, for what is public. Default false. */
  readonly anonymous: boolean;
  /** How long before a token ends its client is asked for a new one, ms; 0: not at all. Default 30_000. */
  readonly refreshWindowMs: number;
  /**
   * Bytes from which a message of publications is compressed, where its transport can and its namespace says
   * nothing. Default 256: below, a message with its 30 µs of DEFLATE becomes little shorter (ADR 44).
   */
  readonly compressMin: number;
  /**
   * Share of this worker's time that surveys for operators may take: each of an instance's workers has its
   * part of 0.5 % of a core. Default 0.005, for one worker.
   */
  readonly surveyShare: number;
  /** Options per namespace; "" is the namespace of names without a colon. */
  readonly namespaces: Readonly<Record<string, NamespaceOptions>>;
}

export const CORE_DEFAULTS: CoreOptions = Object.freeze({
  pingIntervalMs: 25_000,
  pongTimeoutMs: 8_000,
  connectTimeoutMs: 10_000,
  maxPayload: 64 * 1024,
  maxOutboxBytes: 1024 * 1024,
  maxOutboxMessages: 8192,
  maxOutboxAgeMs: 30_000,
  maxChannels: 128,
  commandRate: 100,
  maxPublicationBytes: 1024 * 1024,
  maxReadBytes: PAGE_BYTES,
  publishBytesPerSecond: 1024 * 1024,
  namespacePublishBytesPerSecond: 4 * 1024 * 1024,
  fanOutSliceMs: 5,
  historySize: 0,
  historyTtlMs: 5 * 60_000,
  resumeWindowMs: 30_000,
  maxDetached: 100_000,
  presenceLeaseMs: 15_000,
  presenceGraceMs: 5_000,
  maxJoinLeave: 500,
  maxRecovered: 1000,
  maxTailChars: 64 * 1024 * 1024,
  positionCheckMs: 30_000,
  revocationTtlMs: 7 * 24 * 60 * 60_000,
  clockLeewayMs: 30_000,
  access: "open",
  anonymous: false,
  refreshWindowMs: 30_000,
  compressMin: 256,
  surveyShare: 0.005,
  namespaces: Object.freeze({}),
});
