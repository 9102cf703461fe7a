/**
 * Keys that tokens are checked with, and the algorithms that each allows.
 *
 * Invariant: a key allows the algorithms of its own kind alone, so that no token can choose how it is
 * checked: not `none`, and not HMAC with a public key's text as the secret.
 */
import { createPublicKey, type JsonWebKey, type KeyObject } from "node:crypto";

export interface TokenKey {
  readonly key: KeyObject | Uint8Array;
  readonly algorithms: readonly string[];
}

/** Bytes of a shared secret: what HS256 can make use of. */
export const MIN_SECRET_BYTES = 32;
const MIN_RSA_BITS = 2048;

const HMAC: readonly string[] = Object.freeze(["HS256", "HS384", "HS512"]);
const RSA: readonly string[] = Object.freeze(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]);
const ED25519: readonly string[] = Object.freeze(["EdDSA", "Ed25519"]);
/** By the curve's name in OpenSSL. */
const EC: Readonly<Record<string, readonly string[]>> = Object.freeze({
  prime256v1: ["ES256"],
  secp384r1: ["ES384"],
  secp521r1: ["ES512"],
});

/** What an issuer's set of keys may be used with: never a shared secret. */
export const PUBLIC_ALGORITHMS: readonly string[] = Object.freeze([
  ...RSA,
  ...ED25519,
  ...Object.values(EC).flat(),
]);

export function secretKey(secret: string): TokenKey {
  return { key: Buffer.from(secret), algorithms: HMAC };
}

/**
 * A public key as PEM or as one JWK in JSON. The problem is the end of a sentence, and repeats nothing of the
 * text.
 */
export function readPublicKey(text: string): TokenKey | { readonly problem: string } {
  if (/PRIVATE KEY-----/.test(text)) return { problem: "is a private key: give its public half" };
  const key = parse(inLines(text.trim()));
  if (key === undefined) return { problem: `is neither a public key in PEM nor a JWK${hint(text)}` };
  if (key === "private") return { problem: "is a private key: give its public half" };
  const algorithms = algorithmsOf(key);
  return typeof algorithms === "string" ? { problem: algorithms } : { key, algorithms };
}

/**
 * A PEM on one line, as files of variables have it: the ends of its lines written as \\n, or become spaces,
 * maybe in quotes. Anything else as it is.
 */
function inLines(text: string): string {
  const [, label, body] =
    /^["']?-----BEGIN ([A-Z0-9 ]+)-----(.+)-----END \1-----(?:\\[rn]|\s)*["']?$/s.exec(text) ?? [];
  if (label === undefined || body === undefined) return text;
  const lines = body.replace(/\\[rn]|\s/g, "").match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

/** What may have gone wrong on the way, for texts that were meant to be a PEM. */
function hint(text: string): string {
  if (/^\s*LS0tLS1CRUdJTi/.test(text)) return ": it is in base64 once more, decode that first";
  if (/^\S*(?:\/\S*|\.(?:pem|key|pub|crt|cer|json))$/.test(text))
    return ': give the key itself, not the name of its file, as in --jwt-public-key "$(cat key.pem)"';
  if (!text.includes("-----BEGIN ")) return "";
  return text.includes("-----END ")
    ? ": what is between its BEGIN and END lines is no key"
    : ": its END line is missing, as where only the first line of a file of variables is read";
}

function parse(text: string): KeyObject | "private" | undefined {
  try {
    if (!text.startsWith("{")) return createPublicKey(text);
    const jwk = JSON.parse(text) as JsonWebKey;
    return Object.hasOwn(jwk, "d") ? "private" : createPublicKey({ key: jwk, format: "jwk" });
  } catch {
    return undefined;
  }
}

function algorithmsOf({
  asymmetricKeyType,
  asymmetricKeyDetails = {},
}: KeyObject): readonly string[] | string {
  switch (asymmetricKeyType) {
    case "rsa":
      return (asymmetricKeyDetails.modulusLength ?? 0) >= MIN_RSA_BITS
        ? RSA
        : `is an RSA key of less than ${MIN_RSA_BITS} bits`;
    case "ec":
      return EC[asymmetricKeyDetails.namedCurve ?? ""] ?? "is on a curve that is not P-256, P-384 or P-521";
    case "ed25519":
      return ED25519;
    default:
      return "is of a kind that is not RSA, EC or Ed25519";
  }
}
