/**
 * A worker: core with everything of the edge around it, joined.
 *
 * Builds the parts, gives each message of the primary to the part that it is for, and sends what they have to
 * say. Knows nothing of processes: `run-worker.ts` gives it a link, and a test may give it two functions and
 * let it listen.
 */
import type { Duplex } from "node:stream";
import { Core, type DrainOptions, SparseLog, type Timer, type WorkerDirectory } from "@holdfast/core";
import { type Owner, ownerPrefix } from "@holdfast/protocol";
import { originCheck } from "../http/origin.js";
import { LINK_SHARES, type Send } from "../link/link.js";
import { LOAD_INTERVAL_MS, type Question, type ToPrimary, type ToWorker } from "../link/messages.js";
import { WorkerMetrics } from "../link/metrics.js";
import { ReadBudget } from "../runtime/read-budget.js";
import { HandleIo } from "../runtime/tcp-handle.js";
import { Comet } from "./comet/comet.js";
import { MAX_CURSOR_LENGTH } from "./comet/cursor.js";
import { SessionLimits } from "./comet/session-limits.js";
import type { DirectDoor } from "./direct-door.js";
import { brokerReached } from "./embedded/broker-wait.js";
import { Embedded } from "./embedded/embedded.js";
import type { BrokerService, WorkerBroker } from "./embedded/worker-broker.js";
import { watchGcPauses } from "./gc/gc-pauses.js";
import { fullCollection, GcTimer } from "./gc/gc-timer.js";
import { LoadReporter } from "./gc/load.js";
import { LoopMonitor } from "./gc/loop-monitor.js";
import { ClientAddresses } from "./http/client-addresses.js";
import { LaterClients } from "./http/later-clients.js";
import { loggedCheck, noticeIn } from "./http/noticed.js";
import { PlainHttp } from "./http/plain-http.js";
import { RefusalBrake } from "./http/refusal-brake.js";
import { RequestAuthentication } from "./http/request-authentication.js";
import { UpgradeAdmission } from "./http/upgrade-admission.js";
import { HttpServer } from "./http-server.js";
import type { WorkerOptions } from "./options.js";
import { InstanceSeal } from "./relay/instance-seal.js";
import { OtherInstances } from "./relay/other-instances.js";
import { SessionIds } from "./session-ids.js";
import { UnfinishedMessages } from "./sockets/unfinished-messages.js";
import { WaitingSockets } from "./sockets/waiting-sockets.js";
import { TokenAuthenticator } from "./tokens/token.js";
import { Webhooks } from "./webhook/webhooks.js";
import { WebSocketTransports } from "./websocket/transports.js";

/**
 * How long a connection may be silent between two requests, ms: longer than a load balancer keeps it (AWS: 60
 * s).
 */
const KEEP_ALIVE_MS = 75_000;

/** Messages that the worker answers; `start` is what it was made from. */
export type WorkerMessage = Exclude<ToWorker, { readonly type: "start" }>;

export interface WorkerWiring {
  readonly owner: Owner;
  /** Where the workers of this instance reach each other. */
  readonly relayDirectory: string;
  /** The instance's first public port. */
  readonly port: number;
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
  readonly http: HttpServer;
  readonly #options: WorkerOptions;
  readonly #send: Send<ToPrimary>;
  /** Whether all workers together hold as many connections as they may. */
  #instanceIsFull = false;
  readonly #core: Core;
  readonly #metrics: WorkerMetrics;
  readonly #loop = new LoopMonitor();
  readonly #embedded: Embedded | undefined;
  readonly #ingest: BrokerService | undefined;
  readonly #owner: Owner;
  readonly #directory: WorkerDirectory | undefined;
  /** Where other instances reach this one. */
  readonly #address: string | undefined;
  readonly #seal: InstanceSeal;
  readonly #load: LoadReporter;
  readonly #departedTimer: Timer;
  readonly #gcTimer: GcTimer | undefined;
  readonly #stopWatchingGc: () => void;
  readonly #door: WorkerDoor | undefined;
  readonly #heldSockets: () => number;
  readonly #unfinished: UnfinishedMessages;

