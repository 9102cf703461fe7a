/**
 * `connect`: begins a session, by the command or by the URL, with the channels it names.
 *
 * A client that cannot keep positions (an EventSource, curl, a poll whose worker is gone) comes back by its URL, too, with what its
 * transport has kept for it. What it missed follows the answer as publications like any other.
 *
 * The session exists before its channels can be heard; the answer waits for all of them and tells each one's fate. They begin to
 * be heard together, in the turn of the answer.
 */
import {
  type Announcement,
  disconnects,
  type EncodableResults,
  type ErrorCode,
  encodeConnectPush,
  encodePublication,
  errors,
  type Position,
  type PublicationText,
  type Resume,
  withSessionKey,
} from "@holdfast/protocol";
import { Batch } from "../batch.js";
import type { Connection } from "../connection.js";
import type { Context } from "../context.js";
import type { CoreOptions } from "../options.js";
import { Session } from "../session.js";
import type { Answer, Handler } from "./command.js";
import { again, newAllowance, positionOf, request, settle, type Wanted } from "./subscribe.js";

/** What a URL asks for, or what stands for a URL. */
export interface UrlConnect {
  /** All different. */
  readonly channels: readonly string[];
  /** Who comes back: up to where it was given which channel. */
  readonly since?: ReadonlyMap<string, Position | undefined> | undefined;
  /** The session that it was. */
  readonly resume?: Resume | undefined;
  /** Whether it gets a token, with which it may send commands and come back as this session. */
  readonly mayComeBack?: boolean | undefined;
  /** Whether a channel that cannot be had is told as such, as after a command; otherwise it ends the connection. */
  readonly partial?: boolean | undefined;
}

type Result = EncodableResults["connect"];
type Outcome = Answer<EncodableResults["subscribe"]>;
type Outcomes = readonly (readonly [channel: string, outcome: Outcome])[];
type Requested = readonly [channel: string, wanted: Wanted | { readonly error: ErrorCode }];

/** Times that the channels of a connect are awaited together; one that moves on faster is told so. */
const MAX_ROUNDS = 4;

export const connect: Handler<"connect"> = (context, connection, { client, resume, subs }) => {
  const resumed = resume && context.resumeTokens.check(resume.sid, resume.token);
  const session = new Session(resumed?.user);
  const id = resumed && withSessionKey(connection.id, resumed.key);
  if (!connection.connected(session, id)) return { error: errors.alreadyConnected };
  if (resumed !== undefined) context.metrics.add("sessions_resumed", 1);
  context.logger.debug({ connection: connection.id, client, resumed: resumed !== undefined }, "connected");
  // Its places are let go of when the new connection holds them.
  const release = resumed && context.detached.take(resumed.key);
  const outcomes = subs === undefined ? [] : subscribeAll(context, connection, Object.entries(subs));
  release?.();
  const answer = (outcomes: Outcomes): { readonly result: Result } => {
    connection.stands(positionsOf(outcomes));
    const welcome = begin(context, connection, session, resumed !== undefined);
    return { result: { ...welcome, ...(subs && { subs: Object.fromEntries(outcomes.map(named)) }) } };
  };
  return outcomes instanceof Promise ? outcomes.then(answer) : answer(outcomes);
};

/**
 * The URL's way in: no command, so the answer is a push, and a channel that cannot be had ends the connection.
 * Channels that this worker listens to already are had at once, without a promise: a storm comes back to those.
 */
export function connectByUrl(context: Context, connection: Connection, url: UrlConnect): void {
  const { channels, since, resume, mayComeBack = false, partial = false } = url;
  const resumed = resume && context.resumeTokens.check(resume.sid, resume.token);
  const session = new Session(resumed?.user);
  if (!connection.connected(session, resumed && withSessionKey(connection.id, resumed.key))) return;
  if (resumed !== undefined) context.metrics.add("sessions_resumed", 1);
  const answer = (outcomes: Outcomes): void => {
    for (const [, outcome] of outcomes) {
      if (!("error" in outcome) || partial) continue;
      const ours = outcome.error === errors.internal;
      return connection.disconnect(ours ? disconnects.internal : disconnects.unavailable);
    }
    if (mayComeBack || since !== undefined)
      return goOn(context, connection, session, {
        outcomes,
        since,
        resumed: resumed !== undefined,
        mayComeBack,
      });
    session.begin(undefined);
    connection.stands(positionsOf(outcomes));
    // A raw client would be told nothing; in a storm of them the text is a cost.
    if (connection.isRaw) return;
    connection.send(context.encodeWelcome(connection.id, context.clock.now(), outcomes.map(named)));
  };
  const release = resumed && context.detached.take(resumed.key);
  const wanted = channels.map((channel) => [channel, since?.get(channel) ?? null] as const);
  const outcomes = subscribeAll(context, connection, wanted);
  release?.();
  if (outcomes instanceof Promise) void outcomes.then(answer);
  else answer(outcomes);
}

