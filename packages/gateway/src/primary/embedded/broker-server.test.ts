import { CONTROL, channelTopic, MemoryBroker, MemoryBus, systemClock } from "@holdfast/core";
import { brokerContract } from "@holdfast/core/testing";
import { describe, expect, it } from "@jest/globals";
import { LINK_SHARES } from "../../link/link.js";
import type { BrokerAnswer } from "../../link/messages.js";
import { LinkBroker } from "../../worker/embedded/broker-link.js";
import { BrokerServer } from "./broker-server.js";

brokerContract("the embedded broker over a link", () => {
  const bus = new MemoryBus();
  const servers: BrokerServer[] = [];
  return {
    create() {
      // As over a link: what is said is heard later, in order.
      const broker: LinkBroker = new LinkBroker((request) => {
        setImmediate(() => server.handle(request));
        return true;
      }, systemClock);
      const server = new BrokerServer(bus, (answer) => {
        setImmediate(() => broker.answer(answer));
        return true;
      });
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
    const server = new BrokerServer(bus, (answer) => answers.push(answer) > 0);
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

  describe("to a worker that reads too slowly", () => {
    /** A link that takes what is sent with at least this share. */
    function slowLink() {
      const bus = new MemoryBus();
      const link = { room: 0, answers: [] as BrokerAnswer[], skips: 0 };
      const server = new BrokerServer(
        bus,
        (answer, share = 1) => share >= link.room && link.answers.push(answer) > 0,
        () => link.skips++,
      );
      return { bus, link, server };
    }
    const NEWS = channelTopic("news");
    const KEEP = { retention: { size: 9, ttlMs: 60_000 } };
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

    it("leaves publications out, says so when it has read, and goes on", async () => {
      const { bus, link, server } = slowLink();
      await server.handle({ type: "broker-subscribe", id: 1, topic: NEWS });
      link.answers = [];
      link.room = LINK_SHARES.answers;
      for (const data of ["1", "2"]) bus.publish(NEWS, data, KEEP);
      await turn();
      expect([link.answers, link.skips]).toEqual([[], 2]);
      link.room = 0;
      server.drained();
      server.drained();
      bus.publish(NEWS, "3", KEEP);
      await turn();
      expect(link.answers).toEqual([
        { type: "broker-skipped", topics: [NEWS] },
        expect.objectContaining({ type: "broker-publication", data: "3" }),
      ]);
      expect(link.skips).toBe(2);
    });

    it("goes on with a topic in the midst of traffic, once there is more than a little room", async () => {
      const { bus, link, server } = slowLink();
      await server.handle({ type: "broker-subscribe", id: 1, topic: NEWS });
      link.answers = [];
      link.room = LINK_SHARES.answers;
      bus.publish(NEWS, "1", KEEP);
      await turn();
      link.room = LINK_SHARES.publications;
      bus.publish(NEWS, "2", KEEP);
      await turn();
      expect(link.answers).toEqual([]);
      link.room = LINK_SHARES.publications / 2;
      bus.publish(NEWS, "3", KEEP);
      await turn();
      expect(link.answers.map(({ type }) => type)).toEqual(["broker-skipped", "broker-publication"]);
    });

    it("sends orders while publications are left out", async () => {
      const { bus, link, server } = slowLink();
      await server.handle({ type: "broker-subscribe", id: 1, topic: CONTROL });
      link.answers = [];
      link.room = LINK_SHARES.answers;
      bus.publish(CONTROL, "{}", {});
      await turn();
      expect(link.answers).toMatchObject([{ type: "broker-publication", topic: CONTROL }]);
    });

    it("answers a call whose result finds no room with its failure", async () => {
      const { link, server } = slowLink();
      link.room = 1;
      await server.handle({ type: "broker-read", id: 7, topic: NEWS, query: { from: 1, limit: 9, ...KEEP } });
      expect(link.answers).toEqual([
        { type: "broker-failed", id: 7, problem: expect.stringContaining("too large for the link") },
      ]);
    });
  });
});
