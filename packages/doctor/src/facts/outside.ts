/**
 * Facts of the way from outside: what a client meets at the public URL.
 *
 * Owns their form. Invariant: each was seen on that way, through all that stands on it.
 */
import type { Fact } from "./fact.js";

export interface TlsFacts {
  /** Undefined where the chain is trusted and the name fits. */
  readonly problem: string | undefined;
  /** Such as `TLSv1.3`. */
  readonly protocol: string;
  readonly daysLeft: number;
}

export interface StreamFacts {
  /** 0 where no head came. */
  readonly status: number;
  readonly contentType: string;
  /** Of `Content-Encoding`; empty without. */
  readonly encoding: string;
  /** From the head to the first bytes of the body; undefined where none came in time. */
  readonly firstBytesMs: number | undefined;
}

/** Whom a gateway took a request for, as it says itself. */
export interface TakenFor {
  /** The other end of the connection that the gateway has. */
  readonly peer: string;
  readonly peerPort: number;
  /** Whom the gateway counts it for; undefined where a PROXY header says so. */
  readonly address: string | undefined;
  /** Whether the peer is trusted to speak for others. */
  readonly isProxy: boolean;
}

/** Whom the gateway took a probe of ours for. */
export interface ProbeFacts extends TakenFor {
  /** Our own end of the probe's connection. */
  readonly from: string;
  readonly fromPort: number;
  /** The address that the probe itself claimed, in X-Forwarded-For. */
  readonly claimed: string;
}

export interface OutsideFacts {
  readonly url: string;
  readonly isSecure: boolean;
  /** Whether the host is this machine. */
  readonly isLocal: boolean;
  readonly addresses: Fact<readonly string[]>;
  readonly tls: Fact<TlsFacts>;
  /** Status of `/healthz`. */
  readonly health: Fact<number>;
  /**
   * The answer to an upgrade: its status, 0 where the connection ended without one, and whether its `Sec-
   * WebSocket-Accept` is right.
   */
  readonly upgrade: Fact<{ readonly status: number; readonly isAccepted: boolean }>;
  /** The subprotocol that was asked for and the one that was chosen; undefined for none. */
  readonly subprotocol: Fact<{ readonly asked: string; readonly chosen: string | undefined }>;
  /** The gateway's ping interval as it said it, or the error that it answered `connect` with. */
  readonly connect: Fact<{ readonly pingMs: number } | { readonly error: string }>;
  /** How long a connection without traffic lived, and whether it ended before its first ping. */
  readonly idle: Fact<SilenceFacts>;
  readonly stream: Fact<StreamFacts>;
  /** Status of an upgrade from a page of an origin that cannot exist. */
  readonly foreignOrigin: Fact<number>;
  /** Paths of the admin port that are answered here. */
  readonly adminPaths: Fact<readonly string[]>;
  /** Status of a request with a long head. */
  readonly longHead: Fact<number>;
  /** What shows that a proxy is on the way; undefined where nothing does. */
  readonly proxy: Fact<string | undefined>;
  /** Whom a probe was taken for, as the admin port says; unknown where that cannot be asked. */
  readonly probe: Fact<ProbeFacts>;
  /** The clock of the other end less ours, ms. */
  readonly clockSkewMs: Fact<number>;
}

/** A silence of a connection: how long it lasted, ms, and whether a ping or the connection's end ended it. */
export interface SilenceFacts {
  readonly pingMs: number;
  readonly livedMs: number;
  readonly isPinged: boolean;
}
