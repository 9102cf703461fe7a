/**
 * `send`: a client's message to the backend, answered once it is kept where backends read it. Its bytes count
 * as those of a publication do.
 */
import { type EncodableResults, errors, sessionKey } from "@holdfast/protocol";
import { BrokerUnavailable } from "../broker/broker.js";
import type { Context } from "../connection/context.js";
import type { Answer, Handler } from "./command.js";

const TAKEN: Answer<EncodableResults["send"]> = Object.freeze({ result: Object.freeze({}) });

type SendParts = Pick<Context, "clock" | "events" | "metrics" | "publishRate">;

export const send: Handler<"send", SendParts> = (parts, connection, { data }) => {
  const { events, publishRate, clock, metrics } = parts;
  if (events === undefined) return { error: errors.noEvents };
  const bytes = Buffer.byteLength(data);
  if (!publishRate.takeMessage(connection, bytes, clock.monotonic())) {
    metrics.add("publish_refused", 1);
    metrics.add("publish_refused_bytes", bytes);
    return { error: errors.limitRate };
  }
  const { id, session } = connection;
  const message = { session: sessionKey(id), user: session?.user, data };
  return events.deliver({ type: "message", ...message }).then(
    () => TAKEN,
    (error: unknown) => {
      if (error instanceof BrokerUnavailable) return { error: errors.unavailable };
      throw error;
    },
  );
};