  /** Begins at once: core is open and its broker starts to connect. */
  constructor(options: WorkerOptions, wiring: WorkerWiring) {
    const { owner, relayDirectory, port, send, received, takeDeparted, door } = wiring;
    const { clock, logger } = options;
    this.#owner = owner;
    this.#door = door;
    this.#options = options;
    this.#send = send;
    this.#metrics = new WorkerMetrics(owner.slot, () => ({
      connections: this.#core.connections,
      subscriptions: this.#core.subscriptions,
      subscriptionsBehind: this.#core.subscriptionsBehind,
      topics: this.#core.topics,
      presenceMembers: this.#core.members,
      presenceViews: this.#core.presenceViews,
      revocations: this.#core.revocations,
      logLinesLost: options.logLinesLost(),
      logLinesLimited: options.logLinesLimited(),
      unfinishedBytes: this.#unfinished.bytes,
      readsWaiting: this.#core.readsWaiting,
      brokerState: this.#core.brokerState,
      loop: this.#loop.takeDelays(),
    }));
    const own: WorkerBroker = options.broker?.(this.#metrics) ?? new Embedded(send, clock);
    this.#embedded = own instanceof Embedded ? own : undefined;
    const { broker, ingest, presence, revocations } = own;
    this.#ingest = ingest;
    this.#address = options.advertise?.(port);
    this.#directory = this.#address === undefined ? undefined : own.directory;
    const ids = new SessionIds(owner);
    this.#core = new Core(options.core, {
      broker,
      events: own?.events,
      presence,
      revocations,
      secret: options.secret,
      clock,
      logger,
      metrics: this.#metrics,
      authenticator:
        options.tokens &&
        new TokenAuthenticator(options.tokens, {
          clock,
          logger,
          fetch,
          refused: () => this.#metrics.add("checks_refused", 1),
        }),
      authorizer:
        options.webhooks && new Webhooks(options.webhooks, { clock, logger, metrics: this.#metrics }),
      sessionId: () => ids.next(),
      random: Math.random,
    });
    this.#seal = new InstanceSeal(() => this.#core.instanceKey, clock);
    const unfinished = new UnfinishedMessages(options.unfinished, clock, () =>
      this.#metrics.add("unfinished_ended", 1),
    );
    this.#unfinished = unfinished;
    const budget = new ReadBudget({ paused: () => this.#metrics.inputPaused() });
    const io = new HandleIo(budget);
    const transports = new WebSocketTransports(
      this.#core,
      options.core.maxPayload,
      unfinished,
      clock,
      new RefusalBrake(clock, () => this.#metrics.add("refusals_delayed", 1)),
      io,
    );
    const brake = new RefusalBrake<Duplex>(clock, () => this.#metrics.add("refusals_delayed", 1));
    const waiting = new WaitingSockets(clock, options.headTimeoutMs);
    const idle = new WaitingSockets(clock, KEEP_ALIVE_MS);
    const noticed = new SparseLog(logger, clock);
    const notice = noticeIn(noticed);
    const policy = {
      mayComeFrom: loggedCheck(
        originCheck(options.origins, options.onlyLocalHosts, options.localPages),
        noticed,
        options.origins,
      ),
      maxChannels: options.core.maxChannels,
      forwarded: options.webhooks?.urls.connect === undefined ? undefined : options.webhooks.headers,
      tokenInUrl: options.tokenInUrl,
      notice,
    };
    const clients = new ClientAddresses(options.clients);
    const limits = new SessionLimits(options.sessionLimits, {
      clock,
      isFull: () => this.#instanceIsFull || this.#core.connections >= options.maxSockets,
      refused: (why) => this.#metrics.sessionRefused(why),
    });
    const authentication = new RequestAuthentication(this.#core);
    const comet = new Comet({
      clients,
      authentication,
      limits,
      core: this.#core,
      policy,
      polls: options.polls,
      maxPayload: options.core.maxPayload,
      unfinished,
      clock,
      random: Math.random,
      io,
    });
    this.http = new HttpServer({
      core: this.#core,
      comet,
      upgrades: new UpgradeAdmission(this.#core, authentication, policy, clients, Math.random),
      transports,
      later: new LaterClients(clients, limits),
      waiting,
      idle,
      relay: {
        directory: relayDirectory,
        owner,
        maxBodyBytes: options.core.maxPayload + MAX_CURSOR_LENGTH,
        unfinished,
        answerTimeoutMs: options.answerTimeoutMs,
        mayConnect: () => this.sockets < options.maxSockets,
        others:
          this.#directory && new OtherInstances(this.#directory, this.#address ?? "", clock, this.#seal),
        clock,
        routed: (way) => this.#metrics.routed(way),
      },
      answered: () => this.#metrics.answered(),
      writeTimeoutMs: options.writeTimeoutMs,
      clock,
      budget,
      cut: (why) => this.#metrics.cut(why),
      plain: new PlainHttp(options.pages, notice),
      policy,
      maxHeadBytes: options.maxHeadBytes,
      random: Math.random,
      handshakes: this.#metrics,
      brake,
    });
    this.#stopWatchingGc = watchGcPauses((kind, seconds) => this.#metrics.gcPause(kind, seconds));
    this.#gcTimer = this.#startGcTimer(owner.slot);
    this.#core.start();
    this.#ingest?.start();
    this.#heldSockets = () =>
      brake.size +
      waiting.size +
      idle.size +
      transports.open +
      comet.sockets +
      authentication.waiting +
      this.http.relayed;
    this.#load = new LoadReporter(
      clock,
      () => ({
        // A polled session counts as a connection, also while it has no socket.
        sockets: Math.max(this.sockets, this.#core.connections) + (door?.pending ?? 0),
        received: received(),
        connections: this.#core.connections,
        loopDelayMs: Math.round(this.#loop.takeMaxDelayMs()),
        broker: this.#core.brokerState,
      }),
      (load) => void send({ type: "load", ...load }, LINK_SHARES.urgent),
    );
    this.#departedTimer = clock.every(LOAD_INTERVAL_MS, () => {
      const addresses = takeDeparted();
      if (addresses.length > 0) send({ type: "departed", addresses });
    });
  }

  /** Sockets that it has taken, of any kind. */
  get sockets(): number {
    return this.#heldSockets();
  }

  /**
   * Resolves when it can do its work, its broker included, unless that cannot be reached for `brokerWaitMs`.
   * Rejects with the system's error when it cannot listen.
   */
  async listen(): Promise<void> {
    const { brokerWaitMs, clock, logger } = this.#options;
    const problem = await this.http.listen();
    if (problem !== undefined)
      logger.warn(
        { err: problem },
        "no room for this worker's socket in the temporary folder: requests that other workers get for its sessions begin them anew; tried again every 5 s",
      );
    if (!(await brokerReached(() => this.#core.brokerState, brokerWaitMs, clock))) {
      logger.warn(
        { waitedMs: brokerWaitMs },
        "the broker cannot be reached: serving without it until it can",
      );
    }
    // Before the primary hears `ready`: it prefers workers that reach the broker.
    this.#load.report();
    await this.#door?.open();
    const address = this.#address;
    if (address === undefined) return;
    const worker = ownerPrefix(this.#owner);
    this.#directory?.announce(worker, () => this.#seal.sealAddress(worker, address));
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
      case "probe":
        this.#send({ type: "probed" }, LINK_SHARES.urgent);
        break;
      case "drain":
        this.#drain(message);
        break;
      case "collect-metrics":
        this.#answerMetrics(message.id);
        break;
      case "inspect":
        this.#send({ type: "inspected", id: message.id, list: this.#inspect(message.question) });
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
    this.#door?.close();
    this.#load.close();
    this.#departedTimer.cancel();
    this.#gcTimer?.close();
    this.#stopWatchingGc();
    this.#loop.close();
    await this.#ingest?.close();
    await this.#directory?.close();
    await this.#core.close();
    this.#embedded?.close();
    this.http.close();
    this.#unfinished.close();
  }

  #drain(options: DrainOptions): void {
    this.#door?.refuse();
    // Another worker takes over while this one sends its close messages.
    void this.#ingest?.close();
    const { windowMs, reason } = options;
    this.#options.logger.info({ windowMs, reason, connections: this.#core.connections }, "draining");
    const progress = (left: number): void => void this.#send({ type: "drain-progress", left });
    const drained = this.#core.drain(options, progress);
    this.http.closeIdle();
    drained.then(
      () => void this.#send({ type: "drained" }),
      (problem: unknown) => {
        this.#options.logger.error({ err: problem }, "the drain failed");
        this.#send({ type: "drained" });
      },
    );
  }

  #inspect(question: Question): readonly unknown[] {
    switch (question.of) {
      case "slowest":
        return this.#core.slowest(question.limit);
      case "channels":
        return this.#core.channels(question);
      case "sessions":
        return this.#core.sessions(question);
    }
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

  #startGcTimer(slot: number): GcTimer | undefined {
    const { clock, gcIntervalMs } = this.#options;
    if (gcIntervalMs === undefined) return undefined;
    return new GcTimer({
      clock,
      intervalMs: gcIntervalMs,
      slot,
      random: Math.random,
      takeUtilization: () => this.#loop.takeUtilization(),
      wish: () => void this.#send({ type: "gc-wish" }, LINK_SHARES.urgent),
      collect: fullCollection(),
      done: () => void this.#send({ type: "gc-done" }, LINK_SHARES.urgent),
    });
  }
}
