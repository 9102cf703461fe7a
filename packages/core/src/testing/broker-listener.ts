/**
 * A broker under test: starts it, keeps what it says, and resolves when it has said what a test waits for.
 */

import type { Data, Position } from "@holdfast/protocol";
import type { Broker, BrokerEvents, BrokerState } from "../broker/broker.js";
import type { Topic } from "../broker/topic.js";

export interface ReceivedPublication {
  readonly topic: Topic;
  readonly data: Data;
  /** Present where the publication has one. */
  readonly position?: Position;
}

export class BrokerListener implements BrokerEvents {
  readonly broker: Broker;
  readonly received: ReceivedPublication[] = [];
  readonly states: string[] = [];
  readonly #waiting = new Set<() => void>();

  constructor(broker: Broker) {
    this.broker = broker;
    broker.start(this);
  }

  publication(topic: Topic, data: Data, position?: Position): void {
    this.received.push(position === undefined ? { topic, data } : { topic, data, position });
    this.#changed();
  }

  state(state: BrokerState): void {
    // Not asserted here: a broker has the right that its events do not throw.
    const { state: actual } = this.broker;
    this.states.push(actual === state ? state : `${state} said while ${actual}`);
    this.#changed();
  }

  /** Resolves when the broker is in the state. */
  reach(state: BrokerState): Promise<void> {
    return this.#until(() => this.broker.state === state);
  }

  /** Resolves when the broker was in the state that often, the present time included. */
  reachAgain(state: BrokerState, times: number): Promise<void> {
    return this.#until(() => this.states.filter((each) => each === state).length >= times);
  }

  /** Resolves with all that was received once `data` was. */
  async upTo(data: Data): Promise<Data[]> {
    await this.#until(() => this.received.some((each) => each.data === data));
    return this.received.map((each) => each.data);
  }

  #until(done: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (!done()) return;
        this.#waiting.delete(check);
        resolve();
      };
      this.#waiting.add(check);
      check();
    });
  }

  #changed(): void {
    for (const check of this.#waiting) check();
  }
}
