/**
 * Assembly: makes the parts of core from options and seams, and joins them. Nothing begins here.
 */
import { sessionKey } from "@holdfast/protocol";
import { Access } from "./access/access.js";
import { ApplicationChecks } from "./access/application-checks.js";
import { Authentication, type Veto } from "./access/authentication.js";
import { ResumeTokens } from "./access/resume-tokens.js";
import { Revocations } from "./access/revocations.js";
import { Tickets } from "./access/tickets.js";
import { commandRunner } from "./commands/runner.js";
import type { Context } from "./connection/context.js";
import { Detached } from "./connection/detached.js";
import { Expiries } from "./connection/expiries.js";
import { changeIdentity } from "./connection/identity-change.js";
import { Keepalive } from "./connection/keepalive.js";
import { PublishRate } from "./connection/publish-rate.js";
import { RateLimit } from "./connection/rate-limit.js";
import { Registry } from "./connection/registry.js";
import { Control } from "./control/control.js";
import { FanOut } from "./delivery/fan-out.js";
import { Outbox } from "./delivery/outbox.js";
import { SlowConsumers } from "./delivery/slow-consumers.js";
import { StreamReader } from "./history/stream-reader.js";
import { Hub } from "./hub/hub.js";
import { Namespaces } from "./namespace.js";
import type { CoreOptions } from "./options.js";
import { WorkerPresence } from "./presence/presence.js";
import { FairTurns, type TurnLimits } from "./runtime/fair-turns.js";
import { SparseLog } from "./runtime/sparse-log.js";
import { Ticker } from "./runtime/ticker.js";
import type { Seams } from "./seams.js";

export interface Parts {
  readonly context: Context;
  readonly fanOut: FanOut;
  readonly keepalive: Keepalive;
  readonly orders: Control;
  readonly tickets: Tickets;
}

/** Pages that clients of one worker have under way, and reads that wait. */
const CLIENT_READS: TurnLimits = Object.freeze({
  atOnce: 8,
  atOncePerAsker: 1,
  maxWaiting: 4096,
  maxWaitingPerAsker: 64,
});

export function assemble(options: CoreOptions, seams: Seams): Parts {
  const { authenticator, authorizer, broker, clock, events, logger, metrics } = seams;
  const ticker = new Ticker(clock);
  const registry = new Registry(options.connectTimeoutMs, ticker, metrics);
  const fanOut = new FanOut({ sliceMs: options.fanOutSliceMs }, clock, metrics);
  const outbox = new Outbox(options, ticker);
  const keepalive = new Keepalive(options, registry.connections, ticker, metrics, outbox);
  const namespaces = new Namespaces(options.namespaces, options);
  const streamReader = new StreamReader(
    { ...options, maxRecoveredChars: options.maxOutboxBytes },
    { broker, fanOut, ticker, metrics, logger },
  );
  const hub = new Hub({ broker, fanOut, namespaces, streamReader, metrics, logger });
  const revocations = new Revocations({
    store: seams.revocations,
    leewayMs: options.clockLeewayMs,
    clock,
    ticker,
    logger,
    metrics,
    random: seams.random,
    news: () => orders.check(),
  });
  const veto: Veto = (proven, user) => revocations.veto(proven, user);
  const authentication = new Authentication(options, { authenticator, veto, clock, metrics });
  const tickets = new Tickets({
    store: seams.revocations,
    authentication,
    clock,
    logger,
    newId: seams.sessionId,
  });
  const context: Context = {
    commands: commandRunner(() => context),
    options,
    namespaces,
    access: new Access(options.access, namespaces),
    authentication,
    expiries: new Expiries(options.refreshWindowMs, clock, (connection, next, row) =>
      changeIdentity(context, connection, next, row),
    ),
    applicationChecks: new ApplicationChecks(authorizer, options.maxChannels, metrics),
    broker,
    events,
    streamReader,
    hub,
    detached: new Detached(options, hub, ticker, metrics),
    presence:
      seams.presence === undefined || !namespaces.havePresence
        ? undefined
        : new WorkerPresence(options, {
            store: seams.presence,
            broker,
            fanOut,
            ticker,
            clock,
            metrics,
            logger,
            // As unlike all others as a session's.
            worker: sessionKey(seams.sessionId()),
            events,
          }),
    resumeTokens: new ResumeTokens(() => clock.now()),
    revocations,
    registry,
    outbox,
    slowConsumers: new SlowConsumers(options.maxOutboxBytes, { ticker, clock, metrics, logger }),
    rateLimit: new RateLimit(options.commandRate),
    publishRate: new PublishRate(options),
    reads: new FairTurns(CLIENT_READS),
    ticker,
    clock,
    logger,
    sparseLog: new SparseLog(logger, clock),
    metrics,
  };
  const orders = new Control(context);
  return { context, fanOut, keepalive, orders, tickets };
}
