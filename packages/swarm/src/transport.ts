/**
 * How a run's connections hear: WebSocket, an event stream, or polls that are held.
 */

export type Transport = "websocket" | "sse" | "poll";

export const TRANSPORTS: readonly Transport[] = ["websocket", "sse", "poll"];

/** Where a gateway has it. */
export const PATHS: Readonly<Record<Transport, string>> = { websocket: "/ws", sse: "/sse", poll: "/poll" };
