/**
 * The instance as its primary runs it: front door, workers, admin port, embedded broker and drain, joined.
 *
 * Owns which part asks what of which other one; when all of it starts and stops is `primary.ts`. Invariants:
 * a part knows no other part, only what it is given here; what a reload may change is replaced all at once.
 */
import { tmpdir } from "node:os";
import { LingeringCloses } from "../admission/lingering-closes.js";
import { PendingSocket } from "../admission/pending-socket.js";
import { LINK_SHARES } from "../link/link.js";
import { packageVersion } from "../link/worker-readings.js";
import { ReadBudget } from "../runtime/read-budget.js";
import type { Renewal } from "../tls/certificate-store.js";
import type { TlsMaterial } from "../tls/tls-material.js";
import { adminPort } from "./admin/admin-port.js";
import type { AdminInstance } from "./admin/endpoint.js";
import type { AdminServer } from "./admin/server.js";
import { FrontDoor } from "./door/front-door.js";
import { EmbeddedServers } from "./embedded/embedded-servers.js";
import { Inspection } from "./operations/inspection.js";
import { type DrainCrew, type DrainPlan, InstanceDrain } from "./operations/instance-drain.js";
import { PortCertificates, type TlsPort } from "./operations/port-certificates.js";
import { PrimaryMetrics } from "./operations/primary-metrics.js";
import type { PrimaryReadings } from "./operations/primary-readings.js";
import { Scrape } from "./operations/scrape.js";
import { Viewing } from "./operations/viewing.js";
import type { PrimaryOptions, ReloadableSettings } from "./options.js";
import { makeRebalancer } from "./rebalance-crew.js";
import { WorkerInbox } from "./worker-inbox.js";
import { GcTurns } from "./workers/gc-turns.js";
import { readyOf } from "./workers/ready-of.js";
import { RelayDirectory } from "./workers/relay-directory.js";
import { Reload } from "./workers/reload.js";
import { SiblingNews } from "./workers/sibling-news.js";
import { Supervisor, type SupervisorEvents } from "./workers/supervisor.js";
import { unreached } from "./workers/unreached.js";
import { drainWorker } from "./workers/worker-drain.js";
import type { WorkerProgram } from "./workers/worker-launcher.js";
import type { WorkerProcess } from "./workers/worker-process.js";

/** Where a started instance can be reached. */
export interface Addresses {
  readonly ports: readonly number[];
  readonly adminPort: number;
}

/** The life of the instance, which is told of its workers and answers for it at the admin port. */
export interface InstanceLife extends Pick<AdminInstance, "notReady" | "drain" | "reload"> {
  /** As many workers as there should be are ready. */
  complete(): void;
  /** The instance cannot go on. */
  failed(problem: string): void;
}

/** How long a worker may take for its last words when all has to end at once, ms. */
const ABORT_GRACE_MS = 2_000;

export class Instance {
  readonly drain: InstanceDrain;
  readonly metrics: PrimaryMetrics;
  readonly #options: PrimaryOptions;
  readonly #life: InstanceLife;
  readonly #door: FrontDoor;
  readonly #supervisor: Supervisor;
  readonly #inbox: WorkerInbox;
  readonly #admin: AdminServer;
  readonly #certificates: PortCertificates;
  readonly #reload: Reload<WorkerProgram, WorkerProcess>;
  readonly #siblings: SiblingNews;
  readonly #rebalancer: ReturnType<typeof makeRebalancer>;
  /** Where the workers reach each other. */
  readonly #relayDirectory = new RelayDirectory([tmpdir(), "/tmp", "/var/tmp", "/dev/shm"]);
  #settings: ReloadableSettings;

