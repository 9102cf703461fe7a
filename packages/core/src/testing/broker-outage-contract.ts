/**
 * The contract of a broker that can be taken away, as a test suite: what it owes besides through an outage.
 *
 * Leaves to broker-contract.ts what holds without one.
 */
import { describe, expect, test } from "@jest/globals";
import { BrokerUnavailable } from "../broker/broker.js";
import { BROADCAST, channelTopic } from "../broker/topic.js";
import { type BrokerWorld, brokersPerTest } from "./broker-world.js";

/** A world whose brokers can lose what joins them. */
export interface FallibleBrokerWorld extends BrokerWorld {
  /** Takes away what joins the brokers. They notice by themselves. */
  away(): Promise<void>;
  /** Brings it back, with none of the brokers' subscriptions. */
  back(): Promise<void>;
}

const NEWS = channelTopic("news");
const SPORT = channelTopic("sport");

/** What a broker owes besides when that which joins the brokers can go away. */
export function brokerOutageContract(
  name: string,
  factory: () => FallibleBrokerWorld | Promise<FallibleBrokerWorld>,
): void {
  describe(`${name} keeps the broker contract through an outage`, () => {
    const use = brokersPerTest(factory);

    test("it says when it went, refuses at once meanwhile, and restores all subscriptions before it is ready", async () => {
      const [a, b] = await use.ready(2);
      const topics = Array.from({ length: 30 }, (_, i) => channelTopic(`room:${i}`));
      await Promise.all(topics.map((topic) => a.broker.subscribe(topic)));
      await use.world().away();
      await Promise.all([a.reach("connecting"), b.reach("connecting")]);
      await expect(a.broker.publish(NEWS, "lost")).rejects.toBeInstanceOf(BrokerUnavailable);
      await expect(a.broker.subscribe(NEWS)).rejects.toBeInstanceOf(BrokerUnavailable);
      await use.world().back();
      await Promise.all([a.reach("ready"), b.reach("ready")]);
      expect(a.states).toEqual(["ready", "connecting", "ready"]);
      await Promise.all(topics.map((topic) => b.broker.publish(topic, topic)));
      await Promise.all(topics.map((topic) => a.upTo(topic)));
      expect(a.received).toHaveLength(topics.length);
    });

    test("what was refused or given up meanwhile is not restored", async () => {
      const [a] = await use.ready(1);
      await Promise.all([a.broker.subscribe(NEWS), a.broker.subscribe(SPORT)]);
      await use.world().away();
      await a.reach("connecting");
      await Promise.allSettled([a.broker.unsubscribe(NEWS), a.broker.subscribe(BROADCAST)]);
      await use.world().back();
      await a.reach("ready");
      await a.broker.publish(NEWS, "given up");
      await a.broker.publish(BROADCAST, "refused");
      await a.broker.publish(SPORT, "end");
      expect(await a.upTo("end")).toEqual(["end"]);
    });

    test("calls under way when it goes settle, and closing does not wait for its return", async () => {
      const [a] = await use.ready(1);
      const calls = Promise.allSettled([
        use.world().away(),
        a.broker.subscribe(NEWS),
        a.broker.publish(NEWS, "1"),
        a.broker.unsubscribe(SPORT),
      ]);
      for (const outcome of await calls) {
        if (outcome.status === "rejected") expect(outcome.reason).toBeInstanceOf(BrokerUnavailable);
      }
      await a.reach("connecting");
      await a.broker.close();
      expect(a.states).toEqual(["ready", "connecting", "closed"]);
      await use.world().back();
    });
  });
}
