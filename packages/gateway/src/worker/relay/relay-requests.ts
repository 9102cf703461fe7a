/**
 * Hops: requests on their way to the worker that owns their session, on this machine or another, and the
 * answers back.
 *
 * Each holds a connection for as long as its answer takes, which for a held poll is half a minute: there is a
 * limit to how many there are and to what they keep of bodies, and a request beyond it is answered here. A
 * client that is gone ends its relayed request at once, so that the owner stops holding. Invariants: what is
 * not "answered" has written nothing, so that another answer can be given; an answer from another instance
 * counts only with its seal; an answer that has begun is streamed at the client's pace, within a deadline by
 * its length.
 */
import {
  Agent,
  type ClientRequest,
  type ClientRequestArgs,
  type IncomingMessage,
  request,
  type ServerResponse,
} from "node:http";
import type { Clock, Timer } from "@holdfast/core";
import type { Forwarding } from "./instance-seal.js";
import type { RelayTarget } from "./other-instances.js";

/**
 * Set on what is sent to another instance, which never sends it on. A client that sets it is answered where
 * it is.
 */
export const FORWARDED = "holdfast-forwarded";
/** Set on the answer by an instance that has the cluster's key (`instance-seal.ts`). */
export const ANSWERED = "holdfast-answered";

/** Hops at once: each is some 18 KB of heap, here and at the owner together. */
const MAX_HOPS = 8_192;
/** Bytes of bodies that are kept for a second try, of all relayed requests. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;
/** To another machine; one that is gone does not refuse, it says nothing. */
const CONNECT_TIMEOUT_MS = 1_000;
/**
 * A kept connection without a request, ms: shorter than the other side keeps it, so that nothing is sent into
 * its end.
 */
const IDLE_MS = 30_000;

/** An owner on another machine that holds a request says so with 102 every so often, ms. */
export const SIGN_INTERVAL_MS = 3_000;
/** Silence of another instance after which the way to it counts as cut, ms. */
const SIGN_TIMEOUT_MS = 10_000;

/** RFC 9110 §7.6.1: about one connection, not about the request. 100-continue has been answered. */
const HOP_BY_HOP = [
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "expect",
  // Said to us.
  ANSWERED,
];

/** What is said to requests that have not been carried out. */
const REFUSALS: ReadonlyMap<number | undefined, RelayOutcome> = new Map([
  [421, "unreached"],
  [503, "refused"],
]);

/** A destination that is another instance's. */
export type FarDestination = Extract<RelayTarget, { readonly host: string }>;

/**
 * - `unreached`: its owner is not there.
 * - `refused`: the owner cannot.
 * - `lost`: the owner may have.
 * - `gone`: the client is.
 * - `cut`: as `lost`, and its instance has been silent for too long.
 * - `crowded`: too many knock at the owner's door in this moment.
 */
export type RelayOutcome = "answered" | "cut" | "unreached" | "crowded" | "refused" | "lost" | "gone";

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
}

/**
 * Connections are kept by the worker that they lead to: another one of its instance would have to relay
 * again.
 */
class ByOwner extends Agent {
  /** Ends the kept connections to this destination: what is sent on them would be waited for in vain. */
  forget(to: FarDestination): void {
    const name = this.getName(to);
    for (const socket of this.freeSockets[name] ?? []) socket.destroy();
  }

  override getName(options?: ClientRequestArgs & { readonly owner?: string }): string {
    return options?.socketPath ?? `${options?.owner}@${options?.host}:${options?.port}`;
  }
}

export class RelayRequests {
  readonly #limits: RelayLimits;
  readonly #clock: Clock;
  readonly #leaving: (response: ServerResponse, bytes: number) => void;
  readonly #agent = new ByOwner({ keepAlive: true, maxFreeSockets: 64, timeout: IDLE_MS });
  #open = 0;
  #bodyBytes = 0;

  /** `leaving` is told of each answer that begins, with its length. */
  constructor(
    limits: RelayLimits,
    clock: Clock,
    leaving: (response: ServerResponse, bytes: number) => void = () => {},
  ) {
    this.#limits = limits;
    this.#clock = clock;
    this.#leaving = leaving;
  }

