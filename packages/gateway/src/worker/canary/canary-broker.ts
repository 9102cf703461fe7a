/**
 * A broker whose topic `canary` goes to the canary, and all else to core.
 *
 * Owns nothing: calls pass through. Invariant: core hears of no canary.
 */
import {
  type ApartStates,
  type Broker,
  type BrokerEvents,
  type BrokerPublishOptions,
  type BrokerState,
  CANARY,
  type LogPage,
  type LogQuery,
  type Topic,
} from "@holdfast/core";
import type { Data } from "@holdfast/protocol";

export interface CanaryListener {
  heard(text: string): void;
  reachable(): void;
}

export class CanaryBroker implements Broker {
  readonly #broker: Broker;
  readonly #listener: CanaryListener;

  constructor(broker: Broker, listener: CanaryListener) {
    this.#broker = broker;
    this.#listener = listener;
  }

  get state(): BrokerState {
    return this.#broker.state;
  }

  get apart(): ApartStates | undefined {
    return this.#broker.apart;
  }

  get delayMs(): number | undefined {
    return this.#broker.delayMs;
  }

  start(events: BrokerEvents): void {
    this.#broker.start({
      publication: (topic, data, position) => {
        if (topic !== CANARY) events.publication(topic, data, position);
        else if (typeof data === "string") this.#listener.heard(data);
      },
      skipped: (topic) => events.skipped?.(topic),
      state: (state, part) => {
        events.state(state, part);
        if (state === "ready" && part === undefined) this.#listener.reachable();
      },
    });
  }

  publish(topic: Topic, data: Data, options?: BrokerPublishOptions) {
    return this.#broker.publish(topic, data, options);
  }

  read(topic: Topic, query: LogQuery): Promise<LogPage> {
    return this.#broker.read(topic, query);
  }

  subscribe(topic: Topic): Promise<void> {
    return this.#broker.subscribe(topic);
  }

  unsubscribe(topic: Topic): Promise<void> {
    return this.#broker.unsubscribe(topic);
  }

  close(): Promise<void> {
    return this.#broker.close();
  }
}
