/**
 * The authorizer seam over HTTP: each question is a POST to a URL of the application's.
 *
 * The body is one JSON object, `type` and what core asks with; `hook-answer.ts` says what counts as an
 * answer. An identity is told in the claims of a token, and read by the same rules. Invariant: whatever goes
 * wrong is "unanswered", and is logged in one line now and then, never with what a client sent.
 */
import {
  ANONYMOUS,
  type Authorizer,
  beginSpan,
  type ChannelQuestion,
  type Clock,
  type ConnectConsent,
  type ConnectQuestion,
  type Consent,
  type Logger,
  type Metrics,
  type PublishQuestion,
  type Tracing,
} from "@holdfast/core";
import { toBase64 } from "@holdfast/protocol";
import { limitKey } from "../../admission/client-address.js";
import { addressOf } from "../http/forwarded-headers.js";
import { proofOf } from "../tokens/token-claims.js";
import { type HookAnswer, readAnswer } from "./hook-answer.js";
import { HookClient, type HookClientOptions } from "./hook-client.js";

export interface WebhookOptions extends HookClientOptions {
  /** Where the application is asked; what has no URL is not asked. */
  readonly urls: Readonly<Partial<Record<QuestionType, string>>>;
  /** Request headers that it is shown when it is asked who connects, in lower case. */
  readonly headers: readonly string[];
}

export type QuestionType = "connect" | "subscribe" | "publish";

export interface WebhookParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Undefined: there are no spans. */
  readonly tracing?: Tracing | undefined;
}

/** An identity that names no end is good for so long, s. */
const DEFAULT_LIFETIME_S = 24 * 60 * 60;
const LOG_INTERVAL_MS = 10_000;

export class Webhooks implements Authorizer {
  readonly connect: Authorizer["connect"];
  readonly subscribe: Authorizer["subscribe"];
  readonly publish: Authorizer["publish"];
  readonly #client: HookClient;
  readonly #parts: WebhookParts;
  #loggedAt = Number.NEGATIVE_INFINITY;
  #unlogged = 0;

  /** The URLs were checked with the settings. */
  constructor({ urls, ...options }: Omit<WebhookOptions, "headers">, parts: WebhookParts) {
    this.#client = new HookClient(options, parts.clock);
    this.#parts = parts;
    const { connect, subscribe, publish } = urls;
    this.connect = connect === undefined ? undefined : this.#connectAt(new URL(connect));
    this.subscribe = subscribe === undefined ? undefined : this.#subscribeAt(new URL(subscribe));
    this.publish = publish === undefined ? undefined : this.#publishAt(new URL(publish));
  }

  close(): void {
    this.#client.close();
  }

  #connectAt(url: URL): (question: ConnectQuestion) => Promise<ConnectConsent> {
    return async (question) => {
      const address = addressOf(question.headers);
      const from = address === undefined ? question.session : limitKey(address);
      const answer = await this.#ask(url, JSON.stringify({ type: "connect", ...question }), from);
      if (answer.kind === "no") return answer;
      if (answer.kind === "none") return this.#unanswered("connect", answer.problem);
      return this.#admission(answer.fields, answer.text);
    };
  }

  #subscribeAt(url: URL): (question: ChannelQuestion) => Promise<Consent> {
    return async (question) =>
      this.#consent("subscribe", url, JSON.stringify({ type: "subscribe", ...question }), question.session);
  }

  /** JSON data is JSON already; bytes are base64 with a mark, as in the protocol. */
  #publishAt(url: URL): (question: PublishQuestion) => Promise<Consent> {
    return async ({ data, traceparent, ...question }) => {
      const head = JSON.stringify({ type: "publish", ...question });
      const said = typeof data === "string" ? `"data":${data}` : `"data":"${toBase64(data)}","bytes":true`;
      return this.#consent("publish", url, `${head.slice(0, -1)},${said}}`, question.session, traceparent);
    };
  }

  async #consent(
    type: QuestionType,
    url: URL,
    body: string,
    from: string,
    traceparent?: string,
  ): Promise<Consent> {
    const answer = await this.#askTraced(type, url, body, from, traceparent);
    if (answer.kind === "none") return this.#unanswered(type, answer.problem);
    return answer.kind === "no" ? answer : { kind: "yes" };
  }

  /** As `#ask`, within a span where the trace is recorded. */
  async #askTraced(
    type: QuestionType,
    url: URL,
    body: string,
    from: string,
    traceparent: string | undefined,
  ): Promise<HookAnswer> {
    const span = beginSpan(this.#parts.tracing, "webhook", traceparent, { type, host: url.host });
    const answer = await this.#ask(url, body, from, span?.traceparent ?? traceparent);
    if (span !== undefined)
      span.end({ answer: answer.kind }, answer.kind === "none" ? answer.problem : undefined);
    return answer;
  }

  /**
   * `from`: whose place in the queue it takes: its client's address, or its session where that is not known.
   * `traceparent`: a header of the request, where it is given.
   */
  async #ask(url: URL, body: string, from: string | undefined, traceparent?: string): Promise<HookAnswer> {
    const { clock, metrics } = this.#parts;
    const started = clock.monotonic();
    const reply = await this.#client.ask(url, body, from, traceparent);
    metrics.observe("webhook_seconds", (clock.monotonic() - started) / 1000);
    return "problem" in reply ? { kind: "none", problem: reply.problem } : readAnswer(reply.body);
  }

  /** An anonymous client has no `sub`. */
  #admission(fields: Readonly<Record<string, unknown>>, text: string): ConnectConsent {
    if (fields.sub === undefined) return { kind: "yes", identity: ANONYMOUS };
    const now = this.#parts.clock.now();
    // Said just now: what was revoked before, by more than clocks may be apart, does not concern it.
    const said = { iat: now / 1000, exp: Math.floor(now / 1000) + DEFAULT_LIFETIME_S };
    const claims = { ...said, ...fields };
    // An application whose clock is ahead says it now, too.
    if (typeof claims.iat === "number") claims.iat = Math.min(claims.iat, said.iat);
    const proof = proofOf(claims, text, now, 0);
    if (proof.kind === "identity") return { kind: "yes", identity: proof.identity };
    const problem = proof.kind === "refused" ? proof.error.message : "It names a `channel`.";
    return this.#unanswered("connect", `an identity that is none (${problem})`);
  }

  #unanswered(type: QuestionType, problem: string): { readonly kind: "unanswered" } {
    const { clock, logger } = this.#parts;
    this.#unlogged++;
    const now = clock.monotonic();
    if (now - this.#loggedAt >= LOG_INTERVAL_MS) {
      logger.warn({ type, problem, unanswered: this.#unlogged }, "a webhook gave no answer");
      this.#loggedAt = now;
      this.#unlogged = 0;
    }
    return { kind: "unanswered" };
  }
}
