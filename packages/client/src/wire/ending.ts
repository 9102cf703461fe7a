/**
 * Endings: why a connection ended, whether the client may come back, and when at the earliest.
 *
 * Pure. The server's numbers are taken only when they are sound: a delay is at least 0 and at most a day.
 */
import type { ErrorCode } from "@holdfast/protocol";
import { DRAIN, isFinal } from "./codes.js";
import { HoldfastError } from "./errors.js";
import { type Fields, numberOr, textOr } from "./fields.js";

export interface Ending {
  /** The close code or the disconnect's; below 1000 an error's. */
  readonly code: number;
  /** Why, in a few words. */
  readonly reason: string;
  /** True when the client must not come back by itself. */
  readonly terminal: boolean;
  /** Not to be back before, ms from the ending. */
  readonly notBeforeMs: number;
}

/** The longest absence that a server can ask for, ms. Longer ones are cut: they would overflow a timer. */
export const MAX_NOT_BEFORE_MS = 86_400_000;

/** A `close` event without a notice before it. */
export function closeEnding(code: number, reason: string): Ending {
  return ending(code, reason === "" ? "connection lost" : reason, isFinal(code));
}

/** What takes the place of the close event where there is no WebSocket: {code, reason}. */
export function closingEnding({ code, reason }: Fields): Ending {
  return closeEnding(numberOr(code, 1006), textOr(reason, ""));
}

/** A `disconnect` push. Either of its code and its `reconnect` can forbid to come back. */
export function disconnectEnding({ code, reason, reconnect, retryAfter }: Fields): Ending {
  const number = numberOr(code, 3010);
  return ending(number, textOr(reason, "disconnected"), reconnect === false || isFinal(number), retryAfter);
}

/** A `drain` push: leave at once, so that the server need not close. */
export function drainEnding({ reason, reconnectAfter }: Fields): Ending {
  return ending(DRAIN, textOr(reason, "drain"), false, reconnectAfter);
}

/** The server answered the connect command with an error. */
export function refusedEnding(error: Pick<ErrorCode, "code" | "message" | "temporary">): Ending {
  return ending(error.code, error.message, !error.temporary);
}

/** What the client found out by itself; it will try again. */
export function lostEnding(reason: string): Ending {
  return ending(1006, reason, false);
}

/**
 * An HTTP answer that is none of the protocol's. One with an error in it is the gateway's own; any other, and
 * the answers that there is no such path, that the request came too slowly or that another poll took over,
 * count as a loss: another attempt tells more.
 */
export function httpEnding(status: number, body: string, retryAfter: string | null): Ending {
  const notBeforeMs = Number(retryAfter) * 1000;
  const error = [404, 405, 408, 409].includes(status) ? undefined : errorOf(body);
  if (error === undefined) return ending(1006, `HTTP ${status}`, false, notBeforeMs);
  return ending(error.code, error.message, status < 500 && !error.temporary, notBeforeMs);
}

function errorOf(body: string): HoldfastError | undefined {
  try {
    const { error } = JSON.parse(body) as { readonly error?: object };
    return error && HoldfastError.fromReply(error);
  } catch {
    return undefined;
  }
}

/** The socket cannot even be made, as on a page that may not open it; trying again changes nothing. */
export function impossibleEnding(reason: string): Ending {
  return ending(1006, reason, true);
}

function ending(code: number, reason: string, terminal: boolean, notBefore?: unknown): Ending {
  const notBeforeMs = Math.min(Math.max(numberOr(notBefore, 0), 0) || 0, MAX_NOT_BEFORE_MS);
  return { code, reason, terminal, notBeforeMs };
}
