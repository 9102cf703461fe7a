/**
 * The edge of a worker: everything between sockets and core, joined.
 *
 * Makes the HTTP server, comet and the WebSocket engine with what they share: one I/O of handles, one budget
 * of input, one policy, one count of sockets. The engine is the one of the setting. Behaviour is in the
 * parts. Invariant: each socket that the worker has is counted in `sockets`, once.
 */
import type { Duplex } from "node:stream";
import { type Core, type Incidents, SparseLog } from "@holdfast/core";
import type { Owner } from "@holdfast/protocol";
import { originCheck } from "../http/origin.js";
import { DOCUMENTED_PARSER, INTERNAL_PARSER } from "../http/parser-control.js";
import type { WorkerMetrics } from "../link/metrics.js";
import type { SeenClient } from "../link/seen-client.js";
import { type AnyWriterIo, HandleIo } from "../runtime/handle-io.js";
import { ReadBudget } from "../runtime/read-budget.js";
import { SocketIo } from "../runtime/socket-io.js";
import type { TlsMaterial } from "../tls/tls-material.js";
import { Comet } from "./comet/comet.js";
import { MAX_CURSOR_LENGTH } from "./comet/cursor.js";
import type { CometPolicy } from "./comet/decision.js";
import { SessionLimits } from "./comet/session-limits.js";
import { AddressProbes } from "./http/address-probes.js";
import { ClientAddresses } from "./http/client-addresses.js";
import { LaterClients } from "./http/later-clients.js";
import { loggedCheck, type Notice, noticeIn } from "./http/noticed.js";
import { PlainHttp } from "./http/plain-http.js";
import { RefusalBrake } from "./http/refusal-brake.js";
import { RequestAuthentication } from "./http/request-authentication.js";
import type { UpgradePolicy } from "./http/upgrade.js";
import { UpgradeAdmission } from "./http/upgrade-admission.js";
import type { WebSocketEngine } from "./http/websocket-engine.js";
import { HttpServer } from "./http-server.js";
import type { WorkerOptions } from "./options.js";
import { FarTls } from "./relay/far-tls.js";
import type { OtherInstances } from "./relay/other-instances.js";
import type { RelayOptions } from "./relay/relay.js";
import type { UnfinishedMessages } from "./sockets/unfinished-messages.js";
import { type WaitingSocket, WaitingSockets } from "./sockets/waiting-sockets.js";
import type { WebSocketTransport } from "./websocket/transport.js";
import { WebSocketTransports } from "./websocket/transports.js";
import { LibraryEngine } from "./websocket-library/library-engine.js";

/**
 * How long a connection may be silent between two requests, ms: longer than a load balancer keeps it (AWS: 60
 * s).
 */
const KEEP_ALIVE_MS = 75_000;

export interface EdgeParts {
  readonly core: Core;
  readonly metrics: WorkerMetrics;
  readonly unfinished: UnfinishedMessages;
  readonly owner: Owner;
  /** Where the workers of this instance reach each other. */
  readonly relayDirectory: string;
  /** Undefined while there is no cluster. */
  readonly others: OtherInstances | undefined;
  /** Whether all workers together hold as many connections as they may. */
  readonly isInstanceFull: () => boolean;
  /** What the public ports shake hands with; undefined: they speak plain HTTP. */
  readonly tls: TlsMaterial | undefined;
}

export class Edge {
  readonly http: HttpServer;
  readonly #options: WorkerOptions;
  readonly #parts: EdgeParts;
  readonly #brake: RefusalBrake<Duplex>;
  readonly #waiting: WaitingSockets;
  readonly #idle: WaitingSockets;
  readonly #engine: WebSocketEngine;
  readonly #comet: Comet;
  readonly #authentication: RequestAuthentication;
  readonly #farTls: FarTls | undefined;
  readonly #probes = new AddressProbes();

