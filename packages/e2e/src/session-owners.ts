/**
 * Sessions of a gateway under test and the workers that own them, and which worker answered how many plain
 * requests.
 */
import { ownerOf } from "@holdfast/protocol";
import { eventually } from "./deadline.js";
import type { GatewayProcess } from "./gateway-process.js";
import { samples } from "./metrics-text.js";
import { PlainClient } from "./plain-client.js";
import type { Resources } from "./resources.js";

/** Session ids of one worker, by its slot. */
export type SessionsBySlot = ReadonlyMap<number, readonly string[]>;

export function slotOf(sid: string): number {
  const owner = ownerOf(sid);
  if (owner === undefined) throw new Error(`${sid} is no session id`);
  return owner.slot;
}

/**
 * Opens clients of `channel`, which stay, until each of the slots 0 to `workers` - 1 owns `perWorker`
 * sessions.
 */
export async function openSessions(
  gateway: GatewayProcess,
  resources: Resources,
  workers: number,
  perWorker: number,
  channel = "kept",
): Promise<SessionsBySlot> {
  const sids = new Map<number, string[]>();
  await eventually(`${perWorker} sessions on each worker`, async () => {
    const { sid } = resources.add(await PlainClient.subscribed(gateway.ws(`channels=${channel}`)));
    const own = sids.get(slotOf(sid)) ?? [];
    sids.set(slotOf(sid), [...own, sid].slice(0, perWorker));
    return sids.size === workers && [...sids.values()].every(({ length }) => length === perWorker);
  });
  return sids;
}

/** The id at `index`, over and over, of a slot's sessions. */
export function sidOf(sessions: SessionsBySlot, slot: number, index: number): string {
  const sids = sessions.get(slot) ?? [];
  const sid = sids[index % sids.length];
  if (sid === undefined) throw new Error(`no session of worker ${slot}`);
  return sid;
}

/** Plain requests that each slot's worker has answered. */
export async function answeredBySlot(gateway: GatewayProcess): Promise<ReadonlyMap<number, number>> {
  const { text } = await gateway.adminGet("/metrics");
  const counts = samples(text, "holdfast_http_requests_total");
  return new Map(counts.map(({ labels, value }) => [Number(labels.worker), value]));
}

/** What each slot has answered since, slots without any left out. */
export async function answeredSince(
  gateway: GatewayProcess,
  before: ReadonlyMap<number, number>,
): Promise<Record<number, number>> {
  const since: Record<number, number> = {};
  for (const [slot, count] of await answeredBySlot(gateway)) {
    const more = count - (before.get(slot) ?? 0);
    if (more !== 0) since[slot] = more;
  }
  return since;
}
