/**
 * The seam that tells backends which clients came and went, what clients send to the application, and which
 * channels have members.
 *
 * An implementer owes:
 * - one order for all events of a worker: they arrive as `tell` and `deliver` were called;
 * - `tell` never waits, never throws and keeps what cannot be passed on yet, within a bound; beyond it the
 *   oldest goes and is counted as `events_dropped`;
 * - `deliver` resolves once the event is kept where backends read it. It rejects with `BrokerUnavailable`
 *   when that cannot be said in time, at once while it is known to be impossible; then it may have been kept
 *   all the same;
 * - an event that was told may arrive twice, with the same id.
 * The contract suite is `eventSinkContract` in `@holdfast/core/testing`.
 */

/** What is said of a session. `session` is its key: the same in every connection in which it goes on. */
interface OfSession {
  readonly session: string;
  /** Undefined for an anonymous client. */
  readonly user: string | undefined;
}

export type GatewayEvent =
  /** A connection has its session; `resumed`: it had it before, in another connection. */
  | (OfSession & {
      readonly type: "connect";
      readonly client: string | undefined;
      readonly resumed: boolean;
    })
  /** It has ended. `code`: why the gateway ended it; undefined where the client left, or was lost. */
  | (OfSession & { readonly type: "disconnect"; readonly code: number | undefined })
  /** What a client sent: JSON text. */
  | (OfSession & { readonly type: "message"; readonly data: string })
  /** A channel got its first member, or lost its last. `version` is that of the channel's presence. */
  | { readonly type: "occupied" | "vacated"; readonly channel: string; readonly version: number };

export interface EventSink {
  /** Passes an event on, some time. */
  tell(event: GatewayEvent): void;
  /** Passes an event on, and says when that is done. */
  deliver(event: GatewayEvent): Promise<void>;
  /** Passes on what is left, as far as that is possible at once. Later events are dropped. Idempotent. */
  close(): Promise<void>;
}

/**
 * An event as the names and values that backends read, in this order. The docs describe each (operations.md).
 */
export function eventFields(event: GatewayEvent, timeMs: number): readonly string[] {
  const head = ["event", event.type, "time", String(timeMs)];
  switch (event.type) {
    case "connect": {
      const client = event.client === undefined ? [] : ["client", event.client];
      return [...head, ...ofSession(event), ...client, "resumed", event.resumed ? "1" : "0"];
    }
    case "disconnect": {
      const code = event.code === undefined ? [] : ["code", String(event.code)];
      return [...head, ...ofSession(event), ...code];
    }
    case "message":
      return [...head, ...ofSession(event), "data", event.data];
    case "occupied":
    case "vacated":
      return [...head, "channel", event.channel, "version", String(event.version)];
  }
}

function ofSession({ session, user }: OfSession): readonly string[] {
  return user === undefined ? ["session", session] : ["session", session, "user", user];
}
