/**
 * The one table of codes: what a reply's error, a close and a `disconnect` push can say.
 *
 * Server, client and docs/protocol.md all read it; nothing else invents a number.
 * Invariant: a disconnect code below 3500 asks the client to come back, one from 3500 up forbids it
 * (the WebSocket range for libraries is 3000–3999, RFC 6455 §7.4.2).
 */

/** One row of the error table: the answer to a command that could not be carried out. */
export interface ErrorCode {
  readonly code: number;
  readonly name: string;
  /** One sentence for the developer who reads it in a console. */
  readonly message: string;
  /** True when the same command may succeed later without any change. */
  readonly temporary: boolean;
}

/** One row of the disconnect table: why the server ends a connection. */
export interface DisconnectCode {
  readonly code: number;
  readonly name: string;
  readonly message: string;
}

const error = (code: number, name: string, message: string, temporary = false): ErrorCode =>
  Object.freeze({ code, name, message, temporary });

const disconnect = (code: number, name: string, message: string): DisconnectCode =>
  Object.freeze({ code, name, message });

/** Errors in replies. Numbers never change meaning; new ones are added at the end. */
export const errors = Object.freeze({
  internal: error(100, "internal", "The server failed to carry this out; try again.", true),
  unauthorized: error(
    101,
    "unauthorized",
    "A valid token is needed: as `token` in `connect`, or in the header `Authorization: Bearer`.",
  ),
  forbidden: error(102, "forbidden", "This connection may not do that on this channel."),
  badRequest: error(103, "bad_request", "The command's body is not what docs/protocol.md describes."),
  unknownCommand: error(
    104,
    "unknown_command",
    "No such command; a frame has an id and exactly one command key.",
  ),
  badChannel: error(
    105,
    "bad_channel",
    "Not a channel name: 1 to 255 printable bytes, `namespace:rest` or plain.",
  ),
  notConnected: error(106, "not_connected", "Send `connect` first."),
  alreadyConnected: error(
    107,
    "already_connected",
    "This connection has already connected: `connect` is sent once.",
  ),
  alreadySubscribed: error(108, "already_subscribed", "This connection already has that channel."),
  notSubscribed: error(
    109,
    "not_subscribed",
    "This connection does not have that channel: `subscribe` comes first.",
  ),
  limitChannels: error(110, "limit_channels", "This connection holds as many channels as it may."),
  limitRate: error(111, "limit_rate", "Too many commands; slow down and try again.", true),
  tooBig: error(112, "too_big", "The data is larger than the server takes."),
  unavailable: error(113, "unavailable", "The broker cannot be reached right now; try again.", true),
  noHistory: error(114, "no_history", "This channel keeps no history; see the setting `historySize`."),
  positionLost: error(115, "position_lost", "The channel's history no longer reaches to that position."),
  badToken: error(116, "bad_token", "That token is malformed, or not signed by a key that is trusted here."),
  tokenExpired: error(117, "token_expired", "That token has expired; bring a new one."),
  tokenEarly: error(118, "token_early", "That token is not good yet; see the clocks and `jwtLeeway`."),
  wrongIssuer: error(119, "wrong_issuer", "That token is not by an issuer that is trusted here."),
  wrongAudience: error(120, "wrong_audience", "That token is not meant for this gateway."),
  tokenRevoked: error(121, "token_revoked", "That token was revoked."),
  wrongUser: error(122, "wrong_user", "That token is another user's."),
  noPresence: error(
    123,
    "no_presence",
    "Who is in this channel is not kept, or joins and leaves are not told; see `presence` and `joinLeave` in the setting `namespaces`.",
  ),
  noEvents: error(124, "no_events", "This gateway passes no messages on; see the setting `events`."),
  denied: error(125, "denied", "The application refused this."),
  tryLater: error(126, "try_later", "The application could not be asked; try again.", true),
} as const);

/** Reasons to disconnect. Below 3500: reconnect with backoff. From 3500: do not. */
export const disconnects = Object.freeze({
  drain: disconnect(
    3000,
    "drain",
    "This worker is going away; come back after the time the drain frame named.",
  ),
  rebalance: disconnect(3001, "rebalance", "Moved for balance; reconnect to land elsewhere."),
  slow: disconnect(3002, "slow", "The client reads more slowly than its channels publish."),
  stale: disconnect(3003, "stale", "No connect command arrived in time."),
  noPong: disconnect(3004, "no_pong", "Nothing was heard after a ping."),
  expired: disconnect(3005, "expired", "The token has expired; reconnect with a new one."),
  limitConnections: disconnect(3006, "limit_connections", "The server holds as many connections as it may."),
  limitRate: disconnect(3007, "limit_rate", "Commands kept coming faster than allowed."),
  insufficientState: disconnect(
    3008,
    "insufficient_state",
    "The subscriptions cannot be proven complete; reconnect.",
  ),
  unavailable: disconnect(3009, "unavailable", "The broker cannot be reached; reconnect."),
  internal: disconnect(3010, "internal", "The server failed; reconnect."),
  disconnected: disconnect(3011, "disconnected", "The application ended this connection; reconnect."),
  unfinished: disconnect(
    3020,
    "unfinished",
    "A message did not arrive whole in time, or too many wait for their rest; reconnect.",
  ),
  badFrame: disconnect(3500, "bad_frame", "That is not a frame of this protocol."),
  tooBig: disconnect(3501, "too_big", "The message is larger than the server takes."),
  unauthorized: disconnect(3502, "unauthorized", "A valid token is needed."),
  forbidden: disconnect(3503, "forbidden", "This connection may not do that."),
  revoked: disconnect(3504, "revoked", "Access was withdrawn."),
  superseded: disconnect(3505, "superseded", "The session went on in a newer connection."),
  dismissed: disconnect(3506, "dismissed", "The application ended this connection for good."),
} as const);

/** True when a client that was closed with `code` should come back. Codes outside 3500–3999 reconnect. */
export function mayReconnect(code: number): boolean {
  return code < 3500 || code > 3999;
}
