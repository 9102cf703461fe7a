/**
 * `publish`: a client's publication, where the channel's namespace or the client's token lets it publish.
 *
 * It goes to the broker and comes back like any other, also to the publisher if it subscribes: one ordering
 * path.
 */
import { type EncodableResults, type ErrorCode, errors, sessionKey } from "@holdfast/protocol";
import { clientKey } from "../access/idempotency-key.js";
import { ANONYMOUS } from "../access/identity.js";
import { BrokerUnavailable } from "../broker/broker.js";
import { channelTopic } from "../broker/topic.js";
import type { Connection } from "../connection/connection.js";
import type { Context } from "../connection/context.js";
import type { Answer, Handler } from "./command.js";
import { forbidden } from "./forbidden.js";

export const publish: Handler<"publish"> = (context, connection, { channel, data: text, key }) => {
  const { identity = ANONYMOUS } = connection.session ?? {};
  const isAllowed = context.access.may(identity, channel, "publish");
  if (!isAllowed && !context.applicationChecks.decidePublish(identity, channel))
    return { error: forbidden(context, identity, channel, "publish") };
  const bytes = Buffer.byteLength(text);
  if (bytes > context.options.maxPublicationBytes) return { error: errors.tooBig };
  if (!context.publishRate.take(connection, channel, bytes, context.clock.monotonic())) {
    context.metrics.add("publish_refused", 1);
    context.metrics.add("publish_refused_bytes", bytes);
    return { error: errors.limitRate };
  }
  const named = key === undefined ? undefined : clientKey(identity, sessionKey(connection.id), key);
  return isAllowed
    ? handOver(context, channel, text, named)
    : ask(context, connection, channel, text).then((error) =>
        error === undefined ? handOver(context, channel, text, named) : { error },
      );
};

/** The application says yes or no. A connection that has ended meanwhile publishes nothing. */
async function ask(
  context: Context,
  connection: Connection,
  channel: string,
  text: string,
): Promise<ErrorCode | undefined> {
  const { session } = connection;
  const error = await context.applicationChecks.publish(connection, channel, text);
  return connection.session === session ? error : errors.notConnected;
}

function handOver(
  context: Context,
  channel: string,
  text: string,
  key: string | undefined,
): Promise<Answer<EncodableResults["publish"]>> {
  const started = context.clock.monotonic();
  const retention = context.namespaces.retention(channel);
  return context.broker.publish(channelTopic(channel), text, { retention, key }).then(
    (position) => {
      context.metrics.observe("publish_seconds", (context.clock.monotonic() - started) / 1000);
      return { result: position ?? {} };
    },
    (error: unknown) => {
      if (error instanceof BrokerUnavailable) return { error: errors.unavailable };
      throw error;
    },
  );
}
