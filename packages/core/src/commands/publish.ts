/**
 * `publish`: a client's publication, where the channel's namespace or the client's token lets it publish.
 *
 * It goes to the broker and comes back like any other, also to the publisher if it subscribes: one ordering
 * path.
 */
import {
  type Data,
  type EncodableResults,
  type ErrorCode,
  errors,
  isTraceparent,
  type Position,
  sessionKey,
} from "@holdfast/protocol";
import { clientKey } from "../access/idempotency-key.js";
import { ANONYMOUS } from "../access/identity.js";
import { BrokerUnavailable } from "../broker/broker.js";
import { channelTopic } from "../broker/topic.js";
import type { Connection } from "../connection/connection.js";
import type { Context } from "../connection/context.js";
import { publishTraced } from "../runtime/tracing.js";
import type { Answer, Handler } from "./command.js";
import { type ForbiddenParts, forbidden } from "./forbidden.js";

type PublishParts = ForbiddenParts &
  Pick<
    Context,
    | "applicationChecks"
    | "broker"
    | "clock"
    | "metrics"
    | "namespaces"
    | "options"
    | "publishRate"
    | "tracing"
  >;

export const publish: Handler<"publish", PublishParts> = (
  parts,
  connection,
  { channel, data, key, traceparent },
) => {
  const { identity = ANONYMOUS } = connection.session ?? {};
  const isAllowed = parts.access.may(identity, channel, "publish");
  if (!isAllowed && !parts.applicationChecks.decidePublish(identity, channel))
    return { error: forbidden(parts, identity, channel, "publish") };
  const bytes = Buffer.byteLength(data);
  if (bytes > parts.options.maxPublicationBytes) return { error: errors.tooBig };
  if (!parts.publishRate.take(connection, channel, bytes, parts.clock.monotonic())) {
    parts.metrics.add("publish_refused", 1);
    parts.metrics.add("publish_refused_bytes", bytes);
    return { error: errors.limitRate };
  }
  const named = key === undefined ? undefined : clientKey(identity, sessionKey(connection.id), key);
  const traced = validTraceparent(parts, traceparent);
  const publication: Publication = { channel, data, key: named, traceparent: traced };
  return isAllowed
    ? handOver(parts, publication)
    : ask(parts, connection, publication).then((error) =>
        error === undefined ? handOver(parts, publication) : { error },
      );
};

/** What a client may publish. */
interface Publication {
  readonly channel: string;
  /** JSON text or bytes. */
  readonly data: Data;
  readonly key: string | undefined;
  readonly traceparent: string | undefined;
}

/** One that is not valid is left out and counted. */
function validTraceparent(
  { metrics }: Pick<PublishParts, "metrics">,
  traceparent: string | undefined,
): string | undefined {
  if (traceparent === undefined || isTraceparent(traceparent)) return traceparent;
  metrics.add("trace_contexts_dropped", 1);
  return undefined;
}

/** The application says yes or no. A connection that has ended meanwhile publishes nothing. */
async function ask(
  parts: PublishParts,
  connection: Connection,
  { channel, data, traceparent }: Publication,
): Promise<ErrorCode | undefined> {
  const { session } = connection;
  const error = await parts.applicationChecks.publish(connection, channel, data, traceparent);
  return connection.session === session ? error : errors.notConnected;
}

function handOver(
  parts: PublishParts,
  { channel, data, key, traceparent }: Publication,
): Promise<Answer<EncodableResults["publish"]>> {
  const started = parts.clock.monotonic();
  const retention = parts.namespaces.retention(channel);
  const topic = channelTopic(channel);
  const send = (published: Data): Promise<Position | undefined> =>
    parts.broker.publish(topic, published, { retention, key });
  return publishTraced(parts.tracing, traceparent, topic, data, send).then(
    (position) => {
      parts.metrics.observe("publish_seconds", (parts.clock.monotonic() - started) / 1000);
      return { result: position ?? {} };
    },
    (error: unknown) => {
      if (error instanceof BrokerUnavailable) return { error: errors.unavailable };
      throw error;
    },
  );
}
