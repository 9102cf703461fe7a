/**
 * The primary: front door, supervisor, admin port, GC turns and embedded broker, joined; and their life.
 *
 *     idle ──start──► starting ──all ready──► running ──stop──► stopping ──► stopped
 *     (a start that fails stops)
 *
 * A stop is a drain and then the end; a drain that was asked for alone leaves the instance up without
 * workers. Invariant: after `stop` resolved nothing of the instance is left, no process, port or timer.
 */
import { tmpdir } from "node:os";
import type { BrokerState } from "@holdfast/core";
import { LingeringCloses } from "../admission/lingering-closes.js";
import { PendingSocket } from "../admission/pending-socket.js";
import { type CutReason, Exchanges } from "../http/exchanges.js";
import { LINK_SHARES } from "../link/link.js";
import type { ToPrimary } from "../link/messages.js";
import { ReadBudget } from "../runtime/read-budget.js";
import { adminApi } from "./admin/api.js";
import { AdminServer } from "./admin/server.js";
import { FrontDoor } from "./door/front-door.js";
import { EmbeddedServers } from "./embedded/embedded-servers.js";
import { Inspection } from "./operations/inspection.js";
import { type DrainPlan, type DrainProgress, InstanceDrain } from "./operations/instance-drain.js";
import { PrimaryMetrics } from "./operations/primary-metrics.js";
import { Scrape } from "./operations/scrape.js";
import type { PrimaryOptions } from "./options.js";
import { GcTurns } from "./workers/gc-turns.js";
import { RelayDirectory } from "./workers/relay-directory.js";
import { Reload } from "./workers/reload.js";
import { Supervisor } from "./workers/supervisor.js";
import { drainWorker } from "./workers/worker-drain.js";
import type { WorkerProgram } from "./workers/worker-launcher.js";
import type { WorkerProcess } from "./workers/worker-process.js";

/** Where a started instance can be reached. */
export interface Addresses {
  readonly ports: readonly number[];
  readonly adminPort: number;
}

/** What a reload may change. */
export interface ReloadOptions extends WorkerProgram {
  readonly drain: DrainPlan;
  readonly retention: PrimaryOptions["retention"];
  readonly hasPresence: PrimaryOptions["hasPresence"];
  readonly clockLeewayMs: number;
  readonly origins: PrimaryOptions["origins"];
}

type State = "idle" | "starting" | "running" | "stopping" | "stopped";

/** How long a worker may take for its last words when all has to end at once, ms. */
const ABORT_GRACE_MS = 2_000;

const STOPPED_EARLY = "the instance was stopped before it had started";

export class Primary {
  readonly #options: PrimaryOptions;
  readonly #frontDoor: FrontDoor;
  readonly #supervisor: Supervisor;
  readonly #admin: AdminServer;
  readonly #gcTurns: GcTurns<WorkerProcess>;
  readonly #metrics: PrimaryMetrics;
  readonly #scrape: Scrape;
  readonly #inspection: Inspection;
  readonly #drain: InstanceDrain;
  readonly #reload: Reload<WorkerProgram, WorkerProcess>;
  readonly #embedded: EmbeddedServers;
  #state: State = "idle";
  #drainPlan: DrainPlan;
  /** What holds for a channel: a reload may change it. */
  #channels: Pick<PrimaryOptions, "retention" | "hasPresence">;
  /** Where the workers reach each other. */
  readonly #relayDirectory = new RelayDirectory([tmpdir(), "/tmp", "/var/tmp", "/dev/shm"]);
  #clockLeewayMs: number;
  #stopped: Promise<void> | undefined;
  /** Settles when all that a stop has to close is open. */
  #opening: Promise<Addresses> | undefined;
  /** Calls back once all workers are ready, or with the problem that keeps them from it. */
  #onStarted: (problem?: string) => void = () => {};
  readonly #onFailed: (problem: string) => void;

