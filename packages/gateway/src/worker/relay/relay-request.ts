/**
 * A relay request: one request on its way to the worker that owns its session, and its answer on the way
 * back.
 *
 *     connecting ──► reached ──first byte of the answer──► answering ──► over
 *          └────────────┴──silence of another instance──► cut
 *
 * Owns the request that goes there. Which there are and what they may keep is `relay-requests.ts`'s.
 * Invariants: until it is answering it has written nothing to its client, so that another answer can be
 * given; it settles once; an answer from another instance counts only with its seal.
 */
import {
  type Agent,
  type ClientRequest,
  type IncomingMessage,
  request,
  type ServerResponse,
} from "node:http";
import { request as requestSecurely } from "node:https";
import type { Socket } from "node:net";
import type { Clock, Timer } from "@holdfast/core";
import type { FarTls } from "./far-tls.js";
import type { Forwarding } from "./instance-seal.js";
import type { RelayTarget } from "./other-instances.js";
import { ANSWERED, headersFor, withoutHops } from "./relay-headers.js";

/** To another machine; one that is gone does not refuse, it says nothing. */
const CONNECT_TIMEOUT_MS = 1_000;

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

/** Where a request goes, and what it may take. */
export interface RelayRoute {
  readonly to: RelayTarget;
  /** What proves it to another instance; undefined within this one. */
  readonly forwarding: Forwarding | undefined;
  /** How long its answer may take to begin, ms. */
  readonly answerTimeoutMs: number;
  /** How long another instance may be silent, ms. */
  readonly signTimeoutMs: number;
}

/** What all relay requests of a worker share. */
export interface RelayHome {
  readonly agent: Agent;
  /** For other instances; undefined: they speak plain HTTP. */
  readonly far: { readonly agent: Agent; readonly tls: FarTls } | undefined;
  readonly clock: Clock;
  /** Told of each answer that begins, with its length. */
  leaving(response: ServerResponse, bytes: number): void;
  /** Another instance has been silent: kept connections to it are worth nothing. */
  silent(to: FarDestination): void;
}

export class RelayRequest {
  readonly #home: RelayHome;
  readonly #route: RelayRoute;
  readonly #response: ServerResponse;
  readonly #settle: (outcome: RelayOutcome) => void;
  readonly #there: ClientRequest;
  readonly #clientGone = (): void => this.#end("gone");
  #state: "connecting" | "reached" | "answering" | "cut" = "connecting";

  /** Leaves at once. `settle` hears what became of it, `closed` when it takes nothing any more. */
  constructor(
    home: RelayHome,
    route: RelayRoute,
    asked: { readonly incoming: IncomingMessage; readonly response: ServerResponse },
    body: Buffer | undefined,
    settle: (outcome: RelayOutcome) => void,
    closed: () => void,
  ) {
    const { to, forwarding, answerTimeoutMs, signTimeoutMs } = route;
    const { incoming, response } = asked;
    this.#home = home;
    this.#route = route;
    this.#response = response;
    this.#settle = settle;
    response.on("close", this.#clientGone);
    const latest = home.clock.monotonic() + answerTimeoutMs;
    const far = to.socketPath === undefined ? home.far : undefined;
    this.#there = (far === undefined ? request : requestSecurely)({
      ...to,
      ...far?.tls.options,
      method: incoming.method,
      path: incoming.url,
      headers: headersFor(incoming, body?.length ?? 0, forwarding),
      agent: (far ?? home).agent,
      timeout: forwarding === undefined ? answerTimeoutMs : Math.min(answerTimeoutMs, signTimeoutMs),
    })
      .on("socket", (socket) => this.#connects(socket))
      .on("response", (answer) => this.#answered(answer))
      .on("information", () => this.#sign(latest))
      .on("timeout", () => this.#timedOut())
      .on("error", ({ code }: NodeJS.ErrnoException) => this.#failed(code))
      .once("close", closed);
    this.#there.end(body);
  }

  #connects(socket: Socket): void {
    if (!socket.connecting) return this.#reached();
    const late = this.#far === undefined ? undefined : this.#connectDeadline();
    socket.once("close", () => late?.cancel());
    socket.once(this.#far !== undefined && this.#home.far !== undefined ? "secureConnect" : "connect", () => {
      this.#reached();
      late?.cancel();
    });
  }

  #reached(): void {
    if (this.#state === "connecting") this.#state = "reached";
  }

  /**
   * A loop that is late itself sees its deadlines before what came in time: what is ready is looked at first.
   */
  #connectDeadline(): Timer {
    const { clock } = this.#home;
    return clock.after(CONNECT_TIMEOUT_MS, () =>
      clock.defer(() => {
        if (this.#state === "connecting") this.#there.destroy(new Error("no connection in time"));
      }),
    );
  }

  #answered(answer: IncomingMessage): void {
    const refusal = REFUSALS.get(answer.statusCode);
    if (refusal !== undefined) {
      answer.resume();
      this.#response.off("close", this.#clientGone);
      return this.#settle(refusal);
    }
    const { forwarding } = this.#route;
    // Whatever listens there is no instance of ours: the session is not there.
    if (forwarding !== undefined && answer.headers[ANSWERED] !== forwarding.answer)
      return this.#end("unreached");
    // Before its first byte has come it may be lost, and another one given.
    const begin = (): void => {
      answer.off("data", begin).off("end", begin);
      this.#state = "answering";
      this.#there.setTimeout(0);
      this.#response.writeHead(answer.statusCode ?? 502, withoutHops(answer.headers));
      this.#home.leaving(this.#response, Number(answer.headers["content-length"] ?? 0));
      this.#settle("answered");
    };
    answer.on("data", begin).on("end", begin);
    answer.on("error", () => {
      if (this.#state === "answering") this.#response.destroy();
      else this.#end("lost");
    });
    answer.pipe(this.#response);
  }

  /** An interim answer: from now on a way that is cut is found out soon. */
  #sign(latest: number): void {
    if (this.#home.clock.monotonic() > latest) return void this.#there.destroy(new Error(LATE));
    this.#there.setTimeout(this.#route.signTimeoutMs);
    if (this.#response.hasHeader(ANSWERED) && !this.#response.headersSent) this.#response.writeProcessing();
  }

  #timedOut(): void {
    const far = this.#far;
    if (far !== undefined) {
      this.#home.silent(far);
      if (this.#state !== "answering") this.#state = "cut";
    }
    this.#there.destroy(new Error(LATE));
  }

  #failed(code: string | undefined): void {
    switch (this.#state) {
      case "answering":
        this.#response.destroy();
        return;
      case "cut":
        return this.#end("cut");
      case "reached":
        return this.#end("lost");
      case "connecting":
        // A Unix socket whose backlog is full does not let connections wait.
        return this.#end(code === "EAGAIN" ? "crowded" : "unreached");
    }
  }

  #end(outcome: Exclude<RelayOutcome, "answered">): void {
    this.#response.off("close", this.#clientGone);
    this.#settle(outcome);
    this.#there.destroy();
  }

  get #far(): FarDestination | undefined {
    const { to } = this.#route;
    return to.socketPath === undefined ? to : undefined;
  }
}

const LATE = "no answer in time";
