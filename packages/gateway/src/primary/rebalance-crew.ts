/**
 * The instance as its rebalancer sees it: its state, and workers that take orders.
 *
 * Invariant: a state that is not `serving` wins over one that is, the one that ends the instance first.
 */
import { randomBytes } from "node:crypto";
import type { DrainState } from "./operations/instance-drain.js";
import type { PrimaryOptions } from "./options.js";
import { type RebalanceCrew, Rebalancer, type RebalanceSettings } from "./rebalance/rebalancer.js";
import type { WorkerProcess } from "./workers/worker-process.js";

export interface RebalancedInstance {
  workers(): readonly WorkerProcess[];
  isReady(): boolean;
  drainState(): DrainState;
  isReloading(): boolean;
  settings(): RebalanceSettings;
}

/** Undefined while there is no cluster. */
export function makeRebalancer(
  { loads, name, maxConnections: capacity, clock, logger }: PrimaryOptions,
  instance: RebalancedInstance,
): Rebalancer | undefined {
  if (loads === undefined) return undefined;
  // A name may come again, after a restart for one; what was said under it would count for two.
  const unique = `${name}/${randomBytes(3).toString("hex")}`;
  const options = { instance: unique, capacity, clock, logger, random: Math.random };
  return new Rebalancer(loads, crewOf(instance), options);
}

function crewOf(instance: RebalancedInstance): RebalanceCrew {
  return {
    workers: () =>
      instance
        .workers()
        .filter(({ state }) => state === "ready")
        .map((worker) => ({
          clients: worker.clients,
          shed: (order) => void worker.send({ type: "shed", ...order }),
        })),
    state: () => {
      const drain = instance.drainState();
      if (drain === "drained") return undefined;
      if (drain !== "serving") return "draining";
      if (instance.isReloading()) return "reloading";
      return instance.isReady() ? "serving" : "unready";
    },
    connections: () => instance.workers().reduce((sum, { clients }) => sum + clients, 0),
    settings: () => instance.settings(),
  };
}
