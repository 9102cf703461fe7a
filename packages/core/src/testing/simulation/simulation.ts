/**
 * The simulation: a cluster of real cores in one process, on fake clocks and a simulated broker, with clients
 * and a publisher, under the faults of a seed. A seed is a whole history: the same seed, the same events.
 *
 * It runs in two parts: a time of faults, then a time in which nothing goes wrong and every client has to
 * catch up with the logs. The checkers are `follower.ts`, of publications, and `attendance.ts`, of presence;
 * at the end the members of a channel are exactly the connected sessions that are subscribed to it. Core's
 * own error logs count as violations.
 */
import { runPromises } from "../fake-clock.js";
import { type Climate, climateOf, MISFORTUNES, type Misfortune } from "./faults.js";
import { Follower } from "./follower.js";
import { Random } from "./random.js";
import { Schedule } from "./schedule.js";
import { type LinkQuality, SimBroker } from "./sim-broker.js";
import { SimClient } from "./sim-client.js";
import { EPOCH_MS, type PresenceFlaw } from "./sim-presence.js";
import { SimPublisher } from "./sim-publisher.js";
import { type Flaw, SimServer } from "./sim-server.js";
import { SimWorker } from "./sim-worker.js";

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
const POSITION_CHECK = 500;
const MAX_OUTAGE = 1000;
const MAX_STALL = 800;
/** Some clients have their answer before they go back, and some have not. */
const MAX_DETOURS = [3, 15, 30, 150];
const MAX_BUSY = 60;
const MAX_REPLACEMENT = 400;
/** Of each log, in one failover. */
const MAX_LOST = 4;
const MAX_BURST = 30;
/** More are not kept: the first ones say what is wrong. */
const MAX_VIOLATIONS = 20;

export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  const simulation = new Simulation(options);
  await simulation.run();
  return simulation.result;
}