  constructor(options: PrimaryOptions, life: InstanceLife) {
    const { clock, logger } = options;
    this.#options = options;
    this.#life = life;
    this.#settings = options;
    this.#certificates = new PortCertificates(
      { public: options.tls, admin: options.adminTls },
      clock,
      logger,
      (port, material) => this.#renewTls(port, material),
    );
    this.metrics = new PrimaryMetrics(() => this.#readings());
    const budget = new ReadBudget({ paused: () => this.metrics.inputPaused() });
    const gcTurns = new GcTurns<WorkerProcess>(
      clock,
      (worker) => void worker.send({ type: "gc-turn" }, LINK_SHARES.urgent),
    );
    this.#supervisor = new Supervisor(options, this.#workerEvents(), clock, logger);
    this.#door = new FrontDoor(
      { ...options, speaksTls: options.tls !== undefined },
      (worker) => gcTurns.isCollecting(worker),
      this.metrics,
      clock,
      logger,
      { lingeringCloses: new LingeringCloses(clock, undefined, budget) },
    );
    const embedded = new EmbeddedServers(options, () => this.metrics.skipped());
    const inspection = new Inspection(clock, () => readyOf(this.#supervisor));
    const scrape = new Scrape(
      {
        workers: () => this.#supervisor.workers,
        isPlaced: (worker) => this.#supervisor.isPlaced(worker),
        own: () => this.metrics.snapshot(),
      },
      clock,
    );
    this.#siblings = new SiblingNews(this.#supervisor, () => this.drain.isLeaving);
    this.#rebalancer = makeRebalancer(options, {
      workers: () => this.#supervisor.workers,
      isReady: () => life.notReady().length === 0,
      drainState: () => this.drain.state,
      isReloading: () => this.#reload.left > 0,
      settings: () => this.#settings.rebalance,
    });
    const hearers = { door: this.#door, gcTurns, scrape, inspection, embedded, rebalancer: this.#rebalancer };
    this.#inbox = new WorkerInbox(hearers, logger);
    this.drain = new InstanceDrain(this.#drainCrew(), clock, logger);
    this.#reload = new Reload(
      {
        slots: options.workers,
        succeed: (slot, program) => this.#supervisor.succeed(slot, program),
        retire: (worker) => this.#retire(worker),
      },
      (result) => this.metrics.reloaded(result),
      logger,
      () => clock.now(),
    );
    const facts = {
      clockLeewayMs: () => this.#settings.clockLeewayMs,
      retention: (channel: string) => this.#settings.retention(channel),
      hasPresence: (channel: string) => this.#settings.hasPresence(channel),
      notReady: () => life.notReady(),
      drain: () => life.drain(),
      drainProgress: () => this.drain.progress,
      reload: () => life.reload(),
      reloadProgress: () => this.#reload.progress,
      rebalancer: this.#rebalancer,
      settings: () => this.#settings.settings,
      metrics: () => scrape.text(),
      inspection,
      ...this.#views(inspection),
    };
    this.#admin = adminPort({ ...options, tls: this.#certificates.of("admin") }, facts, this.metrics, budget);
  }

  /** How it goes away, as the newest configuration says. */
  get drainPlan(): DrainPlan {
    return this.#settings.drain;
  }

  /** Opens its ports; rejects with the system's error when one cannot be had. Await it before `close`. */
  async open(): Promise<Addresses> {
    const ports = await this.#door.listen();
    const port = await this.#admin.listen();
    this.#relayDirectory.ensure();
    return { ports, adminPort: port };
  }

