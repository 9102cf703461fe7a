import { brokerContract } from "../testing/broker-contract.js";
import { brokerLogContract } from "../testing/broker-log-contract.js";
import { MemoryBroker, MemoryBus } from "./broker-memory.js";

brokerContract("MemoryBroker", () => {
  const bus = new MemoryBus();
  return { create: () => new MemoryBroker(bus), close: async () => {} };
});

brokerLogContract("MemoryBroker", () => {
  let now = 0;
  const bus = new MemoryBus({ now: () => now });
  return {
    create: () => new MemoryBroker(bus),
    async pass(ms) {
      now += ms;
    },
    close: async () => {},
  };
});
