/**
 * `connect`: begins a session, by the command or by the URL, with the channels it names.
 *
 * The session exists before its channels are confirmed; the answer waits for all of them and tells each one's fate, and
 * pushes wait for the answer.
 */
import {
  type Announcement,
  type ConnectResult,
  disconnects,
  errors,
  type Position,
  type SubscribeOutcome,
  type SubscribeResult,
} from "@holdfast/protocol";
import type { Connection } from "../connection.js";
import type { Context } from "../context.js";
import type { CoreOptions } from "../options.js";
import { Session } from "../session.js";
import type { Answer, Handler } from "./command.js";
import { subscribeTo } from "./subscribe.js";

export const connect: Handler<"connect"> = (context, connection, { client, subs }) => {
  const session = new Session(undefined);
  if (!connection.connected(session)) return { error: errors.alreadyConnected };
  context.logger.debug({ connection: connection.id, client }, "connected");
  if (subs === undefined) return { result: begin(context, connection, session) };
  return subscribeAll(context, connection, Object.entries(subs)).then((outcomes) => ({
    result: { ...begin(context, connection, session), subs: Object.fromEntries(outcomes) },
  }));
};

/**
 * The URL's way in: no command, so the answer is a push, and a channel that cannot be had ends the connection.
 * Channels that this worker listens to already are had at once, without a promise: a storm comes back to those.
 */
export function connectByUrl(context: Context, connection: Connection, channels: readonly string[]): void {
  const session = new Session(undefined);
  if (!connection.connected(session)) return;
  const answers = channels.map((channel) => subscribeTo(context, connection, channel, null));
  if (answers.every(isSettled)) return welcome(context, connection, session, channels, answers);
  Promise.all(answers).then(
    (settled) => welcome(context, connection, session, channels, settled),
    (error: unknown) => {
      context.logger.error({ connection: connection.id, err: error }, "could not connect by URL");
      connection.disconnect(disconnects.internal);
    },
  );
}

/** `answers`: one for each of `channels`. */
function welcome(
  context: Context,
  connection: Connection,
  session: Session,
  channels: readonly string[],
  answers: readonly Answer<SubscribeResult>[],
): void {
  for (const answer of answers) {
    if (!("error" in answer)) continue;
    const ours = answer.error === errors.internal;
    return connection.disconnect(ours ? disconnects.internal : disconnects.unavailable);
  }
  session.begin();
  // A raw client would be told nothing; in a storm of them the text is a cost.
  if (connection.isRaw) return;
  connection.send(context.encodeWelcome(connection.id, context.clock.now(), channels));
}

function isSettled<T>(answer: T | Promise<T>): answer is T {
  return !(answer instanceof Promise);
}

function subscribeAll(
  context: Context,
  connection: Connection,
  wanted: readonly (readonly [channel: string, since: Position | null])[],
): Promise<[string, SubscribeOutcome][]> {
  return Promise.all(
    wanted.map(async ([channel, since]): Promise<[string, SubscribeOutcome]> => {
      return [channel, outcome(await subscribeTo(context, connection, channel, since))];
    }),
  );
}

function outcome(answer: Answer<SubscribeResult>): SubscribeOutcome {
  return "error" in answer ? answer : answer.result;
}

/** Opens the session for pushes, and what the client is told then. */
function begin(context: Context, connection: Connection, session: Session): ConnectResult {
  session.begin();
  return { sid: connection.id, serverTime: context.clock.now(), ...announcement(context.options) };
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
