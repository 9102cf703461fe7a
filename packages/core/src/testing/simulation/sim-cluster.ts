/**
 * The simulated workers, each in its slot: made, drained, crashed and replaced.
 *
 * Leaves to its owner what follows when one is lost. Invariant: a slot has one worker, dead until another one
 * has taken its place.
 */
import type { Climate } from "./faults.js";
import type { Random } from "./random.js";
import type { Schedule } from "./schedule.js";
import { type LinkQuality, SimBroker } from "./sim-broker.js";
import type { SimLog } from "./sim-log.js";
import { EPOCH_MS } from "./sim-presence.js";
import type { SimServer } from "./sim-server.js";
import { SimWorker } from "./sim-worker.js";

/** What all of one simulation share. */
export interface SimWorld {
  readonly random: Random;
  readonly climate: Climate;
  readonly schedule: Schedule;
  readonly server: SimServer;
  readonly quality: LinkQuality;
  readonly log: SimLog;
}

/** ms of simulated time. */
const POSITION_CHECK = 500;
const MAX_REPLACEMENT = 400;

export class SimCluster {
  readonly #world: SimWorld;
  readonly #lost: (worker: SimWorker) => void;
  readonly #workers: SimWorker[] = [];
  #generation = 0;

  /** `lost` is called when a worker has died, before another one takes its place. */
  constructor(world: SimWorld, lost: (worker: SimWorker) => void) {
    this.#world = world;
    this.#lost = lost;
    for (let slot = 0; slot < world.climate.workers; slot++) this.#workers.push(this.#newWorker(slot));
  }

  get workers(): readonly SimWorker[] {
    return this.#workers;
  }

  /** One that takes new connections. */
  any(): SimWorker | undefined {
    const open = this.#workers.filter(({ state, core }) => state === "running" && core.admit() === undefined);
    return open.length === 0 ? undefined : this.#world.random.pick(open);
  }

  crash(worker: SimWorker): void {
    if (worker.state === "dead") return;
    this.#world.log.note(`${worker.name} dies`);
    worker.crash();
    this.#replace(worker);
  }

  drain(worker: SimWorker): void {
    if (worker.state !== "running") return;
    this.#world.log.note(`${worker.name} drains`);
    void worker.drain().then(() => {
      if (worker.state === "draining") this.crash(worker);
    });
  }

  #replace(worker: SimWorker): void {
    const { schedule, random } = this.#world;
    this.#lost(worker);
    schedule.after(random.int(1, MAX_REPLACEMENT), () => {
      const slot = this.#workers.indexOf(worker);
      this.#workers[slot] = this.#newWorker(slot);
    });
  }

  #newWorker(slot: number): SimWorker {
    const { climate, server, schedule, random, quality, log } = this.#world;
    const generation = this.#generation++;
    const {
      historySize,
      historyTtlMs,
      maxRecovered,
      maxTailChars,
      maxReadBytes,
      maxOutboxBytes,
      resumeWindowMs,
      presenceLeaseMs,
      presenceGraceMs,
    } = climate;
    const name = `worker ${slot}.${generation}`;
    const note = (text: string): void => log.note(`${name}: ${text}`);
    const broker = new SimBroker({ server, schedule, random, quality, note });
    const options = {
      historySize,
      historyTtlMs,
      maxRecovered,
      maxTailChars,
      maxReadBytes,
      maxOutboxBytes,
      resumeWindowMs,
      presenceLeaseMs,
      presenceGraceMs,
      positionCheckMs: POSITION_CHECK,
      commandRate: 1_000_000,
      namespaces: { "": { clientPublish: true, presence: true, joinLeave: "session" as const } },
    };
    return new SimWorker(slot, generation, options, broker, random, EPOCH_MS + schedule.now);
  }
}
