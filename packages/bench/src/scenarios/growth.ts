/**
 * Memory against the number of connections: what a connection costs is the slope, so that the base cancels.
 */
import { pssBytes } from "@holdfast/swarm/measure";
import type { Fleet } from "../load/fleet-client.js";
import { allProcesses, type PeerServer } from "../peers/peer.js";
import type { Point } from "../statistics.js";
import { fill } from "./subscribers.js";

/** Connections opened between two readings. */
const STEP = 1_000;
const STEP_SETTLE_MS = 300;

/**
 * Opens connections in steps, collects after each, and returns [connections, PSS] from `from` on. Many
 * points, because V8 gives its young generation back when it likes, 20 MB at a time, and two points would
 * measure that.
 */
export async function grow(server: PeerServer, fleet: Fleet, from: number, to: number): Promise<Point[]> {
  const points: Point[] = [];
  const step = Math.ceil((to - from) / Math.ceil((to - from) / STEP));
  for (let total = from; total < to; ) {
    total = Math.min(total + step, to);
    await fill(fleet, total, STEP_SETTLE_MS);
    await server.collect();
    await server.collect();
    points.push([total, pssBytes(allProcesses(server))]);
  }
  return points;
}
