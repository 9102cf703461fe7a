/**
 * Settings whose default depends on the machine, computed.
 */
import { MAX_SLOTS } from "@holdfast/protocol";
import { connectionsFor, pendingFor } from "../machine/capacity.js";
import type { Machine } from "../machine/machine.js";
import { workersOf } from "./cross-checks.js";
import type { Settings } from "./schema.js";

/** Settings without an `auto` that stands for a number. */
export interface CompleteSettings extends Settings {
  readonly workers: number;
  readonly maxConnections: number;
  readonly maxPending: number;
}

export function complete(settings: Settings, machine: Machine): CompleteSettings {
  const workers = Math.min(workersOf(settings, machine), MAX_SLOTS);
  const maxConnections =
    settings.maxConnections === "auto" ? connectionsFor(machine.openFiles, workers) : settings.maxConnections;
  const maxPending = settings.maxPending === "auto" ? pendingFor(machine.openFiles) : settings.maxPending;
  return Object.freeze({ ...settings, workers, maxConnections, maxPending });
}
