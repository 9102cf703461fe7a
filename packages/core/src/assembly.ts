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
import { HeldCommands } from "./connection/held-commands.js";
import { changeIdentity } from "./connection/identity-change.js";
import { Keepalive } from "./connection/keepalive.js";
import { PublishRate } from "./connection/publish-rate.js";
import { RateLimit } from "./connection/rate-limit.js";
import { Registry } from "./connection/registry.js";
import { Shedding } from "./connection/shedding.js";
import { Control } from "./control/control.js";
import { Cork, type WriteRun } from "./delivery/cork.js";
import { FanOut } from "./delivery/fan-out.js";
import { Outbox } from "./delivery/outbox.js";
import { SlowConsumers } from "./delivery/slow-consumers.js";
import { type WriterParts, writeRun } from "./delivery/writer.js";
import { StreamReader } from "./history/stream-reader.js";
import { Hub } from "./hub/hub.js";
import { OutageGaps } from "./hub/outage-gaps.js";
import { Namespaces } from "./namespace.js";
import type { CoreOptions } from "./options.js";
import { WorkerPresence } from "./presence/presence.js";
import { FairTurns, type TurnLimits } from "./runtime/fair-turns.js";
import { Incidents } from "./runtime/incidents.js";
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
  const { authorizer, broker, clock, events, logger, metrics, tracing } = seams;
  const ticker = new Ticker(clock);
  const incidents = new Incidents(() => clock.now());
  const registry = new Registry(options.connectTimeoutMs, ticker, metrics);
  const writing = assembleWriting(options, seams, ticker, incidents);
  const fanOut = new FanOut({ sliceMs: options.fanOutSliceMs }, clock, metrics, writing.cork, tracing);
  const namespaces = new Namespaces(options.namespaces, options);
  registry.everybody.compressFrom = namespaces.compressFrom(undefined);
  const streamReader = new StreamReader(
    { ...options, maxRecoveredChars: options.maxOutboxBytes },
    { broker, fanOut, ticker, metrics, incidents, logger },
  );
  const hub = new Hub({ broker, fanOut, namespaces, streamReader, metrics, incidents, logger });
  const outageGaps = new OutageGaps({ hub, fanOut, metrics, incidents });
  const { authentication, revocations, tickets } = assembleProofs(options, seams, ticker, () =>
    orders.check(),
  );
  const context: Context = {
    ...writing,
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
    outageGaps,
    held: new HeldCommands(options.maxPayload, metrics),
    detached: new Detached(options, hub, ticker, metrics),
    presence: namespaces.havePresence ? assemblePresence(options, seams, fanOut, ticker) : undefined,
    resumeTokens: new ResumeTokens(() => clock.now()),
    revocations,
    registry,
    rateLimit: new RateLimit(options.commandRate),
    publishRate: new PublishRate(options),
    shedding: new Shedding(registry, ticker, metrics, seams.random),
    reads: new FairTurns(CLIENT_READS),
    ticker,
    clock,
    tracing,
    sparseLog: new SparseLog(logger, clock),
    incidents,
    metrics,
  };
  const keepalive = new Keepalive(options, registry.connections, { ticker, clock, metrics }, writing);
  const orders = new Control(context);
  return { context, fanOut, keepalive, orders, tickets };
}

/** What writing to a connection takes. */
function assembleWriting(
  options: CoreOptions,
  { clock, logger, metrics }: Seams,
  ticker: Ticker,
  incidents: Incidents,
): WriterParts & { readonly cork: Cork } {
  const outbox = new Outbox(options, ticker);
  const slowConsumers = new SlowConsumers(options.maxOutboxBytes, {
    outbox,
    ticker,
    clock,
    metrics,
    incidents,
    logger,
  });
  const write: WriteRun = (recipient, run, messages) =>
    writeRun({ logger, outbox }, recipient, run, messages);
  const cork = new Cork(write, metrics, (run) => clock.soon(run));
  return { cork, logger, outbox, slowConsumers };
}

interface Proofs {
  readonly authentication: Authentication;
  readonly revocations: Revocations;
  readonly tickets: Tickets;
}

/** What proves who a client is. `news`: something was revoked. */
function assembleProofs(options: CoreOptions, seams: Seams, ticker: Ticker, news: () => void): Proofs {
  const { authenticator, clock, logger, metrics, random, revocations: store, sessionId: newId } = seams;
  const { clockLeewayMs: leewayMs } = options;
  const revocations = new Revocations({ store, leewayMs, clock, ticker, logger, metrics, random, news });
  const veto: Veto = (proven, user) => revocations.veto(proven, user);
  const authentication = new Authentication(options, { authenticator, veto, clock, metrics });
  const tickets = new Tickets({ store, authentication, clock, logger, newId });
  return { authentication, revocations, tickets };
}

/** Undefined where there is no store for it. */
function assemblePresence(
  options: CoreOptions,
  { broker, clock, events, logger, metrics, presence: store, sessionId }: Seams,
  fanOut: FanOut,
  ticker: Ticker,
): WorkerPresence | undefined {
  if (store === undefined) return undefined;
  // As unlike all others as a session's.
  const worker = sessionKey(sessionId());
  return new WorkerPresence(options, {
    store,
    broker,
    fanOut,
    ticker,
    clock,
    metrics,
    logger,
    worker,
    events,
  });
}
