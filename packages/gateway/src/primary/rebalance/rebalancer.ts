/**
 * The rebalancer: says what this instance carries, hears what the others carry, and has workers send away
 * what `decision.ts` decides.
 *
 * Owns the rhythm, the operator's wish and its spreading, and what operators are told. Invariants: a decision
 * is made only on what was heard just now, so that none is made while Redis is away; an instance that has
 * been drained says nothing any more.
 */
import type { Clock, InstanceLoads, Logger, SaidLoad, ShedOrder, Timer } from "@holdfast/core";
import { announcementText, readAnnouncement } from "./announcement.js";
import {
  asked,
  type ClusterLoad,
  DECISION_MS,
  decide,
  type Hold,
  type InstanceLoad,
  interrupted,
  loadShares,
  NEW_MEMORY,
  type RebalanceMemory,
  type RebalanceRules,
  startAt,
  stopAt,
} from "./decision.js";
import { RecentSheds } from "./recent-sheds.js";
import { type RebalanceReport, rebalanceReport } from "./report.js";
import { Wishes } from "./wishes.js";

export interface RebalanceSettings extends RebalanceRules {
  /** The share of this instance against the others'. */
  readonly weight: number;
}

/** A worker that takes orders. */
export interface ShedWorker {
  readonly clients: number;
  shed(order: ShedOrder): void;
}

/** What a rebalance asks of the instance. */
export interface RebalanceCrew {
  /** Those that are ready. */
  workers(): readonly ShedWorker[];
  /** Undefined once it has been drained. */
  state(): InstanceLoad["state"] | undefined;
  /** Clients of all workers. */
  connections(): number;
  settings(): RebalanceSettings;
}

export interface RebalancerOptions {
  /** Different from all instances' there ever were. */
  readonly instance: string;
  /** Connections that the instance takes at most. */
  readonly capacity: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
}

/** Ends are spread over less than the time to the next decision, so that it knows of them. */
const SPREAD_MS = DECISION_MS - 500;

export class Rebalancer {
  readonly #loads: InstanceLoads;
  readonly #crew: RebalanceCrew;
  readonly #options: RebalancerOptions;
  readonly #sheds = new RecentSheds();
  readonly #wishes: Wishes;
  #memory: RebalanceMemory = NEW_MEMORY;
  #cluster: ClusterLoad | undefined;
  #hold: Hold | undefined = { why: "unavailable" };
  #timer: Timer | undefined;
  #turn: Promise<void> | undefined;
  #isWithdrawn = false;

  constructor(loads: InstanceLoads, crew: RebalanceCrew, options: RebalancerOptions) {
    this.#loads = loads;
    this.#crew = crew;
    this.#options = options;
    this.#wishes = new Wishes(options.random);
  }

