/**
 * Connecting by URL: no command, so the answer is a push.
 *
 * A client that keeps no positions (an EventSource, curl, a poll whose worker is gone) comes back so, too,
 * with what its transport has kept for it. What it missed follows the answer, as publications like any other.
 */

import {
  disconnects,
  type ErrorCode,
  errors,
  type Position,
  type PublicationData,
  withSessionKey,
} from "@holdfast/protocol";
import type { Identity } from "../access/identity.js";
import type { Connection } from "../connection/connection.js";
import type { Context } from "../connection/context.js";
import { Session } from "../connection/session.js";
import type { UrlConnect } from "../connection/url-connect.js";
import { Batch } from "../delivery/batch.js";
import { publicationPush } from "../delivery/push.js";
import { type WriterParts, writeBatch } from "../delivery/writer.js";
import {
  type ChannelOutcome,
  type ConnectParts,
  named,
  ownProblem,
  positionsOf,
  type Settled,
  subscribeAll,
  withOwnSubs,
} from "./connect.js";
import { tellPositions } from "./tell-positions.js";
import { announced, announcement, tellConnect, welcome } from "./welcome.js";

type UrlConnectParts = ConnectParts & WriterParts;

/**
 * Channels that this worker listens to already are had at once, without a promise: a storm comes back to
 * those. What it returns settles when the client has been told.
 */
export function connectByUrl(
  parts: UrlConnectParts,
  connection: Connection,
  url: UrlConnect,
  identity: Identity,
): Promise<void> | undefined {
  const { channels, since, resume, mayComeBack = false, partial = false } = url;
  const shown = resume && parts.resumeTokens.check(resume.sid, resume.token);
  // No client goes on with the session of another user, even with its resume token.
  const isTheirs = shown?.user === identity.user && !parts.revocations.refuses({}, shown?.key);
  const resumed = isTheirs ? shown : undefined;
  const session = new Session(identity, resumed?.count);
  if (!connection.enter(session, resumed && withSessionKey(connection.id, resumed.key))) return undefined;
  if (resumed !== undefined) parts.metrics.add("sessions_resumed", 1);
  const answer = (settled: Settled): void => {
    const problem = partial ? ownProblem(settled) : anyProblem(settled);
    if (problem !== undefined) return disconnectFor(connection, problem);
    if (mayComeBack || since !== undefined)
      return goOn(parts, connection, session, {
        settled,
        since,
        resumed: resumed !== undefined,
        mayComeBack,
      });
    session.begin(undefined, parts.ticker.tick);
    tellConnect(parts, connection, session, false, undefined);
    tellPositions(connection, positionsOf(settled));
    // A raw client would be told nothing; in a storm of them even what is not said is a cost.
    if (connection.codec.dialect.isDataOnly) return;
    connection.push({
      op: "connect",
      body: {
        sid: connection.id,
        serverTime: parts.clock.now(),
        ...announced(identity),
        ...announcement(parts.options),
        subs: Object.fromEntries(named(settled)),
      },
    });
  };
  const release = resumed && parts.detached.take(resumed.key);
  const wishes = withOwnSubs(
    identity,
    channels.map((channel) => [channel, null]),
  ).map(([channel]) => [channel, since?.get(channel) ?? null] as const);
  const settled = subscribeAll(parts, connection, session, wishes);
  release?.();
  if (settled instanceof Promise) return settled.then(answer);
  answer(settled);
  return undefined;
}

interface Coming {
  readonly settled: Settled;
  readonly since: UrlConnect["since"];
  readonly resumed: boolean;
  readonly mayComeBack: boolean;
}

/**
 * Answers who comes back, and who may: what was missed follows, so the answer's positions are those from
 * before it.
 */
function goOn(parts: UrlConnectParts, connection: Connection, session: Session, coming: Coming): void {
  const { since, mayComeBack, resumed } = coming;
  const missed: Batch[] = [];
  const settled = coming.settled.map(([channel, outcome]): readonly [string | undefined, ChannelOutcome] => {
    const from = channel === undefined ? undefined : since?.get(channel);
    if (channel === undefined || from === undefined || "error" in outcome) return [channel, outcome];
    const { publications, ...verdict } = outcome.result;
    if (publications === undefined) return [channel, outcome];
    missed.push(missedBatch(parts, channel, from, { ...verdict, publications }));
    return [channel, { result: { ...verdict, ...from } }];
  });
  tellPositions(connection, positionsOf(settled));
  const answer = welcome(parts, connection, session, resumed, mayComeBack);
  tellConnect(parts, connection, session, resumed, undefined);
  connection.push({ op: "connect", body: { ...answer, subs: Object.fromEntries(named(settled)) } });
  for (const batch of missed) writeBatch(parts, connection, batch);
}

/** What was missed, as it would have come. */
function missedBatch(
  { clock }: Pick<Context, "clock">,
  channel: string,
  from: Position,
  to: Partial<Position> & { readonly publications: readonly PublicationData[] },
): Batch {
  const batch = new Batch(clock.monotonic(), channel);
  const { epoch = from.epoch, publications } = to;
  let before = from;
  for (const { offset, data } of publications) {
    const position = { offset, epoch };
    const news = before.epoch === epoch ? undefined : epoch;
    batch.add(publicationPush(channel, data, offset, news), { from: before, to: position });
    before = position;
  }
  return batch;
}

/** A channel of the URL cannot be had. What will not change by itself is no reason to come back. */
function disconnectFor(connection: Connection, { code, message, temporary }: ErrorCode): void {
  if (code === errors.internal.code) connection.disconnect(disconnects.internal);
  else if (temporary) connection.disconnect(disconnects.unavailable);
  else connection.disconnect(disconnects.forbidden, message);
}

function anyProblem(settled: Settled): ReturnType<typeof ownProblem> {
  for (const [, outcome] of settled) if ("error" in outcome) return outcome.error;
  return undefined;
}
