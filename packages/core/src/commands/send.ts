/**
 * `send`: a client's message to the backend, answered once it is kept where backends read it.
 */
import { type EncodableResults, errors, sessionKey } from "@holdfast/protocol";
import { BrokerUnavailable } from "../broker/broker.js";
import type { Answer, Handler } from "./command.js";

const TAKEN: Answer<EncodableResults["send"]> = Object.freeze({ result: Object.freeze({}) });

export const send: Handler<"send"> = ({ events }, { id, session }, { data }) => {
  if (events === undefined) return { error: errors.noEvents };
  const message = { session: sessionKey(id), user: session?.user, data };
  return events.deliver({ type: "message", ...message }).then(
    () => TAKEN,
    (error: unknown) => {
      if (error instanceof BrokerUnavailable) return { error: errors.unavailable };
      throw error;
    },
  );
};
