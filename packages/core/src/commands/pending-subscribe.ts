/**
 * A pending subscribe: one subscription from its entry into the session until it is heard, for `subscribe`,
 * `connect`, a URL and an order alike.
 *
 * entered ──prepare──► waiting (broker, past, presence) ──► ready ──complete──► heard └──failed──► out of the
 * session, with an error
 *
 * In halves, because a connect asks for many channels at once and answers when it has them all: from its
 * entry a second subscribe, an unsubscribe or a close finds the subscription; `complete` begins to listen and
 * says what was missed. Invariants: `complete` and the answer happen in one turn, so nothing is heard before
 * the answer and nothing is missed after it; the stream is pinned from the entry to the end of waiting, and
 * the watch of presence is given up once.
 */
import { type EncodableResults, type ErrorCode, errors, type Position } from "@holdfast/protocol";
import { BrokerUnavailable } from "../broker/broker.js";
import { channelOf, type Topic } from "../broker/topic.js";
import type { Connection } from "../connection/connection.js";
import type { Context } from "../connection/context.js";
import { type ReleaseParts, unsubscribe } from "../connection/release.js";
import type { Session } from "../connection/session.js";
import { Subscription } from "../hub/subscription.js";
import type { Answer } from "./command.js";
import { cancel, grant, isKnown, learn, type PresenceWish } from "./presence-wish.js";
import { chargeRead, hasReadEnough } from "./reading.js";

type Result = EncodableResults["subscribe"];

/** The parts of core that a subscription needs on its way. */
export type PendingSubscribeParts = ReleaseParts<Connection> &
  Pick<Context, "clock" | "logger" | "metrics" | "presence" | "rateLimit" | "streamReader" | "ticker">;

const MAX_ANSWER_CHARS = 8 * 1024 * 1024;
const NOTHING: Result = Object.freeze({});
/** Without history nothing proves what came after a position: say so rather than guess. */
const UNVERIFIABLE: Result = Object.freeze({ recovered: false, reason: "unverifiable" });

/** What one answer may still hold: that of a connect has many channels, and is one message. */
export interface Allowance {
  chars: number;
}

/**
 * Half of what the SDK takes for a message; nothing where the connection has used up its rate by what it read
 * before.
 */
export function newAllowance(
  parts: Pick<Context, "rateLimit" | "ticker">,
  connection: Connection,
): Allowance {
  return { chars: hasReadEnough(parts, connection) ? 0 : MAX_ANSWER_CHARS };
}

export class PendingSubscribe {
  readonly #parts: PendingSubscribeParts;
  readonly #connection: Connection;
  readonly #subscription: Subscription;
  readonly #since: Position | null;
  readonly #wished: PresenceWish | undefined;
  #waiting: Promise<ErrorCode | undefined> | undefined;

