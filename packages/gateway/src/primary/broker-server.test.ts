import { MemoryBroker, MemoryBus, systemClock } from "@holdfast/core";
import { brokerContract } from "@holdfast/core/testing";
import { describe, expect, it } from "@jest/globals";
import type { BrokerAnswer } from "../messages.js";
import { LinkBroker } from "../worker/broker-link.js";
import { BrokerServer } from "./broker-server.js";

brokerContract("the embedded broker over a link", () => {
  const bus = new MemoryBus();
  const servers: BrokerServer[] = [];
  return {
    create() {
      // As over a link: what is said is heard later, in order.
      const broker: LinkBroker = new LinkBroker(
        (request) => setImmediate(() => server.handle(request)),
        systemClock,
      );
      const server = new BrokerServer(bus, (answer) => setImmediate(() => broker.answer(answer)));
      servers.push(server);
      return broker;
    },
    async close() {
      await Promise.all(servers.map((server) => server.close()));
      expect(bus.topics).toBe(0);
    },
  };
});

describe("the embedded broker's side of a link", () => {
  function setUp() {
    const bus = new MemoryBus();
    const answers: BrokerAnswer[] = [];
    const server = new BrokerServer(bus, (answer) => answers.push(answer));
    return { bus, answers, server };
  }

  it("answers what is not a topic", async () => {
    const { answers, server } = setUp();
    await server.handle({ type: "broker-subscribe", id: 1, topic: "nonsense" });
    expect(answers).toEqual([
      { type: "broker-failed", id: 1, problem: expect.stringContaining("not a topic") },
    ]);
  });

  it("ends the subscriptions of a worker that is gone, and answers what it still said", async () => {
    const { bus, answers, server } = setUp();
    const other = new MemoryBroker(bus);
    other.start({ publication() {}, state() {} });
    await server.handle({ type: "broker-subscribe", id: 1, topic: "channel:news" });
    expect(bus.topics).toBe(1);
    await server.close();
    await server.close();
    expect(bus.topics).toBe(0);
    await server.handle({ type: "broker-subscribe", id: 2, topic: "channel:news" });
    expect(bus.topics).toBe(0);
    expect(answers.map(({ type }) => type)).toEqual(["broker-done", "broker-failed"]);
  });
});
