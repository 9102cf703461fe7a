/**
 * `publish`: a client's publication, where the channel's namespace or the client's token lets it publish.
 *
 * It goes to the broker and comes back like any other, also to the publisher if it subscribes: one ordering path.
 */
import { errors, jsonText } from "@holdfast/protocol";
import { BrokerUnavailable } from "../broker.js";
import { ANONYMOUS } from "../identity.js";
import { channelTopic } from "../topic.js";
import type { Handler } from "./command.js";

export const publish: Handler<"publish"> = (context, connection, { channel, data, key }) => {
  const { identity = ANONYMOUS } = connection.session ?? {};
  if (!context.access.may(identity, channel, "publish")) return { error: errors.forbidden };
  const text = jsonText(data);
  if (Buffer.byteLength(text) > context.options.maxPublicationBytes) return { error: errors.tooBig };
  const started = context.clock.monotonic();
  const retention = context.namespaces.retention(channel);
  // Apart from the keys of backends: no client may take one of theirs.
  const named = key === undefined ? undefined : `client:${key}`;
  return context.broker.publish(channelTopic(channel), text, { retention, key: named }).then(
    (position) => {
      context.metrics.observe("publish_seconds", (context.clock.monotonic() - started) / 1000);
      return { result: position ?? {} };
    },
    (error: unknown) => {
      if (error instanceof BrokerUnavailable) return { error: errors.unavailable };
      throw error;
    },
  );
};