class Simulation {
  readonly #options: SimulationOptions;
  readonly #random: Random;
  readonly #climate: Climate;
  readonly #schedule = new Schedule();
  readonly #server: SimServer;
  readonly #quality: LinkQuality;
  readonly #workers: SimWorker[] = [];
  readonly #channels: readonly string[];
  readonly #followers: Follower[] = [];
  readonly #clients: SimClient[] = [];
  readonly #publisher: SimPublisher;
  readonly #violations: string[] = [];
  readonly #trace: string[] = [];
  #generation = 0;
  #events = 0;
  #resting = false;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
    this.#climate = { ...climateOf(this.#random), ...options.climate };
    this.#note(`the climate is ${JSON.stringify(this.#climate)}`);
    this.#quality = { ...this.#climate };
    const { maxLineage, workers, clients, channels, clientDelayMs, maxUnnoticedMs, watching } = this.#climate;
    this.#server = new SimServer(this.#schedule, this.#random, maxLineage, options.flaw);
    this.#channels = Array.from({ length: channels }, (_, i) => `channel-${i}`);
    for (let slot = 0; slot < workers; slot++) this.#workers.push(this.#newWorker(slot));
    const parts = {
      schedule: this.#schedule,
      random: this.#random,
      delayMs: clientDelayMs,
      maxUnnoticedMs,
      watching,
      server: this.#server,
      worker: () => this.#anyWorker(),
      note: (text: string) => this.#note(text),
      violation: (text: string) => this.#violation(text),
    };
    for (let i = 0; i < clients; i++) {
      const followers = this.#channels.map((channel) => this.#newFollower(`client ${i}`, channel));
      this.#clients.push(new SimClient(`client ${i}`, followers, parts));
    }
    this.#publisher = new SimPublisher(parts);
  }

  get result(): SimulationResult {
    return {
      seed: this.#options.seed,
      violations: this.#violations,
      trace: this.#trace,
      events: this.#events,
      publications: this.#publisher.made,
      delivered: this.#followers.reduce((sum, { publications }) => sum + publications, 0),
      verdicts: this.#followers.reduce((sum, { verdicts }) => sum + verdicts, 0),
    };
  }

  async run(): Promise<void> {
    const { rates, publicationRate } = this.#climate;
    for (const misfortune of MISFORTUNES) this.#often(rates[misfortune], () => this.#strike(misfortune));
    this.#often(publicationRate, () => this.#publish());
    this.#often(0.5, () => this.#random.pick(this.#clients).wander());
    await this.#until(FAULTS - LAST_MOVES);
    // What a resume mends must not hide what the moves before it broke.
    this.#note("the last moves");
    if (rates.detour > 0)
      for (const client of this.#clients) this.#detour(client, this.#random.pick(this.#workers));
    await this.#until(FAULTS);
    if (rates.amnesia > 0) this.#strike("amnesia");
    this.#note("from here on nothing goes wrong");
    this.#resting = true;
    this.#quality.pubSubLoss = 0;
    this.#quality.commandLoss = 0;
    await this.#until(FAULTS + VISIT);
    for (const channel of this.#channels) await this.#server.presence.visit(channel);
    await this.#until(FAULTS + REST);
    await this.#settled();
  }

  /** Runs what is due, and lets every worker's time pass with it. */
  async #until(end: number): Promise<void> {
    for (;;) {
      const before = this.#schedule.now;
      const run = this.#schedule.take(end);
      const passed = this.#schedule.now - before;
      if (passed > 0) {
        for (const worker of this.#workers) worker.pass(passed);
        await runPromises();
      }
      if (run === undefined) return;
      this.#events++;
      run();
      await runPromises();
      if (!this.#random.chance(0.3)) continue;
      this.#random.pick(this.#workers).turn();
      await runPromises();
    }
  }

  /** Calls `run` about so many times a second while there are faults. */
  #often(rate: number, run: () => void): void {
    if (rate === 0) return;
    const next = (): void => {
      if (this.#resting) return;
      run();
      again();
    };
    const again = (): void => this.#schedule.after(this.#random.int(1, Math.ceil(2000 / rate)), next);
    again();
  }

  #publish(): void {
    this.#publisher.publish(this.#random.pick(this.#channels));
  }

  #strike(misfortune: Misfortune): void {
    const random = this.#random;
    const worker = random.pick(this.#workers);
    const client = random.pick(this.#clients);
    switch (misfortune) {
      case "partition":
        this.#note(`${worker.name} loses the broker`);
        return worker.broker.cut(random.int(1, MAX_OUTAGE));
      case "failover":
      case "silent-failover":
        this.#note(misfortune);
        this.#server.failOver(MAX_LOST);
        if (misfortune === "failover") this.#cutAll();
        return;
      case "restart":
        this.#note("the broker begins anew, without data");
        this.#server.restart();
        return this.#cutAll();
      case "amnesia":
        this.#note("the broker loses who is where");
        return this.#server.presence.forget();
      case "crash":
        return this.#crash(worker);
      case "drain":
        return this.#drain(worker);
      case "cut":
        return client.cut();
      case "detour":
        return this.#detour(client, worker);
      case "stall":
        this.#note(`${client.name} stalls`);
        return client.stall(random.int(1, MAX_STALL));
      case "busy":
        this.#note(`${worker.name} is busy`);
        return worker.busy(random.int(1, MAX_BUSY));
      case "burst":
        for (let left = random.int(1, MAX_BURST); left > 0; left--) this.#publish();
        return;
    }
  }

  #detour(client: SimClient, worker: SimWorker): void {
    const forMs = this.#random.int(1, this.#random.pick(MAX_DETOURS));
    client.detour(worker, forMs);
    if (!this.#random.chance(0.5)) return;
    const outageMs = this.#random.int(1, MAX_OUTAGE);
    this.#schedule.after(this.#random.int(0, forMs), () => {
      this.#note(`${worker.name} loses the broker`);
      worker.broker.cut(outageMs);
    });
  }

  #cutAll(): void {
    for (const worker of this.#workers) worker.broker.cut(this.#random.int(1, MAX_OUTAGE));
  }

  #crash(worker: SimWorker): void {
    if (worker.state === "dead") return;
    this.#note(`${worker.name} dies`);
    worker.crash();
    this.#replace(worker);
  }

  #drain(worker: SimWorker): void {
    if (worker.state !== "running") return;
    this.#note(`${worker.name} drains`);
    void worker.drain().then(() => {
      if (worker.state === "draining") this.#crash(worker);
    });
  }

  #replace(worker: SimWorker): void {
    for (const each of [...this.#clients, this.#publisher]) each.lose(worker);
    this.#check(worker);
    this.#schedule.after(this.#random.int(1, MAX_REPLACEMENT), () => {
      const slot = this.#workers.indexOf(worker);
      this.#workers[slot] = this.#newWorker(slot);
    });
  }

  #newWorker(slot: number): SimWorker {
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
    } = this.#climate;
    const name = `worker ${slot}.${generation}`;
    const broker = new SimBroker({
      server: this.#server,
      schedule: this.#schedule,
      random: this.#random,
      quality: this.#quality,
      note: (text) => this.#note(`${name}: ${text}`),
    });
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
    return new SimWorker(slot, generation, options, broker, this.#random, EPOCH_MS + this.#schedule.now);
  }

  #newFollower(client: string, channel: string): Follower {
    const { historySize, historyTtlMs, maxRecovered, maxOutboxBytes } = this.#climate;
    const follower = new Follower(client, channel, {
      server: this.#server,
      retention: { size: historySize, ttlMs: historyTtlMs },
      maxRecovered,
      maxRecoveredChars: maxOutboxBytes,
      note: (text) => this.#note(text),
      violation: (text) => this.#violation(text),
    });
    this.#followers.push(follower);
    return follower;
  }

  #anyWorker(): SimWorker | undefined {
    const open = this.#workers.filter(({ state, core }) => state === "running" && core.admit() === undefined);
    return open.length === 0 ? undefined : this.#random.pick(open);
  }

  async #settled(): Promise<void> {
    for (const { name, content } of this.#clients)
      if (!content) this.#violation(`${name} could not come back though nothing was wrong`);
    if (!this.#publisher.content)
      this.#violation("publications were never confirmed though nothing was wrong");
    for (const follower of this.#followers) follower.settled();
    for (const channel of this.#channels) await this.#settledPresence(channel);
    for (const worker of this.#workers) this.#check(worker);
  }

  /** No ghosts, and no session is missing: in the store, and in the lists of the clients that follow. */
  async #settledPresence(channel: string): Promise<void> {
    const truth = this.#clients.flatMap((client) => client.memberOf(channel) ?? []).sort();
    const { members } = await this.#server.presence.read(channel, 1000);
    const found = members.map((text) => (JSON.parse(text) as { session: string }).session).sort();
    if (found.join() !== truth.join())
      this.#violation(`members of ${channel} are [${found.join(" ")}], connected are [${truth.join(" ")}]`);
    for (const { name, wants } of this.#clients) {
      for (const { follower, attendance, state } of wants) {
        if (follower.channel !== channel || state !== "on") continue;
        const wrong = attendance?.wrong(truth);
        if (wrong !== undefined) this.#violation(`${name} in ${channel} ${wrong}`);
      }
    }
  }

  /** Core says itself when something went wrong that it did not expect. */
  #check({ name, logger }: SimWorker): void {
    for (const { level, fields, message } of logger.lines)
      if (level === "error")
        this.#violation(`${name} logged: ${message} ${String((fields as { err?: Error }).err?.stack)}`);
  }

  #note(text: string): void {
    if (this.#options.trace) this.#trace.push(`${String(this.#schedule.now).padStart(6)} ${text}`);
  }

  #violation(text: string): void {
    this.#note(`VIOLATION: ${text}`);
    if (this.#violations.length < MAX_VIOLATIONS)
      this.#violations.push(`at ${this.#schedule.now} ms: ${text}`);
  }
}
