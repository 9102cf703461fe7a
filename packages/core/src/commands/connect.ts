/**
 * `connect`: begins a session, by the command or by the URL, with the channels it names.
 *
 * The session exists before its channels are confirmed; the answer waits for all of them and tells each one's fate, and
 * pushes wait for the answer.
 */
import {
  type ConnectResult,
  disconnects,
  encodeConnectPush,
  errors,
  type Position,
  type SubscribeOutcome,
  type SubscribeResult,
} from "@holdfast/protocol";
import type { Connection } from "../connection.js";
import type { Context } from "../context.js";
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

/** The URL's way in: no command, so the answer is a push, and a channel that cannot be had ends the connection. */
export function connectByUrl(context: Context, connection: Connection, channels: readonly string[]): void {
  const session = new Session(undefined);
  if (!connection.connected(session)) return;
  const wanted = channels.map((channel): [string, null] => [channel, null]);
  subscribeAll(context, connection, wanted).then(
    (outcomes) => {
      const failure = outcomes.map(([, outcome]) => outcome).find((outcome) => "error" in outcome);
      if (failure !== undefined) {
        const ours = failure.error === errors.internal;
        return connection.disconnect(ours ? disconnects.internal : disconnects.unavailable);
      }
      const welcome = begin(context, connection, session);
      // A raw client would be told nothing; in a storm of them the text is a cost.
      if (connection.isRaw) return;
      connection.send(encodeConnectPush({ ...welcome, subs: Object.fromEntries(outcomes) }));
    },
    (error: unknown) => {
      context.logger.error({ connection: connection.id, err: error }, "could not connect by URL");
      connection.disconnect(disconnects.internal);
    },
  );
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
  const { options, clock } = context;
  return {
    sid: connection.id,
    resumed: false,
    ping: options.pingIntervalMs,
    pongTimeout: options.pongTimeoutMs,
    serverTime: clock.now(),
    limits: {
      maxPayload: options.maxPayload,
      maxChannels: options.maxChannels,
      commandRate: options.commandRate,
    },
  };
}
