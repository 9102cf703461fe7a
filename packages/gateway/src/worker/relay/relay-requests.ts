/**
 * The relay requests of a worker (`relay-request.ts`): how many there may be, and the connections that they
 * share.
 *
 * Each holds a connection for as long as its answer takes, which for a held poll is half a minute: there is a
 * limit to how many there are and to what they keep of bodies, and a request beyond it is answered here. A
 * client that is gone ends its relayed request at once, so that the owner stops holding. Invariants: one that
 * is over is no longer counted, nor is its body; an answer that has begun is streamed at the client's pace,
 * within a deadline by its length.
 */
import { Agent, type ClientRequestArgs, type IncomingMessage, type ServerResponse } from "node:http";
import { Agent as SecureAgent } from "node:https";
import type { Clock } from "@holdfast/core";
import type { FarTls } from "./far-tls.js";
import type { Forwarding } from "./instance-seal.js";
import type { RelayTarget } from "./other-instances.js";
import { type FarDestination, type RelayHome, type RelayOutcome, RelayRequest } from "./relay-request.js";

/** Hops at once: each is some 18 KB of heap, here and at the owner together. */
const MAX_HOPS = 8_192;
/** Bytes of bodies that are kept for a second try, of all relayed requests. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;
/**
 * A kept connection without a request, ms: shorter than the other side keeps it, so that nothing is sent into
 * its end.
 */
const IDLE_MS = 30_000;
const KEEPING = Object.freeze({ keepAlive: true, maxFreeSockets: 64, timeout: IDLE_MS });

/** An owner on another machine that holds a request says so with 102 every so often, ms. */
export const SIGN_INTERVAL_MS = 3_000;
/** Silence of another instance after which the way to it counts as cut, ms. */
const SIGN_TIMEOUT_MS = 10_000;

export interface RelayLimits {
  /** Whether a connection more can be afforded. */
  readonly mayConnect: () => boolean;
  /** How long the answer to one may take to begin, ms: longer than polls are held. */
  readonly answerTimeoutMs: number;
  /**
   * How long another instance may be silent, ms. It answers at once, or says that it holds the request.
   * Default 10 s.
   */
  readonly signTimeoutMs?: number;
  /** Undefined: other instances speak plain HTTP, as we do. */
  readonly farTls?: FarTls | undefined;
}

/** What connections are kept by. */
interface Destination {
  readonly owner?: string;
  readonly host?: string | null | undefined;
  readonly port?: number | string | null | undefined;
  readonly socketPath?: string | null | undefined;
}

function nameOf({ socketPath, owner, host, port }: Destination): string {
  return socketPath ?? `${owner}@${host}:${port}`;
}

/**
 * Connections are kept by the worker that they lead to: another one of its instance would have to relay
 * again.
 */
class ByOwner extends Agent {
  override getName(options: ClientRequestArgs & Destination = {}): string {
    return nameOf(options);
  }
}

class ByFarOwner extends SecureAgent {
  override getName(options: ClientRequestArgs & Destination = {}): string {
    return nameOf(options);
  }
}

export class RelayRequests implements RelayHome {
  readonly #limits: RelayLimits;
  readonly clock: Clock;
  readonly leaving: RelayHome["leaving"];
  readonly agent = new ByOwner(KEEPING);
  readonly far: RelayHome["far"];
  #open = 0;
  #bodyBytes = 0;

  /** `leaving` is told of each answer that begins, with its length. */
  constructor(limits: RelayLimits, clock: Clock, leaving: RelayHome["leaving"] = () => {}) {
    this.#limits = limits;
    this.clock = clock;
    this.leaving = leaving;
    const { farTls } = limits;
    this.far = farTls && { agent: new ByFarOwner(KEEPING), tls: farTls };
  }

  /** Those under way. */
  get open(): number {
    return this.#open;
  }

  /** Whether there is room for one more with a body of so many bytes. */
  hasRoom(bodyBytes: number): boolean {
    return (
      this.#open < MAX_HOPS && this.#bodyBytes + bodyBytes <= MAX_BODY_BYTES && this.#limits.mayConnect()
    );
  }

  /** Sends the request there and, unless that comes to nothing, the answer back. Never rejects. */
  go(
    incoming: IncomingMessage,
    response: ServerResponse,
    body: Buffer | undefined,
    to: RelayTarget,
    forwarding?: Forwarding,
  ): Promise<RelayOutcome> {
    const bytes = body?.length ?? 0;
    const { answerTimeoutMs, signTimeoutMs = SIGN_TIMEOUT_MS } = this.#limits;
    this.#open++;
    this.#bodyBytes += bytes;
    const closed = (): void => {
      this.#open--;
      this.#bodyBytes -= bytes;
    };
    const route = { to, forwarding, answerTimeoutMs, signTimeoutMs };
    return new Promise((settle) => {
      new RelayRequest(this, route, { incoming, response }, body, settle, closed);
    });
  }

  /** The kept connections there end: what is sent on them would be waited for in vain. */
  silent(to: FarDestination): void {
    const { freeSockets } = this.far?.agent ?? this.agent;
    for (const socket of freeSockets[nameOf(to)] ?? []) socket.destroy();
  }

  /** Ends what is under way. Idempotent. */
  close(): void {
    this.agent.destroy();
    this.far?.agent.destroy();
  }
}