  /** Idempotent. */
  start(): void {
    this.#timer ??= this.#options.clock.every(DECISION_MS, () => {
      this.#turn ??= this.#take().finally(() => {
        this.#turn = undefined;
      });
    });
  }

  /** Takes back what it has said. Never rejects. Idempotent. */
  async close(): Promise<void> {
    const wasStarted = this.#timer !== undefined;
    this.#timer?.cancel();
    await this.#turn;
    if (wasStarted) await this.#withdraw();
  }

  /** An operator's wish, for all instances. */
  ask(): void {
    const { clock, logger } = this.#options;
    const now = clock.monotonic();
    this.#wishes.make(now);
    this.#memory = asked(this.#memory, now);
    logger.info({}, "rebalance: asked for");
  }

  /** A worker has sent so many clients away. */
  shed(count: number): void {
    this.#sheds.add(this.#options.clock.monotonic(), count);
  }

  report(): RebalanceReport {
    const now = this.#options.clock.monotonic();
    const { automatic, rate } = this.#crew.settings();
    return rebalanceReport({
      automatic,
      rate,
      memory: this.#memory,
      cluster: this.#cluster,
      hold: this.#hold,
      shed: this.#sheds.total,
      now,
    });
  }

  /** Clients that this instance would hold, as far as is known. */
  get share(): number {
    const { connections } = this.#crew;
    return this.#cluster === undefined ? connections() : (loadShares(this.#cluster)[0] ?? 0);
  }

  get phase(): "idle" | "shedding" | "resting" | "held" {
    const { phase } = this.#memory;
    return phase.t === "shedding" && this.#hold !== undefined ? "held" : phase.t;
  }

  async #take(): Promise<void> {
    const state = this.#crew.state();
    if (state === undefined) return this.#withdraw();
    const { clock, instance } = this.#options;
    const said = this.#own(state);
    const wish = this.#wishes.own(clock.monotonic());
    const askedAt = clock.monotonic();
    let heard: readonly SaidLoad[];
    try {
      heard = await this.#loads.exchange(instance, announcementText({ ...said, asked: wish }));
    } catch {
      // That Redis is away the connection says itself.
      this.#memory = interrupted(this.#memory);
      this.#hold = { why: "unavailable" };
      return;
    }
    // The state may have become another meanwhile.
    const own = this.#own(this.#crew.state() ?? "draining");
    this.#cluster = this.#understood(own, heard, clock.monotonic() - askedAt);
    this.#decide(this.#cluster);
  }

  #own(state: InstanceLoad["state"]): InstanceLoad {
    const { capacity, clock, instance } = this.#options;
    const { weight } = this.#crew.settings();
    const away = this.#sheds.away(clock.monotonic());
    return { instance, state, connections: this.#crew.connections(), capacity, weight, away };
  }

  /** `tookMs`: what was heard may be older by that. */
  #understood(own: InstanceLoad, heard: readonly SaidLoad[], tookMs: number): ClusterLoad {
    const unreadable: string[] = [];
    const others = heard.filter(({ instance }) => instance !== own.instance);
    const peers = others.flatMap(({ instance, text, ageMs }) => {
      const read = readAnnouncement(instance, text, ageMs + Math.round(tookMs));
      if (read === undefined) unreadable.push(instance);
      return read === undefined ? [] : [read];
    });
    if (this.#wishes.hear(peers)) this.#memory = asked(this.#memory, this.#options.clock.monotonic());
    return { own, peers, unreadable };
  }

  #decide(cluster: ClusterLoad): void {
    const { clock, logger } = this.#options;
    const before = this.#memory.phase.t;
    const now = clock.monotonic();
    const { memory, shed, minAgeMs, share, hold } = decide(this.#memory, cluster, this.#crew.settings(), now);
    this.#memory = memory;
    this.#hold = hold;
    const { connections } = cluster.own;
    const figures = { connections, share: Math.round(share), beginsAt: Math.ceil(startAt(share)) };
    if (before !== "shedding" && memory.phase.t === "shedding")
      logger.info({ ...figures, endsAt: stopAt(share) }, "rebalance: clients are sent to other instances");
    if (before === "shedding" && memory.phase.t === "resting")
      logger.info({ ...figures, futile: memory.futile }, "rebalance: the round has ended");
    if (shed > 0) this.#order(shed, minAgeMs);
  }

  /** Each worker's part is that of the clients that it holds. */
  #order(shed: number, minAgeMs: number): void {
    const workers = this.#crew.workers();
    let clients = workers.reduce((sum, worker) => sum + worker.clients, 0);
    let left = Math.min(shed, clients);
    for (const worker of workers) {
      const count = clients === 0 ? 0 : Math.round((left * worker.clients) / clients);
      clients -= worker.clients;
      left -= count;
      if (count > 0) worker.shed({ count, spreadMs: SPREAD_MS, minAgeMs });
    }
  }

  async #withdraw(): Promise<void> {
    this.#cluster = undefined;
    if (this.#isWithdrawn) return;
    this.#isWithdrawn = true;
    await this.#loads.withdraw(this.#options.instance);
  }
}
