/**
 * The transport of a run's connections: WebSocket, an event stream, or polls that are held.
 */

export type RunTransport = "websocket" | "sse" | "poll";

export const TRANSPORTS: readonly RunTransport[] = ["websocket", "sse", "poll"];

/** Where a gateway has it. */
export const PATHS: Readonly<Record<RunTransport, string>> = { websocket: "/ws", sse: "/sse", poll: "/poll" };