  constructor(options: WorkerOptions, parts: EdgeParts) {
    const { core, metrics } = parts;
    const { clock } = options;
    this.#options = options;
    this.#parts = parts;
    this.#farTls = parts.tls && new FarTls(parts.tls);
    const budget = new ReadBudget({ paused: () => metrics.inputPaused() });
    const io = options.engine === "lean" ? new HandleIo(budget) : new SocketIo(budget);
    this.#brake = new RefusalBrake(clock, () => metrics.add("refusals_delayed", 1));
    this.#waiting = new WaitingSockets(clock, options.headTimeoutMs);
    this.#idle = new WaitingSockets(clock, KEEP_ALIVE_MS);
    this.#engine = this.#makeEngine(io, budget);
    const noticed = new SparseLog(options.logger, clock);
    const notice = noticeIn(noticed, core.incidents);
    const policy = policyOf(options, noticed, core.incidents, notice);
    const clients = new ClientAddresses(options.clients);
    const limits = this.#makeLimits();
    this.#authentication = new RequestAuthentication(core, ({ name, message }) =>
      core.incidents.note({ kind: "turned-away", code: name, message }),
    );
    this.#comet = this.#makeComet(clients, limits, policy, io);
    this.http = new HttpServer({
      core,
      comet: this.#comet,
      upgrades: new UpgradeAdmission(core, this.#authentication, policy, clients, this.#probes, Math.random),
      engine: this.#engine,
      later: new LaterClients(clients, limits),
      tls: parts.tls,
      handshakeTimeoutMs: options.headTimeoutMs,
      shaken: (how) => metrics.shaken(how),
      waiting: this.#waiting,
      idle: this.#idle,
      relay: this.#relayOptions(),
      answered: () => metrics.answered(),
      writeTimeoutMs: options.writeTimeoutMs,
      clock,
      budget,
      cut: (why) => metrics.cut(why),
      plain: new PlainHttp(options.pages, notice),
      policy,
      maxHeadBytes: options.maxHeadBytes,
      random: Math.random,
      handshakes: metrics,
      brake: this.#brake,
      polling: this.#engine.takesHandles ? { io, idleMs: KEEP_ALIVE_MS } : undefined,
      parser: this.#engine.takesHandles ? INTERNAL_PARSER : DOCUMENTED_PARSER,
    });
  }

  /** Whom the probe of this name was taken for; undefined where it was not here. */
  seen(probe: string): SeenClient | undefined {
    return this.#probes.of(probe);
  }

  /** Sockets that the worker has taken, of any kind. */
  get sockets(): number {
    return (
      this.#brake.size +
      this.#waiting.size +
      this.#idle.size +
      this.#engine.open +
      this.#comet.sockets +
      this.#authentication.waiting +
      this.http.sockets
    );
  }

  /** TLS handshakes that begin from now on, here and to other instances, are made with this. */
  renewTls(material: TlsMaterial): void {
    this.http.renewTls(material);
    this.#farTls?.renew(material);
  }

  #makeEngine(io: AnyWriterIo, budget: ReadBudget): WebSocketEngine {
    const { core, metrics, unfinished } = this.#parts;
    const {
      engine,
      clock,
      core: { maxPayload },
    } = this.#options;
    const delayed = (): void => metrics.add("refusals_delayed", 1);
    switch (engine) {
      case "lean": {
        const brake = new RefusalBrake<WebSocketTransport>(clock, delayed);
        return new WebSocketTransports(core, maxPayload, unfinished, clock, brake, io, metrics);
      }
      case "ws": {
        const brake = new RefusalBrake<WaitingSocket>(clock, delayed);
        return new LibraryEngine({ opener: core, maxPayload, unfinished, clock, brake, budget, metrics });
      }
    }
  }

  #makeLimits(): SessionLimits {
    const { core, metrics, isInstanceFull } = this.#parts;
    const { sessionLimits, clock, maxSockets } = this.#options;
    return new SessionLimits(sessionLimits, {
      clock,
      isFull: () => isInstanceFull() || core.connections >= maxSockets,
      refused: (why) => metrics.sessionRefused(why),
    });
  }

  #makeComet(clients: ClientAddresses, limits: SessionLimits, policy: CometPolicy, io: AnyWriterIo): Comet {
    const { core, unfinished, metrics } = this.#parts;
    const { polls, core: coreOptions, clock, compression = "off" } = this.#options;
    return new Comet({
      clients,
      authentication: this.#authentication,
      limits,
      core,
      policy,
      polls,
      maxPayload: coreOptions.maxPayload,
      unfinished,
      clock,
      random: Math.random,
      io,
      compresses: compression !== "off",
      metrics,
    });
  }

  #relayOptions(): RelayOptions {
    const { owner, relayDirectory, others, unfinished, metrics } = this.#parts;
    const { core, answerTimeoutMs, maxSockets, clock } = this.#options;
    return {
      directory: relayDirectory,
      owner,
      maxBodyBytes: core.maxPayload + MAX_CURSOR_LENGTH,
      unfinished,
      answerTimeoutMs,
      mayConnect: () => this.sockets < maxSockets,
      farTls: this.#farTls,
      others,
      clock,
      routed: (way) => metrics.routed(way),
    };
  }
}

/** What may connect, by upgrades and by comet. */
function policyOf(
  { origins, onlyLocalHosts, localPages, core, webhooks, tokenInUrl, compression }: WorkerOptions,
  noticed: SparseLog,
  incidents: Incidents,
  notice: Notice,
): UpgradePolicy & CometPolicy {
  return {
    mayComeFrom: loggedCheck(originCheck(origins, onlyLocalHosts, localPages), noticed, incidents, origins),
    maxChannels: core.maxChannels,
    forwarded: webhooks?.urls.connect === undefined ? undefined : webhooks.headers,
    tokenInUrl,
    compression,
    notice,
  };
}
