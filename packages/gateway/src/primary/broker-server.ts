/**
 * The embedded broker's side of one link: a worker's requests become calls on the instance's memory bus.
 *
 * Invariant: every request is answered once; nothing is sent for a topic that the worker has not subscribed.
 */
import {
  BrokerUnavailable,
  type LogPage,
  MemoryBroker,
  type MemoryBus,
  parseTopic,
  type Topic,
} from "@holdfast/core";
import type { Position } from "@holdfast/protocol";
import type { BrokerAnswer, BrokerRequest } from "../messages.js";

export class BrokerServer {
  readonly #broker: MemoryBroker;
  readonly #answer: (answer: BrokerAnswer) => void;

  /** `answer` sends to the worker. */
  constructor(bus: MemoryBus, answer: (answer: BrokerAnswer) => void) {
    this.#answer = answer;
    this.#broker = new MemoryBroker(bus);
    this.#broker.start({
      publication: (topic, data, position) => answer({ type: "broker-publication", topic, data, position }),
      state: () => {},
    });
  }

  async handle(request: BrokerRequest): Promise<void> {
    const { id } = request;
    try {
      const result = await this.#carryOut(request);
      this.#answer({ type: "broker-done", id, result });
    } catch (error) {
      this.#answer({
        type: "broker-failed",
        id,
        problem: error instanceof Error ? error.message : String(error),
      });
    }
  }

  /** Ends the worker's subscriptions. Idempotent. */
  close(): Promise<void> {
    return this.#broker.close();
  }

  #carryOut(request: BrokerRequest): Promise<Position | LogPage | string | undefined> {
    if (request.type === "broker-secret") return this.#broker.secret();
    const topic = topicOf(request);
    switch (request.type) {
      case "broker-publish":
        return this.#broker.publish(topic, request.data, request.options);
      case "broker-read":
        return this.#broker.read(topic, request.query);
      case "broker-subscribe":
        return this.#broker.subscribe(topic).then(nothing);
      case "broker-unsubscribe":
        return this.#broker.unsubscribe(topic).then(nothing);
    }
  }
}

const nothing = (): undefined => undefined;

function topicOf(request: BrokerRequest & { readonly topic: string }): Topic {
  const topic = parseTopic(request.topic);
  if (topic === undefined) throw new BrokerUnavailable(`not a topic: ${JSON.stringify(request.topic)}`);
  return topic;
}
