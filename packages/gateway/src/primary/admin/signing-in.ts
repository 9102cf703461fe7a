/**
 * What the dashboard asks to sign an operator in and out. Programs present a key instead.
 */
import { type Endpoint, endpoint } from "./endpoint.js";
import { described, flag, object, oneOf, optional, text } from "./schema.js";
import { adminError } from "./server.js";
import { FORGET } from "./sessions.js";

const MAX_KEY = 1024;
const role = described(oneOf(["admin", "read"] as const), "`read` may only look.");

export const SIGNING_IN: readonly Endpoint[] = [
  endpoint({
    method: "POST",
    path: "/api/login",
    audit: { of: "action", shows: [] },
    summary: "Begin a session of a browser",
    description:
      "For 12 hours, in a cookie. Requests by it must carry a header `X-Holdfast`, or come from the same origin.",
    body: object({
      key: described(text({ max: MAX_KEY }), "`adminKey` or `adminReadKey`."),
      secure: optional(described(flag(), "Whether the browser is to send the cookie over TLS only.")),
    }),
    success: { status: 200, description: "The cookie is set.", schema: object({ role }) },
    refusals: {
      409: "There is no admin key.",
      429: "There were too many wrong keys; try again in a second.",
    },
    handle: ({ sessions, hasKey }, { key, secure = false }) => {
      if (!hasKey) return adminError(409, "no_key", "There is no admin key: no session is needed.");
      const signedIn = sessions.signIn(key, secure);
      if (signedIn === "wrong") return adminError(401, "refused", "This is not the admin key.");
      if (signedIn === "too-many") {
        const answer = adminError(429, "too_many", "There were too many wrong keys; try again in a second.");
        return { ...answer, headers: { "Retry-After": "1" } };
      }
      return { status: 200, body: { role: signedIn.role }, headers: { "Set-Cookie": signedIn.cookie } };
    },
  }),
  endpoint({
    method: "POST",
    path: "/api/logout",
    audit: { of: "action", shows: [] },
    summary: "End the session of this browser",
    body: object({}),
    success: { status: 200, description: "The cookie is taken away.", schema: object({}) },
    handle: () => ({ status: 200, body: {}, headers: { "Set-Cookie": FORGET } }),
  }),
];
