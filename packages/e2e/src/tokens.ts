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
  const text = [{ alg: "HS256", typ: "JWT" }, body].map(encoded).join(".");
  return `${text}.${createHmac("sha256", SECRET).update(text).digest("base64url")}`;
}

function encoded(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString("base64url");
}