  /** `onFailed` is told when the instance cannot go on after it had started. */
  constructor(options: PrimaryOptions, onFailed: (problem: string) => void) {
    const { clock, logger } = options;
    this.#options = options;
    this.#drainPlan = options.drain;
    this.#channels = options;
    this.#clockLeewayMs = options.clockLeewayMs;
    this.#onFailed = onFailed;
    this.#metrics = new PrimaryMetrics(() => ({
      workers: this.#ready.length,
      pending: this.#frontDoor.pending,
      maxConnections: options.maxConnections,
      drain: this.#drain.progress,
      reloadLeft: this.#reload.left,
      logLinesLost: options.logLinesLost(),
      logLinesLimited: options.logLinesLimited(),
      kept: options.bus?.kept ?? { chars: 0, forgotten: 0 },
    }));
    this.#embedded = new EmbeddedServers(options, () => this.#metrics.skipped());
    this.#scrape = new Scrape(
      {
        workers: () => this.#supervisor.workers,
        isPlaced: (worker) => this.#supervisor.isPlaced(worker),
        own: () => this.#metrics.snapshot(),
      },
      clock,
    );
    this.#inspection = new Inspection(clock, () => this.#ready);
    this.#gcTurns = new GcTurns(clock, (worker) => void worker.send({ type: "gc-turn" }, LINK_SHARES.urgent));
    this.#supervisor = new Supervisor(
      options,
      {
        ready: (worker) => this.#workerReady(worker),
        message: (worker, message) => this.#message(worker, message),
        room: () => this.#frontDoor.admission.proceed(),
        copied: (port, copy) => this.#frontDoor.gate.copied(port, copy),
        misplaced: ({ head, about: address }, handle) =>
          this.#frontDoor.misplaced(PendingSocket.read(handle, head, address, clock.monotonic())),
        undeliverable: (worker, socket) => this.#frontDoor.undeliverable(worker, socket),
        ended: (worker) => this.#workerEnded(worker),
        restarted: () => this.#metrics.restarted(),
        failed: (problem) => this.#failed(problem),
      },
      clock,
      logger,
    );
    const budget = new ReadBudget({ paused: () => this.#metrics.inputPaused() });
    this.#frontDoor = new FrontDoor(
      options,
      (worker) => this.#gcTurns.isCollecting(worker),
      this.#metrics,
      clock,
      logger,
      { lingeringCloses: new LingeringCloses(clock, undefined, budget) },
    );
    this.#drain = new InstanceDrain(
      {
        workers: () => this.#supervisor.workers,
        announce: () => this.#announce(),
        refuse: () => {
          this.#frontDoor.refuse();
          this.#supervisor.stop();
        },
      },
      clock,
      logger,
    );
    this.#reload = new Reload(
      {
        slots: options.workers,
        succeed: (slot, program) => this.#supervisor.succeed(slot, program),
        retire: (worker) => this.#retire(worker),
      },
      (result) => this.#metrics.reloaded(result),
      logger,
    );
    const instance = {
      broker: options.broker,
      revocations: options.revocations,
      revocationTtlMs: options.revocationTtlMs,
      clockLeewayMs: () => this.#clockLeewayMs,
      maxPublicationBytes: options.maxPublicationBytes,
      now: () => clock.now(),
      presence: options.presence,
      retention: (channel: string) => this.#channels.retention(channel),
      hasPresence: (channel: string) => this.#channels.hasPresence(channel),
      notReady: () => this.notReady(),
      drain: () => this.drain(),
      drainProgress: () => this.#drain.progress,
      metrics: () => this.#scrape.text(),
      inspection: this.#inspection,
    };
    const routes = adminApi(instance);
    // JSON may need six characters for one of the data's.
    const cut = (why: CutReason): void => this.#metrics.adminCut(why);
    const exchanges = new Exchanges(clock, options.writeTimeoutMs, cut, budget);
    const maxBodyBytes = options.maxPublicationBytes * 6 + 1024;
    this.#admin = new AdminServer(options.admin, routes, maxBodyBytes, logger, exchanges, () =>
      this.#metrics.adminRefused(),
    );
  }

  /**
   * Listens, starts the workers and resolves when all are ready. Rejects with the system's error when a port
   * cannot be had and with a sentence when workers cannot start or a stop comes first; nothing is left
   * running then.
   */
  async start(): Promise<Addresses> {
    if (this.#state !== "idle") throw new Error("a primary starts once");
    this.#state = "starting";
    try {
      this.#opening = this.#open();
      const addresses = await this.#opening;
      await new Promise<void>((resolve, reject) => {
        this.#onStarted = (problem) => (problem === undefined ? resolve() : reject(new Error(problem)));
        if (this.#state !== "starting") return this.#onStarted(STOPPED_EARLY);
        this.#options.broker.start({ publication: () => {}, state: (state) => this.#brokerState(state) });
        this.#supervisor.start({
          relayDirectory: () => this.#relayDirectory.ensure(),
          port: addresses.ports[0] ?? 0,
        });
      });
      return addresses;
    } catch (error) {
      await this.stop(0);
      throw error;
    }
  }

  /** Why the instance should get no traffic, one sentence each; empty when it is ready. */
  notReady(): readonly string[] {
    if (this.#state !== "starting" && this.#state !== "running") return ["The instance is stopping."];
    if (this.#drain.state !== "serving") return [`The instance drains (${this.#drain.state}).`];
    const problems: string[] = [];
    const { shutMs } = this.#frontDoor;
    if (shutMs > 0)
      problems.push(`The front door has accepted no connection for ${Math.floor(shutMs / 1000)} s.`);
    const missing = this.#options.workers - this.#ready.length;
    if (missing > 0) problems.push(`${missing} of ${this.#options.workers} workers are not ready.`);
    const away = this.#ready.filter((worker) => worker.load.broker !== "ready").length;
    if (away > 0 || this.#options.broker.state !== "ready") {
      problems.push(`The broker cannot be reached by ${away === 0 ? "the primary" : `${away} workers`}.`);
    }
    return problems;
  }

  /**
   * Makes health checks fail, sends every client away and ends the workers; the instance stays up without
   * them, until `stop`. Undefined before it has started. Idempotent: a second call says how far the first is.
   */
  drain(): DrainProgress | undefined {
    if (this.#state === "idle" || this.#state === "starting") return undefined;
    this.#drain.begin(this.#drainPlan);
    return this.#drain.progress;
  }

  /**
   * Replaces the workers by ones of this program, one after the other, or joins a reload under way. Only a
   * running instance does. Resolved at once; the log and the metrics say how it goes.
   */
  reload({ drain, retention, hasPresence, clockLeewayMs, origins, ...program }: ReloadOptions): void {
    if (this.#state !== "running" || this.#drain.state !== "serving") {
      return this.#options.logger.warn({}, "no reload: the instance is going away");
    }
    this.#drainPlan = drain;
    this.#channels = { retention, hasPresence };
    this.#clockLeewayMs = clockLeewayMs;
    this.#frontDoor.admission.allow(origins);
    this.#reload.request(program);
  }

  /** A reload was asked for with a configuration that is wrong: counted. */
  reloadRefused(): void {
    this.#metrics.reloaded("refused");
  }

  /**
   * Drains, then ends what is left. With `windowMs` the close messages begin at once, if they have not begun,
   * and are spread over that; otherwise it is as the settings say. Resolves when all is gone. Idempotent: a
   * second call awaits the first.
   */
  stop(windowMs?: number): Promise<void> {
    if (windowMs !== undefined && this.#stopped !== undefined)
      this.#drain.hurry({ ...this.#drainPlan, windowMs });
    this.#stopped ??= this.#stop(windowMs);
    return this.#stopped;
  }

  /**
   * Ends the workers without close messages, in two seconds at most; what hangs is killed. For a caller that
   * does not wait for a stop: the process has to exit then.
   */
  async abort(): Promise<void> {
    this.#supervisor.stop();
    const { workers } = this.#supervisor;
    for (const worker of workers) worker.release(ABORT_GRACE_MS);
    await Promise.all(workers.map(({ closed }) => closed));
  }

  async #stop(windowMs: number | undefined): Promise<void> {
    const plan = { ...this.#drainPlan, windowMs: windowMs ?? this.#drainPlan.windowMs };
    // No client was sent here before it was ready.
    const delayed = this.#state === "running" && windowMs === undefined;
    this.#state = "stopping";
    this.#onStarted(STOPPED_EARLY);
    if (delayed) this.#drain.begin(plan);
    else this.#drain.hurry(plan);
    await this.#drain.done;
    await this.#opening?.catch(() => {});
    this.#frontDoor.close();
    await this.#admin.close();
    await this.#options.broker.close();
    this.#relayDirectory.remove();
    this.#state = "stopped";
  }

  get #ready(): readonly WorkerProcess[] {
    return this.#supervisor.workers.filter((worker) => worker.state === "ready");
  }

  #announce(): void {
    this.#reload.stop();
    this.#frontDoor.unready();
    for (const worker of this.#supervisor.workers) worker.send({ type: "unready" }, LINK_SHARES.urgent);
  }

  #retire(worker: WorkerProcess): Promise<void> {
    const { clock, logger } = this.#options;
    const { windowMs, ratePerSecond } = this.#drainPlan;
    const rate = ratePerSecond === undefined ? {} : { ratePerSecond };
    return drainWorker(worker, { windowMs, reason: "the worker is replaced", ...rate }, clock, logger);
  }

  #workerReady(worker: WorkerProcess): void {
    // One that took the place of another after the announcement.
    if (this.#drain.state === "announced") worker.send({ type: "unready" }, LINK_SHARES.urgent);
    this.#frontDoor.joined(worker);
    if (this.#state !== "starting" || this.#ready.length < this.#options.workers) return;
    this.#state = "running";
    this.#onStarted();
  }

  #workerEnded(worker: WorkerProcess): void {
    this.#gcTurns.done(worker);
    this.#scrape.gone(worker);
    this.#inspection.gone(worker);
    this.#embedded.ended(worker);
    this.#frontDoor.lost(worker);
  }

  #failed(problem: string): void {
    if (this.#state === "starting") this.#onStarted(problem);
    else if (this.#state === "running") this.#onFailed(problem);
  }

  async #open(): Promise<Addresses> {
    const ports = await this.#frontDoor.listen();
    const adminPort = await this.#admin.listen();
    this.#relayDirectory.ensure();
    return { ports, adminPort };
  }

  #message(worker: WorkerProcess, message: ToPrimary): void {
    switch (message.type) {
      case "departed":
        return this.#frontDoor.departed(worker, message.addresses);
      case "probed":
        return this.#frontDoor.healthChecks.answered(worker);
      case "gc-wish":
        return this.#gcTurns.wish(worker);
      case "gc-done":
        return this.#gcTurns.done(worker);
      case "metrics":
        return this.#scrape.received(worker, message.id, message.snapshot);
      case "inspected":
        return this.#inspection.received(worker, message.id, message.list);
      case "drain-progress":
        return this.#options.logger.debug({ worker: worker.owner.slot, left: message.left }, "draining");
      case "drained":
        this.#options.logger.info({ worker: worker.owner.slot }, "worker drained");
        return worker.release();
      case "broker-publish":
      case "broker-read":
      case "broker-secret":
      case "broker-subscribe":
      case "broker-unsubscribe":
      case "call":
        return this.#embedded.handle(worker, message);
      default:
    }
  }

  #brokerState(state: BrokerState): void {
    this.#options.logger.debug({ state }, "broker");
  }
}