  /** Starts the workers, and the primary's own way to the broker. */
  startWorkers({ ports }: Addresses): void {
    const { broker, logger } = this.#options;
    broker.start({ publication: () => {}, state: (state) => logger.debug({ state }, "broker") });
    this.#supervisor.start({
      relayDirectory: () => this.#relayDirectory.ensure(),
      port: ports[0] ?? 0,
      tls: () => this.#certificates.of("public"),
    });
  }

  /** Why it should get no traffic while it runs, one sentence each; empty when it is ready. */
  problems(): readonly string[] {
    const { workers, broker } = this.#options;
    if (this.drain.state !== "serving") return [`The instance drains (${this.drain.state}).`];
    const problems: string[] = [];
    const { shutMs } = this.#door;
    if (shutMs > 0)
      problems.push(`The front door has accepted no connection for ${Math.floor(shutMs / 1000)} s.`);
    const ready = readyOf(this.#supervisor);
    const missing = workers - ready.length;
    if (missing > 0) problems.push(`${missing} of ${workers} workers are not ready.`);
    return [...problems, ...unreached(broker, ready)];
  }

  /** From now on these settings hold, and the workers are replaced by ones of this program. */
  reload(program: WorkerProgram, settings: ReloadableSettings): void {
    this.#settings = settings;
    this.#door.admission.answers.allow(settings.origins);
    this.#reload.request(program);
  }

  /** Reads certificate files that have changed, and says what became of them since the last call. */
  renewCertificates(): Renewal {
    return this.#certificates.renew();
  }

  /** Ends the workers without close messages; resolves when they are gone. What hangs is killed. */
  async abort(): Promise<void> {
    this.#supervisor.stop();
    const { workers } = this.#supervisor;
    for (const worker of workers) worker.release(ABORT_GRACE_MS);
    await Promise.all(workers.map(({ closed }) => closed));
  }

  /** Closes all that is left once the drain is done. */
  async close(): Promise<void> {
    this.#certificates.close();
    this.#door.close();
    await this.#admin.close();
    await this.#rebalancer?.close();
    await this.#options.broker.close();
    this.#relayDirectory.remove();
  }

  #readings(): PrimaryReadings {
    const { maxConnections, logLinesLost, logLinesLimited, bus } = this.#options;
    return {
      workers: readyOf(this.#supervisor).length,
      wantedWorkers: this.#options.workers,
      pending: this.#door.pending,
      maxConnections,
      drain: this.drain.progress,
      reloadLeft: this.#reload.left,
      rebalance: this.#rebalancer,
      logLinesLost: logLinesLost(),
      logLinesLimited: logLinesLimited(),
      certificates: this.#certificates.readings,
      kept: bus?.kept ?? { chars: 0, forgotten: 0 },
    };
  }

  /** What operators watch. */
  #views(inspection: Inspection): Pick<AdminInstance, "overview" | "checkDelivery" | "warnings"> {
    const viewing = new Viewing({
      options: this.#options,
      version: packageVersion(),
      inspection,
      workers: () => this.#supervisor.workers,
      notReady: () => this.#life.notReady(),
      drain: () => this.drain.progress,
      reloadLeft: () => this.#reload.left,
      rebalance: () => this.#rebalancer?.report(),
      pending: () => this.#door.pending,
      retention: (channel) => this.#settings.retention(channel),
    });
    return {
      overview: () => viewing.overview(),
      checkDelivery: (channel, client) => viewing.checkDelivery(channel, client),
      warnings: (limit) => viewing.warnings(limit),
    };
  }

  #workerEvents(): SupervisorEvents {
    const { clock } = this.#options;
    return {
      ready: (worker) => this.#workerReady(worker),
      message: (worker, message) => this.#inbox.received(worker, message),
      room: () => this.#door.admission.proceed(),
      copied: (port, copy) => this.#door.gate.copied(port, copy),
      misplaced: ({ head, about: address }, handle) =>
        this.#door.misplaced(PendingSocket.read(handle, head, address, clock.monotonic())),
      undeliverable: (worker, socket) => this.#door.undeliverable(worker, socket),
      ended: (worker) => {
        this.#inbox.ended(worker);
        this.#siblings.tell();
      },
      restarted: () => this.metrics.restarted(),
      failed: (problem) => this.#life.failed(problem),
    };
  }

  #drainCrew(): DrainCrew {
    return {
      workers: () => this.#supervisor.workers,
      announce: () => {
        this.#reload.stop();
        this.#door.unready();
        for (const worker of this.#supervisor.workers) worker.send({ type: "unready" }, LINK_SHARES.urgent);
      },
      refuse: () => {
        this.#door.refuse();
        this.#supervisor.stop();
        this.#siblings.tell();
      },
    };
  }

  #renewTls(port: TlsPort, material: TlsMaterial): void {
    if (port === "admin") return this.#admin.renewTls(material);
    for (const worker of this.#supervisor.workers) worker.send({ type: "tls", material });
  }

  #workerReady(worker: WorkerProcess): void {
    // One that took the place of another after the announcement.
    if (this.drain.state === "announced") worker.send({ type: "unready" }, LINK_SHARES.urgent);
    // What it was started with may have been renewed meanwhile.
    const material = this.#certificates.of("public");
    if (material !== undefined) worker.send({ type: "tls", material });
    this.#door.joined(worker);
    this.#siblings.tell();
    if (readyOf(this.#supervisor).length < this.#options.workers) return;
    this.#life.complete();
    this.#rebalancer?.start();
  }

  #retire(worker: WorkerProcess): Promise<void> {
    const { clock, logger } = this.#options;
    const { windowMs, ratePerSecond } = this.#settings.drain;
    const rate = ratePerSecond === undefined ? {} : { ratePerSecond };
    const ended = drainWorker(worker, { windowMs, reason: "the worker is replaced", ...rate }, clock, logger);
    this.#siblings.tell();
    return ended;
  }
}
