/**
 * Where subscriptions begin, for a transport whose client keeps no positions of its own.
 */
import type { Position } from "@holdfast/protocol";
import type { Connection } from "../connection/connection.js";

/** Said right before the client is told. */
export function tellPositions(
  connection: Connection,
  positions: ReadonlyMap<string, Position | undefined>,
): void {
  // Most transports leave it out: no closure is made for them.
  if (connection.transport.subscribed === undefined) return;
  connection.transport.subscribed(positions, () => {
    const token = connection.newResumeToken();
    return token === undefined ? undefined : { sid: connection.id, token };
  });
}
