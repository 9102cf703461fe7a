/**
 * A worker: core with everything of the edge around it, joined.
 *
 * Builds core and its edge (`edge.ts`), gives each message of the primary to the part that it is for, and
 * sends what they have to say. Knows nothing of processes: `run-worker.ts` gives it a link.
 */
import { type Core, type DrainOptions, partsAway, type Timer } from "@holdfast/core";
import type { Owner } from "@holdfast/protocol";
import { LINK_SHARES, type Send } from "../link/link.js";
import { LOAD_INTERVAL_MS, type ToPrimary, type ToWorker, type WorkerQuestion } from "../link/messages.js";
import { WorkerMetrics } from "../link/metrics.js";
import type { WorkerReport } from "../link/worker-report.js";
import type { TlsMaterial } from "../tls/tls-material.js";
import { Canary, instanceName } from "./canary/canary.js";
import type { DirectDoor } from "./direct-door.js";
import { DirectoryEntry } from "./directory-entry.js";
import { Edge } from "./edge.js";
import { brokerReached } from "./embedded/broker-wait.js";
import { Embedded } from "./embedded/embedded.js";
import type { BrokerService, WorkerBroker } from "./embedded/worker-broker.js";
import { workerGauges } from "./gauges.js";
import { watchGcPauses } from "./gc/gc-pauses.js";
import type { GcTimer } from "./gc/gc-timer.js";
import { LoadReporter } from "./gc/load.js";
import { LoopMonitor } from "./gc/loop-monitor.js";
import { startGcTimer } from "./gc/worker-garbage.js";
import type { HttpServer } from "./http-server.js";
import type { WorkerOptions } from "./options.js";
import { workerReport } from "./report.js";
import { SessionIds } from "./session-ids.js";
import { Siblings } from "./siblings/siblings.js";
import { UnfinishedMessages } from "./sockets/unfinished-messages.js";
import { makeCore } from "./worker-core.js";

/** How long siblings may take to move their topics from a worker that ends, ms. */
const VACATE_MS = 2_000;

/** Messages that the worker answers; `start` is what it was made from. */
export type WorkerMessage = Exclude<ToWorker, { readonly type: "start" }>;

export interface WorkerWiring {
  readonly owner: Owner;
  /** Where the workers of this instance reach each other. */
  readonly relayDirectory: string;
  /** The instance's first public port. */
  readonly port: number;
  /** What the public ports shake hands with; undefined: they speak plain HTTP. */
  readonly tls?: TlsMaterial | undefined;
  readonly send: Send<ToPrimary>;
  /** How many hand-offs have arrived. */
  readonly received: () => number;
  /** The addresses whose connections have ended since the last call, where they are counted. */
  readonly takeDeparted: () => readonly string[];
  /** The worker's own front door, where workers listen themselves. */
  readonly door: WorkerDoor | undefined;
}

/** What the worker asks of its own front door. */
export type WorkerDoor = Pick<DirectDoor, "open" | "unready" | "refuse" | "close" | "pending" | "snapshot">;

export class Worker {
  readonly #options: WorkerOptions;
  readonly #send: Send<ToPrimary>;
  /** Whether all workers together hold as many connections as they may. */
  #instanceIsFull = false;
  readonly #slot: number;
  readonly #core: Core;
  readonly #edge: Edge;
  readonly #metrics: WorkerMetrics;
  readonly #loop: LoopMonitor;
  readonly #embedded: Embedded | undefined;
  readonly #ingest: BrokerService | undefined;
  readonly #directoryEntry: DirectoryEntry;
  readonly #load: LoadReporter;
  readonly #departedTimer: Timer;
  readonly #gcTimer: GcTimer | undefined;
  readonly #stopWatchingGc: () => void;
  readonly #door: WorkerDoor | undefined;
  readonly #canary: Canary | undefined;
  readonly #siblings: Siblings | undefined;
  readonly #unfinished: UnfinishedMessages;

