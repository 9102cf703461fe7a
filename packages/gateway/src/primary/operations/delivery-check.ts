/**
 * A delivery check: why a client did or did not get the publications of a channel, in sentences.
 *
 * Pure: what the workers reported → findings. Each finding has a code for programs. Invariant: there is at
 * least one finding; the gravest come first.
 */
import {
  type Broker,
  type ConnectionReport,
  type Incident,
  type Retention,
  readHistoryPage,
  stateOf,
} from "@holdfast/core";
import type { Inspection } from "./inspection.js";

/** `fault`: the client does not get publications. `note`: it may have missed some. `ok`: it gets them. */
export type Gravity = "fault" | "note" | "ok";

export interface DeliveryFinding {
  readonly code: string;
  readonly gravity: Gravity;
  readonly message: string;
}

export interface DeliveryFacts {
  /** How the client was named, such as `user ada`. */
  readonly client: string;
  readonly channel: string;
  readonly reports: readonly ConnectionReport[];
  readonly incidents: readonly Incident[];
  /** Subscribers of the channel on this instance. */
  readonly subscribers: number;
  /** The newest offset of the channel's history; undefined without history. */
  readonly newestOffset: number | undefined;
  /** Whether the instance sends its clients away. */
  readonly isDraining: boolean;
  /** Whether the instance reaches its broker. */
  readonly brokerReady: boolean;
  /** ms since 1970. */
  readonly now: number;
}

/** An outbox so full makes its client miss publications soon. */
const FULL = 0.5;
const RANK: Readonly<Record<Gravity, number>> = { fault: 0, note: 1, ok: 2 };

export function deliveryFindings(facts: DeliveryFacts): DeliveryFinding[] {
  const findings = [...ofInstance(facts), ...ofSessions(facts), ...ofIncidents(facts)];
  return findings.sort((a, b) => RANK[a.gravity] - RANK[b.gravity]);
}

function* ofInstance({ isDraining, brokerReady }: DeliveryFacts): Iterable<DeliveryFinding> {
  if (!brokerReady)
    yield fault(
      "broker_away",
      "The broker cannot be reached: publications arrive once it is back. Look at Redis.",
    );
  if (isDraining)
    yield fault(
      "draining",
      "The instance drains: its clients are sent to other instances. Look for them there.",
    );
}

function* ofSessions(facts: DeliveryFacts): Iterable<DeliveryFinding> {
  const { client, channel, reports, subscribers } = facts;
  if (reports.length === 0)
    return yield fault(
      "not_connected",
      `No connection of ${client} is on this instance. Look at the other instances, or at why it left below.`,
    );
  for (const report of reports) yield* ofSession(report, facts);
  if (subscribers === 0)
    yield fault("no_subscriber", `No client of this instance is subscribed to ${channel}.`);
}

function* ofSession(report: ConnectionReport, facts: DeliveryFacts): Iterable<DeliveryFinding> {
  const { channel, newestOffset, now } = facts;
  const { session, subscriptions, outbox, expiresAt } = report;
  const who = `Session ${session}`;
  if (expiresAt !== undefined && expiresAt <= now)
    yield fault("token_expired", `${who} has a token that has expired. The client must refresh it.`);
  if (outbox.fill >= FULL)
    yield note(
      "slow",
      `${who} reads slowly: ${outbox.bytes} bytes wait, its outbox is ${Math.round(outbox.fill * 100)} % full.`,
    );
  const subscription = subscriptions.find((each) => each.channel === channel);
  if (subscription === undefined)
    return yield fault("not_subscribed", `${who} is connected and not subscribed to ${channel}.`);
  if (subscription.skipped > 0)
    return yield fault(
      "skipped",
      `${who} reads too slowly for ${channel}: ${subscription.skipped} publications were left out ` +
        `(policy ${subscription.slowPolicy}). It is told of a gap once it has read what waits.`,
    );
  const { position } = subscription;
  if (position !== undefined && newestOffset !== undefined && position.offset < newestOffset)
    yield note(
      "behind_history",
      `The worker of ${session} stands at offset ${position.offset} of ${channel}; the history is at ${newestOffset}.`,
    );
  else
    yield {
      code: "delivering",
      gravity: "ok",
      message: `${who} is subscribed to ${channel} and is sent its publications.`,
    };
}

