import { BrokerUnavailable, channelTopic, MemoryBus } from "@holdfast/core";
import { brokerContract, brokerLogContract, FakeClock, sharedSecretContract } from "@holdfast/core/testing";
import { describe, expect, it } from "@jest/globals";
import type { BrokerAnswer, BrokerRequest } from "../../link/messages.js";
import { BrokerServer } from "../../primary/embedded/broker-server.js";
import { LinkBroker } from "./broker-link.js";

/** The other end of a link in one process: the primary's side, on a bus. */
function serve(bus: MemoryBus, answer: (answer: BrokerAnswer) => void): (request: BrokerRequest) => boolean {
  const server = new BrokerServer(bus, (each) => {
    answer(each);
    return true;
  });
  return (request) => {
    void server.handle(request);
    return true;
  };
}

function world() {
  let now = 0;
  const bus = new MemoryBus({ now: () => now });
  const clock = new FakeClock();
  return {
    create() {
      const broker: LinkBroker = new LinkBroker((request) => send(request), clock);
      const send = serve(bus, (answer) => setImmediate(() => broker.answer(answer)));
      return broker;
    },
    async pass(ms: number) {
      now += ms;
    },
    async close() {
      expect(clock.timers).toBe(0);
    },
  };
}

brokerContract("LinkBroker", world);
brokerLogContract("LinkBroker", world);
sharedSecretContract("LinkBroker", () => {
  const { create } = world();
  return {
    async create() {
      const broker = create();
      broker.start({ publication() {}, state() {} });
      return () => broker.sharedSecret();
    },
    close: async () => {},
  };
});

describe("a broker over a link that stays silent", () => {
  const NEWS = channelTopic("news");

  function silent() {
    const clock = new FakeClock();
    const requests: BrokerRequest[] = [];
    const broker = new LinkBroker((request) => requests.push(request) > 0, clock);
    broker.start({ publication() {}, state() {} });
    return { broker, clock, requests };
  }

  it("gives up after five seconds, and ignores an answer that comes later", async () => {
    const { broker, clock, requests } = silent();
    const call = broker.publish(NEWS, "1");
    const settled: string[] = [];
    call.catch(() => settled.push("rejected"));
    clock.advance(4_500);
    await Promise.resolve();
    expect(settled).toEqual([]);
    clock.advance(1_000);
    await expect(call).rejects.toBeInstanceOf(BrokerUnavailable);
    broker.answer({ type: "broker-done", id: requests[0]!.id });
  });

  it("says what the primary said when a call fails", async () => {
    const { broker, requests } = silent();
    const call = broker.subscribe(NEWS);
    broker.answer({ type: "broker-failed", id: requests[0]!.id, problem: "not today" });
    await expect(call).rejects.toThrow("not today");
  });

  it("refuses more calls than it may hold", async () => {
    const { broker } = silent();
    const calls = Array.from({ length: 65_536 }, () => broker.publish(NEWS, "1"));
    await expect(broker.publish(NEWS, "1")).rejects.toThrow("65536 calls wait");
    const settled = Promise.allSettled(calls);
    await broker.close();
    await settled;
  });
});

describe("a broker over a link that has no room", () => {
  const NEWS = channelTopic("news");

  it("rejects a call at once, and takes the next when there is room again", async () => {
    const clock = new FakeClock();
    let hasRoom = false;
    const requests: BrokerRequest[] = [];
    const broker = new LinkBroker((request) => hasRoom && requests.push(request) > 0, clock);
    broker.start({ publication() {}, state() {} });
    await expect(broker.publish(NEWS, "1")).rejects.toBeInstanceOf(BrokerUnavailable);
    await expect(
      broker.read(NEWS, { from: 1, limit: 1, retention: { size: 1, ttlMs: 1000 } }),
    ).rejects.toThrow("no room");
    hasRoom = true;
    const call = broker.publish(NEWS, "2");
    broker.answer({ type: "broker-done", id: requests[0]!.id });
    await call;
    expect(requests).toHaveLength(1);
  });

  it("says which of the wanted topics the primary has skipped", async () => {
    const skipped: string[] = [];
    const broker = new LinkBroker(() => true, new FakeClock());
    broker.start({ publication() {}, state() {}, skipped: (topic) => skipped.push(topic) });
    void broker.subscribe(NEWS).catch(() => {});
    broker.answer({ type: "broker-skipped", topics: [NEWS, channelTopic("other")] });
    expect(skipped).toEqual([NEWS]);
    await broker.close();
  });
});
