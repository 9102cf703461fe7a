/**
 * The embedded broker's side of one link: a worker's requests become calls on the instance's memory bus.
 *
 * Invariants: every request is answered once, by its failure where the link has no room for the result;
 * nothing is sent for a topic that the worker has not subscribed. A publication that finds no room is left
 * out, and so is what follows on its topic until the worker can be told of it: a slow worker costs itself
 * publications, and no other worker anything.
 */
import {
  BrokerUnavailable,
  CONTROL,
  MemoryBroker,
  type MemoryBus,
  parseTopic,
  type Topic,
} from "@holdfast/core";
import type { Data, Position } from "@holdfast/protocol";
import { LINK_SHARES, type Send } from "../../link/link.js";
import { fromLink, type LinkPage, pageToLink, toLink } from "../../link/link-data.js";
import type { BrokerAnswer, BrokerRequest } from "../../link/messages.js";

export class BrokerServer {
  readonly #broker: MemoryBroker;
  readonly #secret: string;
  readonly #send: Send<BrokerAnswer>;
  readonly #onSkip: () => void;
  /** Topics with publications that were left out, of which the worker has yet to be told. */
  readonly #skipped = new Set<Topic>();

  /** `send` sends to the worker; `onSkip` is called for each publication that is left out. */
  constructor(bus: MemoryBus, send: Send<BrokerAnswer>, onSkip: () => void = () => {}) {
    this.#send = send;
    this.#secret = bus.secret;
    this.#onSkip = onSkip;
    this.#broker = new MemoryBroker(bus);
    this.#broker.start({
      publication: (topic, data, position) => this.#publication(topic, data, position),
      state: () => {},
    });
  }

  /** The worker has taken all that waited for it. */
  drained(): void {
    if (this.#skipped.size === 0) return;
    const message: BrokerAnswer = { type: "broker-skipped", topics: [...this.#skipped] };
    if (this.#send(message, LINK_SHARES.answers)) this.#skipped.clear();
  }

  async handle(request: BrokerRequest): Promise<void> {
    const { id } = request;
    try {
      const result = await this.#carryOut(request);
      if (!this.#send({ type: "broker-done", id, result }, LINK_SHARES.answers))
        throw new BrokerUnavailable(
          "the answer is too large for the link to the worker, or the link is full",
        );
    } catch (error) {
      this.#send({
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

  #publication(topic: Topic, published: Data, position: Position | undefined): void {
    if (this.#skipped.has(topic)) {
      // Not at the first room, or the worker would be told of a gap for every other publication.
      const told = this.#send({ type: "broker-skipped", topics: [topic] }, LINK_SHARES.publications / 2);
      if (!told) return this.#onSkip();
      this.#skipped.delete(topic);
    }
    const data = toLink(published);
    // Orders are few and must arrive.
    const share = topic === CONTROL ? LINK_SHARES.answers : LINK_SHARES.publications;
    if (this.#send({ type: "broker-publication", topic, data, position }, share)) return;
    this.#skipped.add(topic);
    this.#onSkip();
  }

  #carryOut(request: BrokerRequest): Promise<Position | LinkPage | string | undefined> {
    if (request.type === "broker-secret") return Promise.resolve(this.#secret);
    const topic = topicOf(request);
    switch (request.type) {
      case "broker-publish":
        return this.#broker.publish(topic, fromLink(request.data), request.options);
      case "broker-read":
        return this.#broker.read(topic, request.query).then(pageToLink);
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
