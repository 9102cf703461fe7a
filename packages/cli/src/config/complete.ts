/**
 * Settings whose default depends on the machine or on other settings, computed.
 */
import { chooseEngine, type EngineName } from "@holdfast/gateway/checks";
import { MAX_SLOTS } from "@holdfast/protocol";
import { connectionsFor, pendingFor } from "../machine/capacity.js";
import type { Machine } from "../machine/machine.js";
import { subscriptionsOf } from "./backend-choice.js";
import { workersOf } from "./cross-checks.js";
import type { Settings } from "./schema.js";

/** Settings without an `auto` that the machine or other settings decide. */
export interface CompleteSettings extends Settings {
  readonly workers: number;
  readonly maxConnections: number;
  readonly maxPending: number;
  readonly engine: EngineName;
  readonly redisSubscriptions: "instance" | "worker";
}

export function complete(settings: Settings, machine: Machine): CompleteSettings {
  const workers = Math.min(workersOf(settings, machine), MAX_SLOTS);
  const maxConnections =
    settings.maxConnections === "auto" ? connectionsFor(machine.openFiles, workers) : settings.maxConnections;
  const maxPending = settings.maxPending === "auto" ? pendingFor(machine.openFiles) : settings.maxPending;
  const { engine } = chooseEngine(settings, machine.nodeVersion);
  const redisSubscriptions = subscriptionsOf(settings, workers);
  return Object.freeze({ ...settings, workers, maxConnections, maxPending, engine, redisSubscriptions });
}
