/**
 * The event sink in memory: keeps the newest events of one process for its readers. For tests and for
 * embedding.
 */
import { BrokerUnavailable } from "../broker/broker.js";
import type { Clock } from "../runtime/clock.js";
import type { Metrics } from "../runtime/metrics.js";
import { type EventSink, eventFields, type GatewayEvent } from "./event-sink.js";

export class MemoryEventSink implements EventSink {
  readonly #maxEvents: number;
  readonly #clock: Clock;
  readonly #metrics: Metrics;
  #events: (readonly string[])[] = [];
  #state: "open" | "closed" = "open";

  /** `maxEvents`: so many are kept; beyond it the oldest goes. */
  constructor(maxEvents: number, clock: Clock, metrics: Metrics) {
    this.#maxEvents = maxEvents;
    this.#clock = clock;
    this.#metrics = metrics;
  }

  tell(event: GatewayEvent): void {
    if (this.#state === "open") {
      this.#metrics.add("events", 1);
      this.#events.push(eventFields(event, this.#clock.now()));
      if (this.#events.length <= this.#maxEvents) return;
      this.#events.shift();
    }
    this.#metrics.add("events_dropped", 1);
  }

  async deliver(event: GatewayEvent): Promise<void> {
    if (this.#state === "closed") throw new BrokerUnavailable("the sink is closed");
    this.tell(event);
  }

  /** What came since the last call, oldest first, each as names and values. */
  take(): readonly (readonly string[])[] {
    return this.#events.splice(0);
  }

  async close(): Promise<void> {
    this.#state = "closed";
  }
}
