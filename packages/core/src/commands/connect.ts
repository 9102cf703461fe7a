/**
 * `connect`: begins a session, with the channels it names and those of its token. `url-connect.ts` is the way
 * without a command.
 *
 * First it is known who comes: at once, unless a token has to be checked. The session exists before its
 * channels can be heard; the answer waits for all of them and tells each one's fate. They begin to be heard
 * together, in the turn of the answer. A user's own messages are had like a channel, and a connection that
 * cannot have them does not stand.
 */

import {
  type ChannelWish,
  disconnects,
  type EncodableResults,
  type ErrorCode,
  errors,
  type Position,
  withSessionKey,
} from "@holdfast/protocol";
import type { Verdict } from "../access/authentication.js";
import type { Identity } from "../access/identity.js";
import type { Resumed } from "../access/resume-tokens.js";
import type { Connection } from "../connection/connection.js";
import type { Context } from "../connection/context.js";
import { Session } from "../connection/session.js";
import { whoConnects } from "./authenticate.js";
import { authorizeSubscribe } from "./authorize-subscribe.js";
import type { Answer, Body, Handler } from "./command.js";
import { newAllowance, type PendingSubscribe } from "./pending-subscribe.js";
import { positionOf, request, requestOwn, type SubscribeParts } from "./subscribe.js";
import { tellPositions } from "./tell-positions.js";
import { tellConnect, welcome } from "./welcome.js";

type Result = EncodableResults["connect"];
export type ChannelOutcome = Answer<EncodableResults["subscribe"]>;
/** Without a channel: the user's own messages. */
type Requested = readonly [
  channel: string | undefined,
  pending: PendingSubscribe | { readonly error: ErrorCode },
];
export type Settled = readonly (readonly [channel: string | undefined, outcome: ChannelOutcome])[];
type Wishes = readonly (readonly [channel: string, wish: ChannelWish | null])[];

/** Times that the channels of a connect are awaited together; one that moves on faster is told so. */
const MAX_ROUNDS = 4;

/** The parts of core that begin a session, by a command or by a URL. */
export type ConnectParts = SubscribeParts &
  Pick<Context, "detached" | "events" | "registry" | "resumeTokens" | "revocations">;

export const connect: Handler<"connect", ConnectParts> = (parts, connection, body) => {
  if (!connection.enter("authenticating")) return { error: errors.alreadyConnected };
  if (!payForSurplus(parts, connection, body)) return refuse(connection, errors.limitRate);
  const { resume } = body;
  const shown = resume && parts.resumeTokens.check(resume.sid, resume.token);
  const gone = shown !== undefined && parts.revocations.refuses({}, shown.key);
  // A client with a token of its own may come, as a new session.
  if (gone && body.token === undefined) return refuse(connection, errors.tokenRevoked);
  const resumed = gone ? undefined : shown;
  const who = whoConnects(parts, connection, body, resumed);
  return who instanceof Promise
    ? who.then((late) => decide(parts, connection, body, late, resumed))
    : decide(parts, connection, body, who, resumed);
};

function decide(
  parts: ConnectParts,
  connection: Connection,
  body: Body<"connect">,
  who: Verdict,
  resumed: Resumed | undefined,
): Answer<Result> | Promise<Answer<Result>> {
  return "error" in who
    ? refuse(connection, who.error)
    : begin(parts, connection, body, who.identity, resumed);
}

/** The client may bring another token. */
function refuse(connection: Connection, error: ErrorCode): Answer<Result> {
  connection.enter("connecting");
  return { error };
}

/**
 * Each channel beyond those that a connection may hold costs a tenth of a command, before anything is done:
 * its answer is known, and still has to be made. False: the connection has ended over it.
 */
function payForSurplus(
  { options }: Pick<Context, "options">,
  connection: Connection,
  { subs }: Body<"connect">,
): boolean {
  if (subs === undefined) return true;
  const surplus = Object.keys(subs).length - options.maxChannels;
  return surplus <= 0 || connection.spend(surplus);
}

/** It is known who comes. */
function begin(
  parts: ConnectParts,
  connection: Connection,
  { client, subs }: Body<"connect">,
  identity: Identity,
  shown: Resumed | undefined,
): Answer<Result> | Promise<Answer<Result>> {
  // No client goes on with the session of another user, even with its resume token.
  const resumed = shown?.user === identity.user ? shown : undefined;
  const session = new Session(identity, resumed?.count);
  const id = resumed && withSessionKey(connection.id, resumed.key);
  if (!connection.enter(session, id)) return { error: errors.alreadyConnected };
  if (resumed !== undefined) parts.metrics.add("sessions_resumed", 1);
  const { user } = identity;
  parts.logger.debug(
    { connection: connection.id, client, user, resumed: resumed !== undefined },
    "connected",
  );
  // Its places are let go of when the new connection holds them.
  const release = resumed && parts.detached.take(resumed.key);
  const wishes = withOwnSubs(identity, Object.entries(subs ?? {}));
  const outcomes = subscribeAll(parts, connection, session, wishes);
  release?.();
  const answer = (settled: Settled): Answer<Result> => {
    const problem = ownProblem(settled);
    if (problem !== undefined) {
      connection.disconnect(problem === errors.internal ? disconnects.internal : disconnects.unavailable);
      return { error: problem };
    }
    tellPositions(connection, positionsOf(settled));
    const result = welcome(parts, connection, session, resumed !== undefined);
    tellConnect(parts, connection, session, resumed !== undefined, client);
    return subs === undefined && wishes.length === 0
      ? { result }
      : { result: { ...result, subs: Object.fromEntries(named(settled)) } };
  };
  return outcomes instanceof Promise ? outcomes.then(answer) : answer(outcomes);
}

