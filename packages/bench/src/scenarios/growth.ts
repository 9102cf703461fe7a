/**
 * Memory against the number of connections: what a connection costs is the slope, so that the base cancels.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { pssBytes } from "@holdfast/swarm/measure";
import type { Fleet } from "../load/fleet-client.js";
import { allProcesses, type PeerServer } from "../peers/peer.js";
import type { Point } from "../statistics.js";
import { fill } from "./subscribers.js";

/** Connections opened between two readings. */
const STEP = 1_000;
const STEP_SETTLE_MS = 300;
/** V8 gives the room of young objects back where this long little was allocated before a full collection. */
const QUIET_MS = 5_500;

/**
 * Opens connections in steps, collects after each, and returns [connections, PSS] from `from` on. It waits
 * before the second collection, or the points would measure how much room V8 makes for young objects, up to
 * 20 MB at a time.
 */
export async function grow(server: PeerServer, fleet: Fleet, from: number, to: number): Promise<Point[]> {
  const points: Point[] = [];
  const step = Math.ceil((to - from) / Math.ceil((to - from) / STEP));
  for (let total = from; total < to; ) {
    total = Math.min(total + step, to);
    await fill(fleet, total, STEP_SETTLE_MS);
    await server.collect();
    // What only leads to the first point is not read.
    if (from > 0) await sleep(QUIET_MS);
    await server.collect();
    points.push([total, pssBytes(allProcesses(server))]);
  }
  return points;
}
