/**
 * Session proof: what a connect command presents: the token, and what proves that a session is the client's.
 *
 * Owns the token's renewal. Leaves to the connector when there is a connection. Invariant: a resume token
 * that the server has replaced is not presented again.
 */
import type { ConnectRequest, Resume } from "@holdfast/protocol";
import type { ResolvedOptions } from "../options.js";
import { TokenProvider } from "../token-source.js";
import type { HoldfastError } from "../wire/errors.js";
import { type ConnectReply, readResumeToken } from "../wire/inbound.js";
import type { ServerConnection } from "./link.js";
import { Refresh } from "./refresh.js";

export class SessionProof {
  readonly tokens: TokenProvider;
  readonly refresh: Refresh;
  /** Names the worker to go back to. */
  sid: string | undefined;
  /** The session to go on with, until the client or the server has ended it for good. */
  resume: Resume | undefined;
  readonly #name: string;

  constructor(options: ResolvedOptions, problem: (error: HoldfastError) => void) {
    this.tokens = new TokenProvider(options.getToken);
    this.refresh = new Refresh({ ...options, problem });
    this.#name = options.name;
  }

  /** The body of a connect command. */
  request(token: string | undefined, subs: NonNullable<ConnectRequest["subs"]>): ConnectRequest {
    // What is undefined does not travel.
    return { token, client: this.#name, resume: this.resume, subs } as ConnectRequest;
  }

  /** The server's answer to it. */
  answered({ sid, resumeToken: token }: ConnectReply): void {
    this.sid = sid;
    this.resume = token === undefined ? undefined : { sid, token };
  }

  /** The token of `connection` ends in `deadline` ms. `serves`: whether it is still the one that serves. */
  renew(deadline: unknown, connection: ServerConnection, serves: () => boolean): void {
    this.refresh.start(deadline, this.tokens, (token, settle) =>
      connection.request("refresh", { token }, (outcome) => {
        const resumeToken = outcome.ok ? readResumeToken(outcome.body) : undefined;
        // The one before ends with the token before.
        if (serves() && this.resume !== undefined && resumeToken !== undefined) {
          this.resume = { ...this.resume, token: resumeToken };
          connection.renewed(resumeToken);
        }
        settle(outcome);
      }),
    );
  }
}
