/**
 * Authentication: whether a client may connect, and which identity it gets.
 *
 * A client without a token costs no promise. Everything that a token or a resume token proves passes
 * `refusal` before it is believed, so what was revoked or has expired meanwhile is found in one place.
 * Invariant: in a private gateway no client gets an identity without a proof, unless anonymous clients were
 * let in by a setting.
 */
import { type ErrorCode, errors } from "@holdfast/protocol";
import type { Clock } from "../runtime/clock.js";
import type { Metrics } from "../runtime/metrics.js";
import type { AccessMode } from "./access.js";
import type { Authenticator, Proof } from "./authenticator.js";
import { ANONYMOUS, type Grant, type Identity } from "./identity.js";

/** Why what was proven is not taken all the same, as for a token that was revoked. `user`: whose it is. */
export type Veto = (proven: Identity | Grant, user: string | undefined) => ErrorCode | undefined;

export interface AuthenticationOptions {
  readonly access: AccessMode;
  /** Whether a private gateway takes clients without a token. */
  readonly anonymous: boolean;
}

export interface AuthenticationParts {
  /** Undefined: there are no keys. */
  readonly authenticator: Authenticator | undefined;
  readonly veto: Veto;
  readonly clock: Clock;
  readonly metrics: Metrics;
}

export type Verdict = { readonly identity: Identity } | { readonly error: ErrorCode };

const NOBODY: Verdict = Object.freeze({ identity: ANONYMOUS });
const NO_TOKEN: Verdict = Object.freeze({ error: errors.unauthorized });

export class Authentication {
  readonly #withoutToken: Verdict;
  readonly #parts: AuthenticationParts;

  constructor({ access, anonymous }: AuthenticationOptions, parts: AuthenticationParts) {
    this.#withoutToken = access === "open" || anonymous ? NOBODY : NO_TOKEN;
    this.#parts = parts;
  }

  /** Whether tokens are looked at: an open gateway has no keys, and what it cannot check proves nothing. */
  get takesTokens(): boolean {
    return this.#parts.authenticator !== undefined;
  }

  /** The identity of a client without a token. */
  get anonymous(): Verdict {
    return this.#withoutToken;
  }

  /** The identity that the token proves. A subscription token proves none. */
  async identify(token: string, owner?: object): Promise<Verdict> {
    const proof = await this.prove(token, owner);
    if (proof.kind === "identity") return { identity: proof.identity };
    if (proof.kind === "refused") return { error: proof.error };
    this.#parts.metrics.add("tokens_refused", 1);
    return {
      error: {
        ...errors.badToken,
        message: "That is a subscription token, for one `channel`: bring it in `subscribe`.",
      },
    };
  }

  /** What the token proves, as of now. Never rejects. */
  async prove(token: string, owner?: object): Promise<Proof> {
    const { authenticator, metrics } = this.#parts;
    const proof = await (authenticator?.prove(token, owner) ?? UNCHECKED);
    const error = proof.kind === "refused" ? proof.error : this.#refusalOf(proof);
    if (error === undefined) return proof;
    metrics.add("tokens_refused", 1);
    return { kind: "refused", error };
  }

  /** Why an identity that was proven earlier is not good any more. */
  refusal(identity: Identity): ErrorCode | undefined {
    if (this.#isOver(identity)) return errors.tokenExpired;
    return this.#parts.veto(identity, identity.user);
  }

  #refusalOf(proof: Exclude<Proof, { kind: "refused" }>): ErrorCode | undefined {
    if (proof.kind === "identity") {
      return this.#isOver(proof.identity)
        ? errors.tokenExpired
        : this.#parts.veto(proof.identity, proof.identity.user);
    }
    return this.#isOver(proof.grant) ? errors.tokenExpired : this.#parts.veto(proof.grant, proof.user);
  }

  #isOver({ expiresAt }: { readonly expiresAt?: number | undefined }): boolean {
    return expiresAt !== undefined && expiresAt <= this.#parts.clock.now();
  }
}

const UNCHECKED: Proof = Object.freeze({
  kind: "refused",
  error: {
    ...errors.badToken,
    message: "This gateway has no keys to check tokens with: set `jwtSecret`, `jwtPublicKey` or `jwksUrl`.",
  },
});
