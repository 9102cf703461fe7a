/**
 * The codes that the client knows by itself: a few of the protocol's two tables, which would be a sixth of
 * the bundle.
 *
 * Everything else comes with its name and its sentence from the server. A test compares them with the tables.
 */
import type { ErrorCode } from "@holdfast/protocol";

/** Errors that the client makes in the server's place, before it would. */
export const serverErrors = {
  badRequest: { code: 103, name: "bad_request", message: "", temporary: false },
  tooBig: {
    code: 112,
    name: "too_big",
    message: "The data is larger than the server takes.",
    temporary: false,
  },
} satisfies Record<string, ErrorCode>;

export const ALREADY_SUBSCRIBED = 108;
export const TOKEN_EXPIRED = 117;
/** Moved for balance: to land elsewhere. */
export const REBALANCE = 3001;
export const DRAIN = 3000;

/** Names of the codes with which a server takes a channel away, which come without any. */
export const endings: Readonly<Record<number, string>> = {
  102: "forbidden",
  113: "unavailable",
  3005: "expired",
  3503: "forbidden",
  3504: "revoked",
};

/** Below 3500, and outside of the range, a connection comes back. */
export function isFinal(code: number): boolean {
  return code >= 3500 && code <= 3999;
}
