/**
 * The tokens of a run's connections: none, one for all, or one for each, signed here with the gateway's
 * secret.
 *
 * Invariant: a signed token allows its own connection's channels and no other, and the secret is in no
 * report.
 */
import { createHmac } from "node:crypto";
import { channelNames, withNumber } from "./channels.js";

export type TokenSource =
  | { readonly kind: "none" }
  | { readonly kind: "one"; readonly token: string }
  | {
      readonly kind: "signed";
      readonly secret: string;
      /** Pattern of the users: `{i}` is the number of the connection. */
      readonly user: string;
      readonly issuer: string | undefined;
      readonly audience: string | undefined;
      /** When all of them end, s since 1970. */
      readonly expiresS: number;
    };

const HEADER = base64(JSON.stringify({ alg: "HS256", typ: "JWT" }));
const VERBS = Object.freeze(["subscribe", "publish"]);

/** The token of one connection; undefined without any. */
export function tokenOf(source: TokenSource, channels: string, connection: number): string | undefined {
  if (source.kind === "none") return undefined;
  if (source.kind === "one") return source.token;
  const { secret, user, issuer, audience, expiresS } = source;
  // What is undefined is left out.
  const claims = {
    sub: withNumber(user, connection),
    iss: issuer,
    aud: audience,
    exp: expiresS,
    channels: channelNames(channels, connection).map((match) => ({ match, verbs: VERBS })),
  };
  const signed = `${HEADER}.${base64(JSON.stringify(claims))}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

/** A line of a request's head, or nothing. */
export function authorizationLine(token: string | undefined): string {
  return token === undefined ? "" : `Authorization: Bearer ${token}\r\n`;
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64url");
}