  /** Enters the topic and the session; the session may subscribe to it. */
  constructor(
    parts: PendingSubscribeParts,
    connection: Connection,
    session: Session,
    topic: Topic,
    since: Position | null = null,
    wished?: PresenceWish,
  ) {
    this.#parts = parts;
    this.#connection = connection;
    this.#since = since;
    this.#wished = wished;
    this.#subscription = new Subscription(connection, parts.hub.enter(topic));
    session.add(this.#subscription);
    // What is here now has to be here when other channels of the same connect have been waited for.
    if (since !== null) this.#subscription.topicState.stream?.recent.pin();
  }

  /** Whether it can be completed in this turn. */
  get ready(): boolean {
    const { confirming } = this.#subscription.topicState;
    return confirming === undefined && this.#knowsPast && isKnown(this.#parts, this.#wished);
  }

  /**
   * Settles with an error, or with none when it is worth looking again. Undefined when it could be completed
   * at the last `prepare`.
   */
  get waiting(): Promise<ErrorCode | undefined> | undefined {
    return this.#waiting;
  }

  /** Begins to wait for what is missing now. A channel may move on while others are awaited: then again. */
  prepare(): this {
    this.#waiting = this.ready ? undefined : this.#wait();
    return this;
  }

  /** From now on the connection hears the channel. Called once where waiting brought no error. */
  complete(allowance: Allowance): Answer<Result> {
    const answer = this.#join(allowance);
    if ("error" in answer) cancel(this.#parts, this.#wished);
    // What was kept for it has been copied.
    this.#unpin();
    return answer;
  }

  get #knowsPast(): boolean {
    const { topicState } = this.#subscription;
    const { stream } = topicState;
    if (this.#since === null || stream === undefined) return true;
    return this.#parts.streamReader.knows(topicState, stream, this.#since);
  }

  /**
   * Waits for the broker, and for the past. A failure is a value: one channel of many must not fail the whole
   * connect.
   */
  async #wait(): Promise<ErrorCode | undefined> {
    const { clock, metrics, streamReader } = this.#parts;
    const { topicState } = this.#subscription;
    const started = clock.monotonic();
    try {
      await topicState.confirming;
      if (this.#since !== null && topicState.stream !== undefined && !this.#knowsPast)
        await streamReader.learn(topicState, topicState.stream, this.#since);
      await learn(this.#parts, this.#wished);
    } catch (error) {
      return this.#failed(error);
    }
    metrics.observe("subscribe_seconds", (clock.monotonic() - started) / 1000);
    return undefined;
  }

  #failed(error: unknown): ErrorCode {
    this.#unpin();
    cancel(this.#parts, this.#wished);
    unsubscribe(this.#parts, this.#connection, this.#subscription);
    if (error instanceof BrokerUnavailable) return errors.unavailable;
    const { topic } = this.#subscription;
    this.#parts.logger.error({ connection: this.#connection.id, topic, err: error }, "could not subscribe");
    return errors.internal;
  }

  #unpin(): void {
    if (this.#since !== null) this.#subscription.topicState.stream?.recent.unpin();
  }

  #join(allowance: Allowance): Answer<Result> {
    const { hub, presence } = this.#parts;
    const { topicState } = this.#subscription;
    // An unsubscribe or the connection's end may have come in between.
    if (this.#connection.session?.find(topicState.topic) !== this.#subscription)
      return { error: errors.notSubscribed };
    const position = hub.join(topicState, this.#subscription);
    if (topicState.presence !== undefined)
      presence?.join(this.#connection, channelOf(topicState.topic) ?? "", topicState.presence);
    const before = allowance.chars;
    const heard = this.#hear(position, allowance);
    if (heard.publications !== undefined) chargeRead(this.#parts, this.#connection, before - allowance.chars);
    return {
      result: this.#wished === undefined ? heard : this.#withPresence(heard, this.#wished, allowance),
    };
  }

  #withPresence(heard: Result, wished: PresenceWish, allowance: Allowance): Result {
    const presence = grant(this.#parts, this.#connection, this.#subscription, wished);
    if (presence === undefined) return heard;
    for (const member of presence.members) allowance.chars -= member.length;
    const members = allowance.chars < 0 ? [] : presence.members;
    return { ...heard, presence: { ...presence, members } };
  }

  /** Where it begins to hear the channel, and what it missed. */
  #hear(position: Position | undefined, allowance: Allowance): Result {
    const { stream } = this.#subscription.topicState;
    const since = this.#since;
    if (position === undefined || stream === undefined) return since === null ? NOTHING : UNVERIFIABLE;
    if (since === null) return position;
    const recovery = this.#parts.streamReader.recover(stream, since, position);
    switch (recovery.kind) {
      case "recovered": {
        for (const { data } of recovery.entries) allowance.chars -= data.length;
        if (allowance.chars < 0 && recovery.entries.length > 0)
          return { ...recovery.position, recovered: false, reason: "too_many" };
        const recovered = { ...recovery.position, recovered: true };
        return recovery.entries.length === 0 ? recovered : { ...recovered, publications: recovery.entries };
      }
      case "lost":
        return { ...recovery.position, recovered: false, reason: recovery.reason };
      case "ahead":
        return { ...position, recovered: false, reason: recovery.reason };
      case "earlier":
        return { ...position, recovered: false, reason: "too_many" };
      case "torn":
        return { ...position, recovered: false, reason: "epoch" };
      // Waited for in vain. What is heard again is not above the position, so a client can tell.
      case "amid":
        return { ...recovery.position, recovered: true };
    }
  }
}