interface Coming {
  readonly outcomes: Outcomes;
  readonly since: UrlConnect["since"];
  readonly resumed: boolean;
  readonly mayComeBack: boolean;
}

/** Answers who comes back, and who may: what was missed follows, so the answer's positions are those from before it. */
function goOn(context: Context, connection: Connection, session: Session, coming: Coming): void {
  const { since, mayComeBack, resumed } = coming;
  const missed: Batch[] = [];
  const outcomes = coming.outcomes.map(([channel, outcome]): readonly [string, Outcome] => {
    const from = since?.get(channel);
    if ("error" in outcome || from === undefined || outcome.result.publications === undefined)
      return [channel, outcome];
    const { publications, ...verdict } = outcome.result;
    missed.push(missedBatch(context, channel, from, { ...verdict, publications }));
    return [channel, { result: { ...verdict, ...from } }];
  });
  connection.stands(positionsOf(outcomes));
  const welcome = begin(context, connection, session, resumed, mayComeBack);
  connection.send(encodeConnectPush({ ...welcome, subs: Object.fromEntries(outcomes.map(named)) }));
  for (const batch of missed) connection.bring(batch);
}

/** What was missed, as it would have come. */
function missedBatch(
  { clock }: Context,
  channel: string,
  from: Position,
  to: Partial<Position> & { readonly publications: readonly PublicationText[] },
): Batch {
  const batch = new Batch(clock.monotonic(), channel);
  const { epoch = from.epoch, publications } = to;
  let before = from;
  for (const { offset, data } of publications) {
    const position = { offset, epoch };
    const news = before.epoch === epoch ? undefined : epoch;
    batch.add(encodePublication(channel, data, offset, news), data, { from: before, to: position });
    before = position;
  }
  return batch;
}

/** Where each subscription begins that was had. */
function positionsOf(outcomes: Outcomes): ReadonlyMap<string, Position | undefined> {
  const positions = new Map<string, Position | undefined>();
  for (const [channel, outcome] of outcomes)
    if (!("error" in outcome)) positions.set(channel, positionOf(outcome.result));
  return positions;
}

/** Settles all in one turn: at once where it can. Never rejects. */
function subscribeAll(
  context: Context,
  connection: Connection,
  wanted: readonly (readonly [channel: string, since: Position | null])[],
): Outcomes | Promise<Outcomes> {
  const all = wanted.map(
    ([channel, since]): Requested => [channel, request(context, connection, channel, since)],
  );
  const settled = (ready: readonly Requested[]): Outcomes => {
    const allowance = newAllowance();
    return ready.map(([channel, each]) => [
      channel,
      "error" in each ? each : settle(context, connection, each, allowance),
    ]);
  };
  return all.some(isWaiting) ? allReady(context, connection, all).then(settled) : settled(all);
}

/** Waits until all can be settled in one turn. A channel may move on while others are awaited: then it is asked again. */
async function allReady(
  context: Context,
  connection: Connection,
  all: readonly Requested[],
): Promise<readonly Requested[]> {
  for (let rounds = 1, wanted = all; ; rounds++) {
    const answered = await Promise.all(
      wanted.map(async ([channel, each]): Promise<Requested> => {
        const error = "error" in each ? each.error : await each.waiting;
        return error === undefined ? [channel, each] : [channel, { error }];
      }),
    );
    if (rounds === MAX_ROUNDS) return answered;
    wanted = answered.map(([channel, each]): Requested => {
      return [channel, "error" in each ? each : again(context, connection, each)];
    });
    if (!wanted.some(isWaiting)) return wanted;
  }
}

function isWaiting([, wanted]: Requested): boolean {
  return !("error" in wanted) && wanted.waiting !== undefined;
}

function named([channel, outcome]: readonly [string, Outcome]): [
  string,
  NonNullable<Result["subs"]>[string],
] {
  return [channel, "error" in outcome ? outcome : outcome.result];
}

/** Opens the session for pushes, and what the client is told then. */
function begin(
  context: Context,
  connection: Connection,
  session: Session,
  resumed: boolean,
  mayComeBack = true,
): Result {
  const resumeToken = mayComeBack ? connection.newResumeToken() : undefined;
  session.begin(resumeToken);
  return {
    sid: connection.id,
    serverTime: context.clock.now(),
    ...announcement(context.options),
    resumed,
    ...(resumeToken !== undefined && { resumeToken }),
  };
}

/** What every client of this worker is told. */
export function announcement(options: CoreOptions): Announcement {
  return {
    resumed: false,
    ping: options.pingIntervalMs,
    pongTimeout: options.pongTimeoutMs,
    limits: {
      maxPayload: options.maxPayload,
      maxChannels: options.maxChannels,
      commandRate: options.commandRate,
    },
  };
}
