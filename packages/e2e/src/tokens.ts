/**
 * Tokens as a backend makes them: HS256, by hand, so that a test says every claim itself.
 */
import { createHmac } from "node:crypto";

export const SECRET = "a secret of the tests, of 32 bytes or more".replaceAll(" ", "-");

/** Of this user, good for an hour; `claims` beat what is said here. */
export function tokenOf(user: string, claims: object = {}): string {
  const now = Math.floor(Date.now() / 1000);
  const body = {
    sub: user,
    iat: now,
    exp: now + 3600,
    ...claims,
  };
  return tokenOfText(JSON.stringify(body));
}

/** With this payload, to the letter. */
export function tokenOfText(payload: string): string {
  const text = [JSON.stringify({ alg: "HS256", typ: "JWT" }), payload].map(encoded).join(".");
  return `${text}.${createHmac("sha256", SECRET).update(text).digest("base64url")}`;
}

function encoded(part: string): string {
  return Buffer.from(part).toString("base64url");
}
