/**
 * The hard limits of the wire: what no setting can raise, because both sides rely on it.
 *
 * Softer limits (payload size, channels per connection, rate) are settings of the server,
 * which announces them in the connect reply.
 */

/** A channel name's length in UTF-8 bytes. */
export const MAX_CHANNEL_BYTES = 255;

/** Channels named by one `?channels=` query or one `connect` command: the default cap of a connection. */
export const MAX_CHANNELS_DEFAULT = 128;

/** Commands that may share one WebSocket message, newline-separated. */
export const MAX_COMMANDS_PER_MESSAGE = 64;

/** Publications in one answer to `history`. */
export const MAX_HISTORY_LIMIT = 1000;

/** Members in one answer to `presence`. */
export const MAX_PRESENCE_LIMIT = 1000;

/** A presence cursor's length in characters. */
export const MAX_CURSOR_LENGTH = 64;

/** Nesting of objects and arrays in one frame. Deeper JSON costs recursion in every client that reads it. */
export const MAX_DEPTH = 64;

/** An idempotency key's length in characters. */
export const MAX_KEY_LENGTH = 128;

/** A resume token's length in characters. */
export const MAX_RESUME_TOKEN_LENGTH = 4096;

/** A token's length in characters: more than any signed claims set that fits in an 8 KiB header. */
export const MAX_TOKEN_LENGTH = 8192;

/** A WebSocket close reason in bytes: RFC 6455 §5.5 gives a control frame 125, two hold the code. */
export const MAX_CLOSE_REASON_BYTES = 123;