  /** Hops under way. */
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
    const latest = this.#clock.monotonic() + answerTimeoutMs;
    this.#open++;
    this.#bodyBytes += bytes;
    return new Promise((settle) => {
      const there = request({
        ...to,
        method: incoming.method,
        path: incoming.url,
        headers: headersFor(incoming, bytes, forwarding),
        agent: this.#agent,
        timeout: forwarding === undefined ? answerTimeoutMs : Math.min(answerTimeoutMs, signTimeoutMs),
      });
      let reached = false;
      let answering = false;
      let cut = false;
      const clientGone = (): void => end("gone");
      const end = (outcome: Exclude<RelayOutcome, "answered">): void => {
        response.off("close", clientGone);
        settle(outcome);
        there.destroy();
      };
      response.on("close", clientGone);
      there.on("socket", (socket) => {
        reached = !socket.connecting;
        if (reached) return;
        const late = to.socketPath === undefined ? this.#connectDeadline(there, () => reached) : undefined;
        socket.once("close", () => late?.cancel());
        socket.once("connect", () => {
          reached = true;
          late?.cancel();
        });
      });
      there.on("response", (answer) => {
        const refusal = REFUSALS.get(answer.statusCode);
        if (refusal !== undefined) {
          answer.resume();
          response.off("close", clientGone);
          return settle(refusal);
        }
        // Whatever listens there is no instance of ours: the session is not there.
        if (forwarding !== undefined && answer.headers[ANSWERED] !== forwarding.answer)
          return end("unreached");
        // Before its first byte has come it may be lost, and another one given.
        const begin = (): void => {
          answer.off("data", begin).off("end", begin);
          answering = true;
          there.setTimeout(0);
          response.writeHead(answer.statusCode ?? 502, withoutHops(answer.headers));
          this.#leaving(response, Number(answer.headers["content-length"] ?? 0));
          settle("answered");
        };
        answer.on("data", begin).on("end", begin);
        answer.on("error", () => {
          if (answering) response.destroy();
          else end("lost");
        });
        answer.pipe(response);
      });
      // Interim answers: from now on a way that is cut is found out soon.
      there.on("information", () => {
        if (this.#clock.monotonic() > latest) return void there.destroy(new Error("no answer in time"));
        there.setTimeout(signTimeoutMs);
        if (response.hasHeader(ANSWERED) && !response.headersSent) response.writeProcessing();
      });
      there.on("timeout", () => {
        if (to.socketPath === undefined) this.#agent.forget(to);
        cut = true;
        there.destroy(new Error("no answer in time"));
      });
      there.on("error", ({ code }: NodeJS.ErrnoException) => {
        if (answering) response.destroy();
        else if (cut && to.socketPath === undefined) end("cut");
        else if (reached) end("lost");
        // A Unix socket whose backlog is full does not let connections wait.
        else end(code === "EAGAIN" ? "crowded" : "unreached");
      });
      there.once("close", () => {
        this.#open--;
        this.#bodyBytes -= bytes;
      });
      there.end(body);
    });
  }

  /**
   * A loop that is late itself sees its deadlines before what came in time: what is ready is looked at first.
   */
  #connectDeadline(there: ClientRequest, isReached: () => boolean): Timer {
    return this.#clock.after(CONNECT_TIMEOUT_MS, () =>
      this.#clock.defer(() => {
        if (!isReached()) there.destroy(new Error("no connection in time"));
      }),
    );
  }

  /** Ends what is under way. Idempotent. */
  close(): void {
    this.#agent.destroy();
  }
}

function headersFor(
  { headers }: IncomingMessage,
  bytes: number,
  forwarding: Forwarding | undefined,
): Record<string, string | string[] | undefined> {
  // Kept on the way to a sibling: the owner gives signs of life where another instance waits.
  const kept = withoutHops(headers);
  if (bytes > 0) kept["content-length"] = String(bytes);
  else delete kept["content-length"];
  if (forwarding !== undefined) kept[FORWARDED] = forwarding.header;
  return kept;
}

function withoutHops(headers: IncomingMessage["headers"]): IncomingMessage["headers"] {
  const kept = { ...headers };
  for (const name of HOP_BY_HOP) delete kept[name];
  return kept;
}
