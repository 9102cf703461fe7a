/**
 * `connect`: begins a session, by the command or by the URL, with the channels it names.
 *
 * The session exists before its channels can be heard; the answer waits for all of them and tells each one's fate. They begin to
 * be heard together, in the turn of the answer.
 */
import {
  type Announcement,
  disconnects,
  type EncodableResults,
  type ErrorCode,
  errors,
  type Position,
  sessionKey,
  withSessionKey,
} from "@holdfast/protocol";
import type { Connection } from "../connection.js";
import type { Context } from "../context.js";
import type { CoreOptions } from "../options.js";
import { Session } from "../session.js";
import type { Answer, Handler } from "./command.js";
import { again, newAllowance, request, settle, type Wanted } from "./subscribe.js";

type Result = EncodableResults["connect"];
type Outcome = Answer<EncodableResults["subscribe"]>;
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
  const welcome = (): Result => ({
    ...begin(context, connection, session, resumed !== undefined, client),
    ...tokenOf(context, connection, session),
  });
  // Its places are let go of when the new connection holds them.
  const release = resumed && context.detached.take(resumed.key);
  const outcomes = subs === undefined ? [] : subscribeAll(context, connection, Object.entries(subs));
  release?.();
  const answer = (outcomes: readonly (readonly [string, Outcome])[]): { readonly result: Result } => ({
    result: { ...welcome(), ...(subs && { subs: Object.fromEntries(outcomes.map(named)) }) },
  });
  return outcomes instanceof Promise ? outcomes.then(answer) : answer(outcomes);
};

/**
 * The URL's way in: no command, so the answer is a push, and a channel that cannot be had ends the connection.
 * Channels that this worker listens to already are had at once, without a promise: a storm comes back to those.
 */
export function connectByUrl(context: Context, connection: Connection, channels: readonly string[]): void {
  const session = new Session(undefined);
  if (!connection.connected(session)) return;
  const answer = (outcomes: readonly (readonly [string, Outcome])[]): void => {
    for (const [, outcome] of outcomes) {
      if (!("error" in outcome)) continue;
      const ours = outcome.error === errors.internal;
      return connection.disconnect(ours ? disconnects.internal : disconnects.unavailable);
    }
    session.begin();
    tellConnect(context, connection, session, false, undefined);
    // A raw client would be told nothing; in a storm of them the text is a cost.
    if (connection.isRaw) return;
    connection.send(context.encodeWelcome(connection.id, context.clock.now(), outcomes.map(named)));
  };
  const outcomes = subscribeAll(
    context,
    connection,
    channels.map((channel) => [channel, null]),
  );
  if (outcomes instanceof Promise) void outcomes.then(answer);
  else answer(outcomes);
}

/** Settles all in one turn: at once where it can. Never rejects. */
function subscribeAll(
  context: Context,
  connection: Connection,
  wanted: readonly (readonly [channel: string, since: Position | null])[],
): readonly (readonly [string, Outcome])[] | Promise<readonly (readonly [string, Outcome])[]> {
  const all = wanted.map(
    ([channel, since]): Requested => [channel, request(context, connection, channel, since)],
  );
  const settled = (ready: readonly Requested[]): readonly (readonly [string, Outcome])[] => {
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

function tokenOf(
  { resumeTokens }: Context,
  { id }: Connection,
  { user }: Session,
): Pick<Result, "resumeToken"> {
  const resumeToken = resumeTokens.issue(id, user);
  return resumeToken === undefined ? {} : { resumeToken };
}

/** Opens the session for pushes, and what the client is told then. */
function begin(
  context: Context,
  connection: Connection,
  session: Session,
  resumed: boolean,
  client: string | undefined,
): Result {
  session.begin();
  tellConnect(context, connection, session, resumed, client);
  return { sid: connection.id, serverTime: context.clock.now(), ...announcement(context.options), resumed };
}

/** A connection that ended while its channels were awaited has no beginning, and no end, for backends. */
function tellConnect(
  { events }: Context,
  connection: Connection,
  session: Session,
  resumed: boolean,
  client: string | undefined,
): void {
  if (events === undefined || connection.session !== session) return;
  events.tell({ type: "connect", session: sessionKey(connection.id), user: session.user, client, resumed });
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