/** Those that the token names come first, unless the client asks for them in its own way. */
export function withOwnSubs({ subs }: Identity, wishes: Wishes): Wishes {
  if (subs === undefined || subs.length === 0) return wishes;
  const asked = new Set(wishes.map(([channel]) => channel));
  return [
    ...subs.filter((channel) => !asked.has(channel)).map((channel) => [channel, null] as const),
    ...wishes,
  ];
}

/** Settles all in one turn: at once where it can. Never rejects. */
export function subscribeAll(
  parts: ConnectParts,
  connection: Connection,
  session: Session,
  wishes: Wishes,
): Settled | Promise<Settled> {
  const { user } = session;
  const own: readonly Requested[] =
    user === undefined ? [] : [[undefined, requestOwn(parts, connection, session, user)]];
  const unpaid = chargeChecks(parts, connection, session, wishes);
  const permits = wishes.map(
    ([channel, wish]) => unpaid?.get(channel) ?? authorizeSubscribe(parts, connection, channel, wish?.token),
  );
  const requestAll = (problems: readonly (ErrorCode | undefined)[]): readonly Requested[] => [
    ...own,
    ...wishes.map(([channel, wish], at): Requested => {
      const error = problems[at];
      return [
        channel,
        error === undefined ? request(parts, connection, channel, sinceOf(wish), wish ?? {}) : { error },
      ];
    }),
  ];
  const settled = (ready: readonly Requested[]): Settled => {
    const allowance = newAllowance(parts, connection);
    return ready.map(([channel, each]) => [channel, "error" in each ? each : each.complete(allowance)]);
  };
  const finish = (all: readonly Requested[]): Settled | Promise<Settled> =>
    all.some(isWaiting) ? allReady(all).then(settled) : settled(all);
  return areKnown(permits)
    ? finish(requestAll(permits))
    : Promise.all(permits).then((problems) => finish(requestAll(problems)));
}

/**
 * Charges a command for each subscription token whose signature would be checked, before any is. Returns why
 * the others are not: a `connect` is one command, and must not buy hundreds of checks.
 */
function chargeChecks(
  parts: ConnectParts,
  connection: Connection,
  { identity }: Session,
  wishes: Wishes,
): ReadonlyMap<string, ErrorCode> | undefined {
  const { access, options } = parts;
  const checked = wishes.filter(
    ([channel, wish]) => wish?.token !== undefined && !access.may(identity, channel, "subscribe"),
  );
  if (checked.length === 0) return undefined;
  const wanted = Math.min(checked.length, options.maxChannels);
  const paid = afford(parts, connection, wanted);
  return new Map(
    checked
      .slice(paid)
      .map(([channel], at) => [channel, paid + at < wanted ? errors.limitRate : errors.limitChannels]),
  );
}

/** Charges as many of `wanted` commands as the connection can pay, and returns how many. */
function afford(
  { metrics, rateLimit, ticker }: Pick<Context, "metrics" | "rateLimit" | "ticker">,
  connection: Connection,
  wanted: number,
): number {
  const granted = rateLimit.afford(connection, ticker.tick, wanted);
  if (granted < wanted) metrics.add("rate_limited", wanted - granted);
  return granted;
}

function areKnown(
  permits: readonly (ErrorCode | undefined | Promise<ErrorCode | undefined>)[],
): permits is readonly (ErrorCode | undefined)[] {
  return !permits.some((each) => each instanceof Promise);
}

function sinceOf(wish: ChannelWish | null): Position | null {
  const { offset, epoch } = wish ?? {};
  return offset === undefined || epoch === undefined ? null : { offset, epoch };
}

/**
 * Waits until all can be settled in one turn. A channel may move on while others are awaited: then it is
 * asked again.
 */
async function allReady(all: readonly Requested[]): Promise<readonly Requested[]> {
  for (let rounds = 1, wanted = all; ; rounds++) {
    const answered = await Promise.all(
      wanted.map(async ([channel, each]): Promise<Requested> => {
        const error = "error" in each ? each.error : await each.waiting;
        return error === undefined ? [channel, each] : [channel, { error }];
      }),
    );
    if (rounds === MAX_ROUNDS) return answered;
    wanted = answered.map(([channel, each]): Requested => {
      return [channel, "error" in each ? each : each.prepare()];
    });
    if (!wanted.some(isWaiting)) return wanted;
  }
}

function isWaiting([, wanted]: Requested): boolean {
  return !("error" in wanted) && wanted.waiting !== undefined;
}

/** Why the user's own messages cannot be had. */
export function ownProblem(settled: Settled): ErrorCode | undefined {
  const [first] = settled;
  return first !== undefined && first[0] === undefined && "error" in first[1] ? first[1].error : undefined;
}

export function named(settled: Settled): [string, NonNullable<Result["subs"]>[string]][] {
  const outcomes: [string, NonNullable<Result["subs"]>[string]][] = [];
  for (const [channel, outcome] of settled) {
    if (channel !== undefined) outcomes.push([channel, "error" in outcome ? outcome : outcome.result]);
  }
  return outcomes;
}

/** Where each subscription begins that was had. */
export function positionsOf(settled: Settled): ReadonlyMap<string, Position | undefined> {
  const positions = new Map<string, Position | undefined>();
  for (const [channel, outcome] of settled) {
    if (channel !== undefined && "result" in outcome) positions.set(channel, positionOf(outcome.result));
  }
  return positions;
}