  /** Begins at once: core is open and its broker starts to connect. */
  constructor(options: WorkerOptions, wiring: WorkerWiring) {
    const { owner, relayDirectory, port, send, takeDeparted } = wiring;
    const { clock } = options;
    this.#door = wiring.door;
    this.#options = options;
    this.#send = send;
    this.#slot = owner.slot;
    this.#loop = new LoopMonitor(clock);
    this.#metrics = new WorkerMetrics(owner.slot, () => ({
      ...workerGauges(options, this.#core, this.#unfinished, this.#loop),
      canary: this.#canary,
    }));
    const instance = instanceName(relayDirectory);
    const sharing = { owner, directory: relayDirectory, group: instance, metrics: this.#metrics };
    this.#siblings = options.sharesSubscriptions ? new Siblings({ ...options, ...sharing }) : undefined;
    const own: WorkerBroker = options.broker?.(this.#metrics, this.#siblings) ?? new Embedded(send, clock);
    this.#embedded = own instanceof Embedded ? own : undefined;
    this.#ingest = own.ingest;
    const canary = options.canary && { ...options.canary, instance, owner };
    this.#canary = canary && new Canary(canary, clock, this.#metrics);
    const backend = this.#canary === undefined ? own : { ...own, broker: this.#canary.around(own.broker) };
    this.#core = makeCore(options, backend, this.#metrics, new SessionIds(owner));
    const address = options.advertise?.(port);
    this.#directoryEntry = new DirectoryEntry(owner, address, own.directory, this.#core, clock);
    this.#unfinished = new UnfinishedMessages(options.unfinished, clock, () =>
      this.#metrics.add("unfinished_ended", 1),
    );
    this.#edge = new Edge(options, {
      core: this.#core,
      metrics: this.#metrics,
      unfinished: this.#unfinished,
      owner,
      relayDirectory,
      others: this.#directoryEntry.others,
      isInstanceFull: () => this.#instanceIsFull,
      tls: wiring.tls,
    });
    this.#stopWatchingGc = watchGcPauses((kind, seconds) => this.#metrics.gcPause(kind, seconds));
    this.#gcTimer = startGcTimer(options, owner.slot, this.#loop, {
      send,
      sockets: () => this.#edge.sockets,
      skipped: (reason) => this.#metrics.add(reason === "busy" ? "gc_skipped_busy" : "gc_skipped", 1),
    });
    this.#core.start();
    this.#ingest?.start();
    this.#load = this.#reportLoad(wiring);
    this.#departedTimer = clock.every(LOAD_INTERVAL_MS, () => {
      const addresses = takeDeparted();
      if (addresses.length > 0) send({ type: "departed", addresses });
    });
  }

  get http(): HttpServer {
    return this.#edge.http;
  }

  /** Sockets that it has taken, of any kind. */
  get sockets(): number {
    return this.#edge.sockets;
  }

  /**
   * Resolves when it can do its work, with its broker or `brokerWaitMs` later. Rejects if it cannot listen.
   */
  async listen(): Promise<void> {
    const { brokerWaitMs, clock, logger } = this.#options;
    await this.#siblings?.listen();
    const problem = await this.http.listen();
    if (problem !== undefined)
      logger.warn(
        { err: problem },
        "no room for this worker's socket in the temporary folder: requests that other workers get for its sessions begin them anew; tried again every 5 s",
      );
    const isReached = (): boolean =>
      this.#core.brokerState === "ready" && partsAway(this.#core.brokerApart).length === 0;
    if (!(await brokerReached(isReached, brokerWaitMs, clock))) {
      logger.warn(
        { waitedMs: brokerWaitMs },
        "the broker cannot be reached: serving without it until it can",
      );
    }
    // Before the primary hears `ready`: it prefers workers that reach the broker.
    this.#load.report();
    await this.#door?.open();
    this.#directoryEntry.announce();
    const { rest } = clock;
    const mayRest = this.#canary?.mayRest ?? true;
    rest?.while(() => mayRest && this.sockets + (this.#door?.pending ?? 0) === 0 && this.#core.isIdle);
    rest?.quietWhile(() => mayRest && (this.#door?.pending ?? 0) === 0 && this.#core.isQuiet);
  }

  /** Carries out what the primary says. */
  receive(message: WorkerMessage): void {
    switch (message.type) {
      case "unready":
        this.http.unready();
        this.#door?.unready();
        break;
      case "door":
        this.http.doorIs(message.shut ? "shut" : "open");
        break;
      case "full":
        this.#instanceIsFull = message.full;
        break;
      case "tls":
        this.#edge.renewTls(message.material);
        break;
      case "probe":
        this.#send({ type: "probed" }, LINK_SHARES.urgent);
        break;
      case "drain":
        this.#drain(message);
        break;
      case "shed":
        this.#core.shed(message, (count) => void this.#send({ type: "shed", count }));
        break;
      case "collect-metrics":
        this.#answerMetrics(message.id);
        break;
      case "inspect":
        this.#send({ type: "inspected", id: message.id, list: this.#answer(message.question) });
        break;
      case "siblings":
        this.#siblings?.members(message.members);
        break;
      case "gc-turn":
        if (this.#gcTimer === undefined) this.#send({ type: "gc-done" }, LINK_SHARES.urgent);
        else this.#gcTimer.turn();
        break;
      default:
        this.#embedded?.answer(message);
    }
  }

  /** Ends every connection and lets go of the broker. Idempotent. */
  async close(): Promise<void> {
    this.#canary?.close();
    this.#door?.close();
    this.#load.close();
    this.#departedTimer.cancel();
    this.#gcTimer?.close();
    this.#stopWatchingGc();
    this.#loop.close();
    await this.#ingest?.close();
    await this.#directoryEntry.close();
    await this.#core.close();
    this.#siblings?.close();
    this.#embedded?.close();
    this.http.close();
    this.#unfinished.close();
  }

  #answer(question: WorkerQuestion): readonly unknown[] {
    switch (question.of) {
      case "report":
        return [this.#report()];
      case "warnings":
        return this.#options.warnings.list().map((each) => ({ process: String(this.#slot), ...each }));
      case "probe": {
        const seen = this.#edge.seen(question.name);
        return seen === undefined ? [] : [seen];
      }
      case "survey":
        return [{ slot: this.#slot, ...this.#core.inspector.survey() }];
      default:
        return this.#core.inspector.answer(question);
    }
  }

  #report(): WorkerReport {
    return workerReport({
      slot: this.#slot,
      core: this.#core,
      metrics: this.#metrics,
      loop: this.#loop,
      canary: this.#canary,
      now: this.#options.clock.now(),
    });
  }

  /** Also counted for viewers. */
  #takeLoopDelayMs(): number {
    const delayMs = this.#loop.takeMaxDelayMs();
    this.#metrics.loopDelay(delayMs / 1000);
    return Math.round(delayMs);
  }

  #drain(options: DrainOptions): void {
    this.#door?.refuse();
    this.#canary?.close();
    // Another worker takes over while this one sends its close messages.
    void this.#ingest?.close();
    const { windowMs, reason } = options;
    this.#options.logger.info({ windowMs, reason, connections: this.#core.connections }, "draining");
    const progress = (left: number): void => void this.#send({ type: "drain-progress", left });
    const drained = this.#core.drain(options, progress);
    this.http.closeIdle();
    // Not before its siblings have their topics elsewhere.
    drained
      .then(() => this.#siblings?.vacated(VACATE_MS))
      .then(
        () => void this.#send({ type: "drained" }),
        (problem: unknown) => {
          this.#options.logger.error({ err: problem }, "the drain failed");
          this.#send({ type: "drained" });
        },
      );
  }

  #answerMetrics(id: number): void {
    Promise.all([this.#metrics.snapshot(), this.#door?.snapshot() ?? []]).then(
      (snapshots) => void this.#send({ type: "metrics", id, snapshot: snapshots.flat() }),
      (problem: unknown) => {
        this.#options.logger.error({ err: problem }, "could not collect the metrics");
        this.#send({ type: "metrics", id, snapshot: [] });
      },
    );
  }

  #reportLoad({ door, received, send }: WorkerWiring): LoadReporter {
    return new LoadReporter(
      this.#options.clock,
      () => ({
        // A polled session counts as a connection, also while it has no socket.
        sockets: Math.max(this.sockets, this.#core.connections) + (door?.pending ?? 0),
        received: received(),
        connections: this.#core.connections,
        loopDelayMs: this.#takeLoopDelayMs(),
        broker: this.#core.brokerState,
        partsAway: partsAway(this.#core.brokerApart),
      }),
      (load) => void send({ type: "load", ...load }, LINK_SHARES.urgent),
    );
  }
}
