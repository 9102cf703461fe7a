/**
 * What operators watch of an instance: the overview, delivery checks and the last warnings, joined from the
 * primary's knowledge and its workers' answers. Owns no state but the last overview.
 */

import type { Broker, Clock, Retention } from "@holdfast/core";
import type { RecentWarnings } from "../../runtime/recent-warnings.js";
import type { RebalanceReport } from "../rebalance/report.js";
import type { WorkerProcess } from "../workers/worker-process.js";
import { type CheckedClient, checkDelivery, type DeliveryCheck } from "./delivery-check.js";
import type { Inspection, ProcessWarning } from "./inspection.js";
import type { DrainProgress } from "./instance-drain.js";
import { type Overview, OverviewMaker } from "./overview.js";

/** What is asked of the parts of the primary. */
export interface Viewed {
  readonly options: {
    readonly clock: Pick<Clock, "now" | "monotonic">;
    readonly maxConnections: number;
    readonly broker: Broker;
    readonly warnings: Pick<RecentWarnings, "list">;
  };
  readonly version: string;
  readonly inspection: Inspection;
  /** Those that are alive. */
  workers(): readonly WorkerProcess[];
  notReady(): readonly string[];
  drain(): DrainProgress;
  reloadLeft(): number;
  /** Undefined where there is no cluster. */
  rebalance(): RebalanceReport | undefined;
  /** Sockets at the front door. */
  pending(): number;
  retention(channel: string): Retention | undefined;
}

export class Viewing {
  readonly #viewed: Viewed;
  readonly #overview: OverviewMaker;

  constructor(viewed: Viewed) {
    this.#viewed = viewed;
    const { clock, maxConnections } = viewed.options;
    const startedAt = clock.now();
    this.#overview = new OverviewMaker(
      {
        workers: () => viewed.workers().map(knownOf),
        reports: () => viewed.inspection.workers(),
        instance: () => {
          const problems = viewed.notReady();
          return {
            version: viewed.version,
            node: process.version,
            startedAt,
            ready: problems.length === 0,
            problems,
            maxConnections,
            pending: viewed.pending(),
            drain: viewed.drain(),
            reloadLeft: viewed.reloadLeft(),
            rebalance: viewed.rebalance(),
          };
        },
      },
      clock,
    );
  }

  overview(): Promise<Overview> {
    return this.#overview.take();
  }

  checkDelivery(channel: string, client: CheckedClient): Promise<DeliveryCheck> {
    const { options, inspection, retention, drain } = this.#viewed;
    const { broker, clock } = options;
    const isDraining = (): boolean => drain().state !== "serving";
    return checkDelivery(
      { inspection, broker, retention, isDraining, now: () => clock.now() },
      channel,
      client,
    );
  }

  /** The newest first. */
  async warnings(limit: number): Promise<readonly ProcessWarning[]> {
    const { inspection, options } = this.#viewed;
    const own = options.warnings.list().map((each) => ({ process: "primary", ...each }));
    return [...own, ...(await inspection.warnings())].sort((a, b) => b.at - a.at).slice(0, limit);
  }
}

function knownOf({ owner, process: { process: child }, state, sockets, clients, load }: WorkerProcess) {
  return {
    slot: owner.slot,
    pid: child.pid ?? 0,
    state,
    sockets,
    connections: clients,
    loopDelayMs: load.loopDelayMs,
  };
}
