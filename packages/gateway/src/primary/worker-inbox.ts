/**
 * The inbox for what workers say: each message goes to the part of the primary that it is for.
 *
 * Owns the table; what a message means is its part's. Starts and refusals of workers are the supervisor's and
 * do not come here. Invariant: each part that is told what a worker says is told of its end, too, after all
 * that the worker said, so that no question waits for a worker that is gone.
 */
import type { Logger } from "@holdfast/core";
import type { ToPrimary } from "../link/messages.js";
import type { FrontDoor } from "./door/front-door.js";
import type { EmbeddedServers } from "./embedded/embedded-servers.js";
import type { Inspection } from "./operations/inspection.js";
import type { Scrape } from "./operations/scrape.js";
import type { Rebalancer } from "./rebalance/rebalancer.js";
import type { GcTurns } from "./workers/gc-turns.js";
import type { WorkerProcess } from "./workers/worker-process.js";

/** The parts that hear workers. */
export interface Hearers {
  readonly door: FrontDoor;
  readonly gcTurns: GcTurns<WorkerProcess>;
  readonly scrape: Scrape;
  readonly inspection: Inspection;
  readonly embedded: EmbeddedServers;
  /** Undefined while there is no cluster. */
  readonly rebalancer: Pick<Rebalancer, "shed"> | undefined;
}

export class WorkerInbox {
  readonly #hearers: Hearers;
  readonly #logger: Logger;

  constructor(hearers: Hearers, logger: Logger) {
    this.#hearers = hearers;
    this.#logger = logger;
  }

  received(worker: WorkerProcess, message: ToPrimary): void {
    const { door, gcTurns, scrape, inspection, embedded, rebalancer } = this.#hearers;
    switch (message.type) {
      case "departed":
        return door.departed(worker, message.addresses);
      case "probed":
        return door.healthChecks.answered(worker);
      case "gc-wish":
        return gcTurns.wish(worker);
      case "gc-done":
        return gcTurns.done(worker);
      case "metrics":
        return scrape.received(worker, message.id, message.snapshot);
      case "inspected":
        return inspection.received(worker, message.id, message.list);
      case "drain-progress":
        return this.#logger.debug({ worker: worker.owner.slot, left: message.left }, "draining");
      case "drained":
        this.#logger.info({ worker: worker.owner.slot }, "worker drained");
        return worker.release();
      case "shed":
        return rebalancer?.shed(message.count);
      case "broker-publish":
      case "broker-read":
      case "broker-secret":
      case "broker-subscribe":
      case "broker-unsubscribe":
      case "call":
        return embedded.handle(worker, message);
      default:
    }
  }

  /** The worker's process is gone, and all that it said was heard. */
  ended(worker: WorkerProcess): void {
    const { door, gcTurns, scrape, inspection, embedded } = this.#hearers;
    gcTurns.done(worker);
    scrape.gone(worker);
    inspection.gone(worker);
    embedded.ended(worker);
    door.lost(worker);
  }
}
