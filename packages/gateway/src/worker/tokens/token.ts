/**
 * Tokens: JSON Web Tokens checked with the gateway's keys.
 *
 * `jose` verifies the signature and the registered claims; `token-claims.ts` reads the others. Invariants:
 * the key decides which algorithms are allowed, never the token; every refusal is a row of the error table,
 * and no text of a token is logged.
 */
import { isUtf8 } from "node:buffer";
import {
  type Authenticator,
  type Clock,
  FairTurns,
  type Logger,
  type Proof,
  type TurnLimits,
  TurnRefused,
} from "@holdfast/core";
import { type ErrorCode, errors } from "@holdfast/protocol";
import { type JWTVerifyOptions, errors as jose, jwtVerify } from "jose";
import { Jwks, KeysUnavailable } from "./jwks.js";
import { proofOf } from "./token-claims.js";
import { PUBLIC_ALGORITHMS, readPublicKey, secretKey, type TokenKey } from "./token-key.js";

/** Where the keys come from: one of these. */
export type KeySource =
  | { readonly kind: "secret"; readonly secret: string }
  /** PEM, or a JWK as JSON. */
  | { readonly kind: "publicKey"; readonly text: string }
  | { readonly kind: "jwks"; readonly url: string };

export interface TokenOptions {
  readonly keys: KeySource;
  /** A token's `aud` must have one of these. Undefined: any will do. */
  readonly audience: readonly string[] | undefined;
  /** A token's `iss` must be one of these. Undefined: any will do. */
  readonly issuer: readonly string[] | undefined;
  /** How far clocks may be apart, ms. */
  readonly leewayMs: number;
}

export interface TokenParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly fetch: typeof fetch;
  /** Told of every token that was not looked at, as too many waited. */
  readonly refused?: () => void;
}

/** A check costs far more than the command that brings it, and all checks share a few threads. */
const CHECKS: TurnLimits = Object.freeze({
  atOnce: 16,
  atOncePerAsker: 4,
  maxWaiting: 8_192,
  maxWaitingPerAsker: Number.POSITIVE_INFINITY,
});

export class TokenAuthenticator implements Authenticator {
  readonly #options: TokenOptions;
  readonly #parts: TokenParts;
  readonly #keys: TokenKey | Jwks;
  readonly #turns = new FairTurns(CHECKS);

  /** Throws where the public key is none; the settings were checked before. */
  constructor(options: TokenOptions, parts: TokenParts) {
    this.#options = options;
    this.#parts = parts;
    this.#keys = keysOf(options.keys, parts);
    if (this.#keys instanceof Jwks) this.#keys.start();
  }

  async prove(token: string, owner: object = {}): Promise<Proof> {
    const { audience, issuer, leewayMs } = this.#options;
    const now = this.#parts.clock.now();
    const checks: JWTVerifyOptions = {
      clockTolerance: leewayMs / 1000,
      currentDate: new Date(now),
      ...(audience !== undefined && { audience: [...audience] }),
      ...(issuer !== undefined && { issuer: [...issuer] }),
    };
    try {
      return proofOf(await this.#verified(token, checks, owner), payloadText(token), now, leewayMs);
    } catch (problem) {
      return { kind: "refused", error: this.#row(problem) };
    }
  }

  /** The key is found first: waiting for an issuer's keys takes no turn. */
  async #verified(
    token: string,
    checks: JWTVerifyOptions,
    owner: object,
  ): Promise<Readonly<Record<string, unknown>>> {
    const keys = this.#keys;
    const algorithms = keys instanceof Jwks ? PUBLIC_ALGORITHMS : keys.algorithms;
    let isRunning = false;
    try {
      const find = async (header: Parameters<Jwks["find"]>[0]) => {
        const key = keys instanceof Jwks ? await keys.find(header) : keys.key;
        await this.#turns.enter(owner);
        isRunning = true;
        return key;
      };
      return (await jwtVerify(token, find, { ...checks, algorithms: [...algorithms] })).payload;
    } finally {
      if (isRunning) this.#turns.leave(owner);
    }
  }

  #row(problem: unknown): ErrorCode {
    if (problem instanceof TurnRefused) {
      // The token may be good, and was not looked at.
      this.#parts.refused?.();
      return { ...errors.unavailable, message: "Too many tokens wait to be checked; try again." };
    }
    if (problem instanceof KeysUnavailable)
      return {
        ...errors.unavailable,
        message: "The keys that tokens are checked with cannot be had right now; try again.",
      };
    if (problem instanceof jose.JWTExpired) return errors.tokenExpired;
    if (problem instanceof jose.JWTClaimValidationFailed) return claimRow(problem);
    const message = MESSAGES[(problem as { code?: string }).code ?? ""];
    if (message !== undefined) return { ...errors.badToken, message };
    if (!(problem instanceof jose.JOSEError))
      this.#parts.logger.warn({ err: problem }, "a token could not be checked");
    return errors.badToken;
  }
}

/**
 * The payload of a token that was verified, as text: by the same rules as it was parsed there, without a byte
 * order mark. Of what is not UTF-8 two users might be one.
 */
function payloadText(token: string): string {
  const [, payload = ""] = token.split(".", 2);
  const bytes = Buffer.from(payload, "base64url");
  if (!isUtf8(bytes)) throw new jose.JWTInvalid("not UTF-8");
  return new TextDecoder().decode(bytes);
}

/** By the code of jose's error; others are told by the row alone. */
const MESSAGES: Readonly<Record<string, string>> = Object.freeze({
  ERR_JWS_INVALID:
    "That is no token: a JWT has three parts with dots between, as `holdfast token create` prints it.",
  ERR_JWT_INVALID: "The token's payload is no JSON object of claims.",
  ERR_JOSE_ALG_NOT_ALLOWED:
    "The token is signed with an algorithm that is not allowed with this gateway's keys.",
  ERR_JWKS_NO_MATCHING_KEY: "The token names a key (`kid`) that its issuer does not publish.",
  ERR_JWKS_MULTIPLE_MATCHING_KEYS: "The token names no key (`kid`), and its issuer publishes several.",
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED:
    "The token's signature is not by a key that is trusted here: sign with what `jwtSecret`, `jwtPublicKey` or `jwksUrl` stands for.",
});

function claimRow({ claim, reason }: jose.JWTClaimValidationFailed): ErrorCode {
  if (claim === "iss") return errors.wrongIssuer;
  if (claim === "aud") return errors.wrongAudience;
  if (claim === "nbf" && reason === "check_failed") return errors.tokenEarly;
  return { ...errors.badToken, message: `The token's \`${claim}\` is not what it has to be.` };
}

function keysOf(source: KeySource, parts: TokenParts): TokenKey | Jwks {
  if (source.kind === "secret") return secretKey(source.secret);
  if (source.kind === "jwks") return new Jwks(source.url, parts);
  const key = readPublicKey(source.text);
  if ("problem" in key) throw new Error(`jwtPublicKey ${key.problem}`);
  return key;
}
