/**
 * The simulation: a cluster of real cores in one process, on fake clocks and a simulated broker, with clients
 * and a publisher, under the faults of a seed. A seed is a whole history: the same seed, the same events.
 *
 * It runs in two parts: a time of faults (misfortunes.ts), then a time in which nothing goes wrong and every
 * client has to catch up with the logs. The checkers are `follower.ts`, of publications, `attendance.ts`, of
 * presence, and `settled.ts`, of the end. Core's own error logs count as violations.
 */
import { runPromises } from "../fake-clock.js";
import { type Climate, climateOf, MISFORTUNES } from "./faults.js";
import { Follower } from "./follower.js";
import { Misfortunes } from "./misfortunes.js";
import { Random } from "./random.js";
import { Schedule } from "./schedule.js";
import { checkLogger, checkSettled } from "./settled.js";
import { SimClient } from "./sim-client.js";
import { SimCluster, type SimWorld } from "./sim-cluster.js";
import { SimLog } from "./sim-log.js";
import type { PresenceFlaw } from "./sim-presence.js";
import { SimPublisher } from "./sim-publisher.js";
import { type Flaw, SimServer } from "./sim-server.js";
import type { SimWorker } from "./sim-worker.js";

export interface SimulationOptions {
  readonly seed: number;
  /** Keep the log of events: costs time. */
  readonly trace?: boolean;
  /** A promise that the broker breaks. */
  readonly flaw?: Flaw | PresenceFlaw;
  /** What the seed does not choose. */
  readonly climate?: Partial<Climate>;
}

export interface SimulationResult {
  readonly seed: number;
  /** Empty when every promise was kept. */
  readonly violations: readonly string[];
  readonly trace: readonly string[];
  readonly events: number;
  readonly publications: number;
  readonly delivered: number;
  /** Times that a client was told that something is missing. */
  readonly verdicts: number;
}

/** ms of simulated time. */
const FAULTS = 6000;
const REST = 6000;
const LAST_MOVES = 300;
/** When each channel has a visitor, in the time of rest: pub/sub may have lost the last news before it. */
const VISIT = 4500;

export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  const simulation = new Simulation(options);
  await simulation.run();
  return simulation.result;
}

class Simulation {
  readonly #seed: number;
  readonly #world: SimWorld;
  readonly #cluster: SimCluster;
  readonly #channels: readonly string[];
  readonly #followers: Follower[] = [];
  readonly #clients: SimClient[] = [];
  readonly #publisher: SimPublisher;
  readonly #misfortunes: Misfortunes;
  #events = 0;
  #resting = false;

  constructor({ seed, trace = false, flaw, climate: chosen }: SimulationOptions) {
    this.#seed = seed;
    const random = new Random(seed);
    const climate = { ...climateOf(random), ...chosen };
    const schedule = new Schedule();
    const log = new SimLog(schedule, trace);
    log.note(`the climate is ${JSON.stringify(climate)}`);
    const { maxLineage, clients, channels, clientDelayMs, maxUnnoticedMs, watching } = climate;
    const server = new SimServer(schedule, random, maxLineage, flaw);
    this.#world = { random, climate, schedule, server, quality: { ...climate }, log };
    this.#channels = Array.from({ length: channels }, (_, i) => `channel-${i}`);
    this.#cluster = new SimCluster(this.#world, (worker) => this.#lost(worker));
    const parts = {
      schedule,
      random,
      delayMs: clientDelayMs,
      maxUnnoticedMs,
      watching,
      server,
      worker: () => this.#cluster.any(),
      note: (text: string) => log.note(text),
      violation: (text: string) => log.violation(text),
    };
    for (let i = 0; i < clients; i++) {
      const followers = this.#channels.map((channel) => this.#newFollower(`client ${i}`, channel));
      this.#clients.push(new SimClient(`client ${i}`, followers, parts));
    }
    this.#publisher = new SimPublisher(parts);
    this.#misfortunes = new Misfortunes(this.#world, this.#cluster, this.#clients, () => this.#publish());
  }

  get result(): SimulationResult {
    const { violations, trace } = this.#world.log;
    return {
      seed: this.#seed,
      violations,
      trace,
      events: this.#events,
      publications: this.#publisher.made,
      delivered: this.#followers.reduce((sum, { publications }) => sum + publications, 0),
      verdicts: this.#followers.reduce((sum, { verdicts }) => sum + verdicts, 0),
    };
  }

  async run(): Promise<void> {
    const { climate, random, quality, server, log } = this.#world;
    const { rates, publicationRate } = climate;
    for (const misfortune of MISFORTUNES)
      this.#often(rates[misfortune], () => this.#misfortunes.strike(misfortune));
    this.#often(publicationRate, () => this.#publish());
    this.#often(0.5, () => random.pick(this.#clients).wander());
    await this.#until(FAULTS - LAST_MOVES);
    // What a resume mends must not hide what the moves before it broke.
    log.note("the last moves");
    if (rates.detour > 0)
      for (const client of this.#clients)
        this.#misfortunes.detour(client, random.pick(this.#cluster.workers));
    await this.#until(FAULTS);
    if (rates.amnesia > 0) this.#misfortunes.strike("amnesia");
    log.note("from here on nothing goes wrong");
    this.#resting = true;
    quality.pubSubLoss = 0;
    quality.commandLoss = 0;
    await this.#until(FAULTS + VISIT);
    for (const channel of this.#channels) await server.presence.visit(channel);
    await this.#until(FAULTS + REST);
    await checkSettled({
      log,
      server,
      channels: this.#channels,
      clients: this.#clients,
      publisher: this.#publisher,
      workers: this.#cluster.workers,
    });
  }

  /** Runs what is due, and lets every worker's time pass with it. */
  async #until(end: number): Promise<void> {
    const { schedule, random } = this.#world;
    const { workers } = this.#cluster;
    for (;;) {
      const before = schedule.now;
      const run = schedule.take(end);
      const passed = schedule.now - before;
      if (passed > 0) {
        for (const worker of workers) worker.pass(passed);
        await runPromises();
      }
      if (run === undefined) return;
      this.#events++;
      run();
      await runPromises();
      if (!random.chance(0.3)) continue;
      random.pick(workers).turn();
      await runPromises();
    }
  }

  /** Calls `run` about so many times a second while there are faults. */
  #often(rate: number, run: () => void): void {
    if (rate === 0) return;
    const { schedule, random } = this.#world;
    const next = (): void => {
      if (this.#resting) return;
      run();
      again();
    };
    const again = (): void => schedule.after(random.int(1, Math.ceil(2000 / rate)), next);
    again();
  }

  #publish(): void {
    this.#publisher.publish(this.#world.random.pick(this.#channels));
  }

  #lost(worker: SimWorker): void {
    for (const each of [...this.#clients, this.#publisher]) each.lose(worker);
    checkLogger(worker, this.#world.log);
  }

  #newFollower(client: string, channel: string): Follower {
    const { climate, server, log } = this.#world;
    const { historySize, historyTtlMs, maxRecovered, maxOutboxBytes } = climate;
    const follower = new Follower(client, channel, {
      server,
      retention: { size: historySize, ttlMs: historyTtlMs },
      maxRecovered,
      maxRecoveredChars: maxOutboxBytes,
      note: (text) => log.note(text),
      violation: (text) => log.violation(text),
    });
    this.#followers.push(follower);
    return follower;
  }
}
