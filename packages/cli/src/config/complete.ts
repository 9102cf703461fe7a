/**
 * Settings whose default depends on the machine, computed.
 */
import { chooseEngine, type EngineName } from "@holdfast/gateway/checks";
import { MAX_SLOTS } from "@holdfast/protocol";
import { connectionsFor, pendingFor } from "../machine/capacity.js";
import type { Machine } from "../machine/machine.js";
import { workersOf } from "./cross-checks.js";
import type { Settings } from "./schema.js";

/** Settings without an `auto` that depends on the machine. */
export interface CompleteSettings extends Settings {
  readonly workers: number;
  readonly maxConnections: number;
  readonly maxPending: number;
  readonly engine: EngineName;
}

export function complete(settings: Settings, machine: Machine): CompleteSettings {
  const workers = Math.min(workersOf(settings, machine), MAX_SLOTS);
  const maxConnections =
    settings.maxConnections === "auto" ? connectionsFor(machine.openFiles, workers) : settings.maxConnections;
  const maxPending = settings.maxPending === "auto" ? pendingFor(machine.openFiles) : settings.maxPending;
  const { engine } = chooseEngine(settings, machine.nodeVersion);
  return Object.freeze({ ...settings, workers, maxConnections, maxPending, engine });
}