function* ofIncidents({ incidents }: DeliveryFacts): Iterable<DeliveryFinding> {
  for (const { kind, code, message, channel, session, times, at } of incidents) {
    const when = `${times === 1 ? "once" : `${times} times`}, last at ${new Date(at).toISOString()}`;
    const subject = session === undefined ? "A client" : `Session ${session}`;
    const detail = message === undefined ? "" : ` ${message}`;
    if (kind === "refused")
      yield note(
        "was_refused",
        `${subject} was refused with ${code}${channel === undefined ? "" : ` on ${channel}`}, ${when}.${detail}`,
      );
    else if (kind === "ended")
      yield note("was_ended", `${subject} was disconnected with ${code}, ${when}.${detail}`);
    else if (kind === "gap")
      yield note("had_gap", `Subscribers of ${channel} were told of a gap (${code}), ${when}.`);
    else if (kind === "behind")
      yield note("was_behind", `${subject} fell behind on ${channel ?? "its channels"}, ${when}.`);
    else yield note("was_turned_away", `A request was turned away with ${code}, ${when}.${detail}`);
  }
}

function fault(code: string, message: string): DeliveryFinding {
  return { code, gravity: "fault", message };
}

function note(code: string, message: string): DeliveryFinding {
  return { code, gravity: "note", message };
}

/** The client that is asked for: by its session or its user. */
export interface CheckedClient {
  readonly session?: string | undefined;
  readonly user?: string | undefined;
}

/** What `GET /api/delivery` answers. */
export interface DeliveryCheck {
  readonly findings: readonly DeliveryFinding[];
  readonly connections: readonly ConnectionReport[];
  readonly incidents: readonly Incident[];
  readonly subscribers: number;
  readonly newestOffset?: number;
}

/** What a delivery check asks of the instance. */
export interface CheckedInstance {
  readonly inspection: Pick<Inspection, "reports" | "incidents" | "channels">;
  readonly broker: Broker;
  retention(channel: string): Retention | undefined;
  isDraining(): boolean;
  now(): number;
}

/** Connections of one user that are looked at, and incidents. */
const LOOKED_AT = 20;

/** Gathers the facts and judges them. A broker that cannot be reached is a finding, not an error. */
export async function checkDelivery(
  instance: CheckedInstance,
  channel: string,
  client: CheckedClient,
): Promise<DeliveryCheck> {
  const { inspection, broker } = instance;
  const [connections, incidents, [counted], newestOffset] = await Promise.all([
    inspection.reports({ ...client, channel, limit: LOOKED_AT }),
    inspection.incidents({ ...client, channel, limit: LOOKED_AT }),
    inspection.channels({ prefix: channel, after: "", limit: 1 }),
    newest(broker, channel, instance.retention(channel)),
  ]);
  const subscribers = counted?.channel === channel ? counted.subscribers : 0;
  const findings = deliveryFindings({
    client: client.user === undefined ? `session ${client.session}` : `user ${client.user}`,
    channel,
    reports: connections,
    incidents,
    subscribers,
    newestOffset,
    isDraining: instance.isDraining(),
    brokerReady: isReached(broker, instance.retention(channel)),
    now: instance.now(),
  });
  return {
    findings,
    connections,
    incidents,
    subscribers,
    ...(newestOffset !== undefined && { newestOffset }),
  };
}

/** The server that has the channel. */
function isReached(broker: Broker, retention: Retention | undefined): boolean {
  return (retention === undefined ? broker.state : stateOf(broker, "history")) === "ready";
}

async function newest(
  broker: Broker,
  channel: string,
  retention: Retention | undefined,
): Promise<number | undefined> {
  if (retention === undefined) return undefined;
  const page = await readHistoryPage(broker, retention, { channel, limit: 0, reverse: false }, 0).catch(
    () => undefined,
  );
  return page === undefined || "error" in page ? undefined : page.result.offset;
}
