/**
 * The announcement of an instance: its load as the others read it.
 *
 * Pure. JSON, so that later versions may say more. Invariant: what is read is sound as an `InstanceLoad`,
 * also where it was written by hand; anything else is unreadable, and no number is guessed.
 */
import { type InstanceLoad, LOAD_STATES, type PeerLoad } from "./decision.js";

export interface LoadAnnouncement extends InstanceLoad {
  /** An operator's wish for a rebalance, for all instances: different each time. */
  readonly asked?: string | undefined;
}

const MAX_CONNECTIONS = 100_000_000;
const MAX_WEIGHT = 1_000;
const MAX_ASKED = 32;

export function announcementText({ instance: _, ...load }: LoadAnnouncement): string {
  return JSON.stringify(load);
}

/** Undefined where it makes no sense. */
export function readAnnouncement(
  instance: string,
  text: string,
  ageMs: number,
): (PeerLoad & Pick<LoadAnnouncement, "asked">) | undefined {
  const fields = parsed(text);
  if (fields === undefined) return undefined;
  const { state, connections, capacity, weight, away, asked } = fields;
  const known = LOAD_STATES.find((each) => each === state);
  if (known === undefined || !isCount(connections) || !isCount(capacity) || !isCount(away)) return undefined;
  if (typeof weight !== "number" || !(weight > 0 && weight <= MAX_WEIGHT)) return undefined;
  const isWish = typeof asked === "string" && asked.length <= MAX_ASKED;
  return { instance, state: known, connections, capacity, weight, away, ageMs, ...(isWish && { asked }) };
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MAX_CONNECTIONS;
}
