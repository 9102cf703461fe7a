/**
 * The instance's drain: how all of it goes away, whatever asked for it, and how far it is.
 *
 *     serving ──begin──► announced ──delay──► draining ──no worker left──► drained
 *
 * Announced, health checks fail while all clients are served still, so that load balancers have time to
 * notice. Then new connections are refused and the workers send their clients away. Invariant: the order is
 * never left, and from `draining` on it ends at the deadline, because a worker that does not drain is killed.
 */
import { type Clock, type Logger, silentLogger, type Timer } from "@holdfast/core";
import { drainWorker, KILL_GRACE_MS } from "../workers/worker-drain.js";
import type { WorkerProcess } from "../workers/worker-process.js";

export interface DrainPlan {
  /** From the announcement to the first close message, ms. */
  readonly delayMs: number;
  /** Over how long the close messages are spread, ms. */
  readonly windowMs: number;
  /** Clients of the instance that may come back per second; undefined: as many as the window makes. */
  readonly ratePerSecond: number | undefined;
}

/** What a drain asks of the instance. */
export interface DrainCrew {
  /** Those that are alive. */
  workers(): readonly WorkerProcess[];
  /** Makes health checks fail. */
  announce(): void;
  /** Refuses new connections, and starts no worker any more. */
  refuse(): void;
}

export type DrainState = "serving" | "announced" | "draining" | "drained";

/** What `GET /api/drain` answers. */
export interface DrainProgress {
  readonly state: DrainState;
  /** Clients that are connected. */
  readonly left: number;
  /** Clients that there were when the close messages began; before, as `left`. */
  readonly total: number;
  /** ISO 8601; null while serving. */
  readonly startedAt: string | null;
  /** When at the latest no connection is left; null while serving. */
  readonly deadline: string | null;
}

export const SERVING: DrainProgress = Object.freeze({
  state: "serving",
  left: 0,
  total: 0,
  startedAt: null,
  deadline: null,
});

/** The rows of the metric `holdfast_drain_state`. */
export const DRAIN_STATES: readonly DrainState[] = ["serving", "announced", "draining", "drained"];

const LOG_INTERVAL_MS = 5_000;
const REASON = "the instance is stopping";

export class InstanceDrain {
  readonly #crew: DrainCrew;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #done: Promise<void>;
  #resolve: () => void = () => {};
  #state: DrainState = "serving";
  #delay: Timer | undefined;
  #total = 0;
  #startedAt: number | undefined;
  #deadline: number | undefined;

  constructor(crew: DrainCrew, clock: Clock, logger: Logger) {
    this.#crew = crew;
    this.#clock = clock;
    this.#logger = logger;
    this.#done = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  get state(): DrainState {
    return this.#state;
  }

  /** Whether clients are sent away, or were. */
  get isLeaving(): boolean {
    return this.#state === "draining" || this.#state === "drained";
  }

  /** Resolves when no worker is left. */
  get done(): Promise<void> {
    return this.#done;
  }

  get progress(): DrainProgress {
    const left = this.#left;
    return {
      state: this.#state,
      left,
      total: Math.max(this.#total, left),
      startedAt: iso(this.#startedAt),
      deadline: iso(this.#deadline),
    };
  }

  /** Begins, unless it has begun. */
  begin(plan: DrainPlan): void {
    if (this.#state !== "serving") return;
    const { delayMs, windowMs } = plan;
    this.#state = "announced";
    this.#startedAt = this.#clock.now();
    this.#deadline = this.#startedAt + delayMs + windowMs + KILL_GRACE_MS;
    this.#crew.announce();
    if (delayMs === 0) return this.#sendAway(plan);
    this.#logger.info({ delayMs }, "drain: health checks fail from now on, clients are served still");
    this.#delay = this.#clock.after(delayMs, () => this.#sendAway(plan));
  }

  /** Begins the close messages now, unless they have begun. */
  hurry(plan: Pick<DrainPlan, "windowMs" | "ratePerSecond">): void {
    if (this.#state === "serving") this.begin({ ...plan, delayMs: 0 });
    else if (this.#state === "announced") this.#sendAway({ ...plan, delayMs: 0 });
  }

  get #left(): number {
    return this.#crew.workers().reduce((sum, { clients }) => sum + clients, 0);
  }

  #sendAway({ windowMs, ratePerSecond }: DrainPlan): void {
    this.#delay?.cancel();
    this.#state = "draining";
    this.#deadline = this.#clock.now() + windowMs + KILL_GRACE_MS;
    this.#crew.refuse();
    const workers = this.#crew.workers();
    this.#total = this.#left;
    // A start that failed has no client to send away, and one message of its own.
    const logger = workers.length === 0 ? silentLogger : this.#logger;
    logger.info({ clients: this.#total, windowMs }, "drain: clients are sent away");
    const share = Math.max(1, workers.filter(({ state }) => state === "ready").length);
    const rate = ratePerSecond === undefined ? {} : { ratePerSecond: ratePerSecond / share };
    const ends = workers.map((worker) =>
      drainWorker(worker, { windowMs, reason: REASON, ...rate }, this.#clock, this.#logger),
    );
    const log = this.#clock.every(LOG_INTERVAL_MS, () => {
      const { left, total } = this.progress;
      logger.info({ left, total }, "drain: under way");
    });
    void Promise.all(ends).then(() => {
      log.cancel();
      this.#state = "drained";
      logger.info({ total: this.#total }, "drain: no client is left");
      this.#resolve();
    });
  }
}

function iso(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
