/**
 * The wire of each transport, and the first bytes of a connection.
 */
import { type AgentOrders, portOf } from "../messages.js";
import type { RunTransport } from "../transport.js";
import { handshakeRequest } from "./handshake.js";
import { PollWire, pollRequest } from "./poll-wire.js";
import { StreamWire, streamRequest } from "./stream-wire.js";
import { WebSocketWire } from "./websocket-wire.js";
import type { Request, Wire, WireOwner } from "./wire.js";

export function wireOf(orders: AgentOrders, owner: WireOwner): Wire {
  const { transport, host, path } = orders;
  if (transport === "sse") return new StreamWire(owner);
  if (transport === "poll") return new PollWire(owner, { host, path }, (seat) => portOf(orders, seat));
  return new WebSocketWire(owner);
}

export function firstRequest(transport: RunTransport, request: Request): string {
  if (transport === "sse") return streamRequest(request);
  if (transport === "poll") return pollRequest(request);
  return handshakeRequest(
    request.host,
    request.port,
    `${request.path}?channels=${request.channels}`,
    request.token,
  );
}
