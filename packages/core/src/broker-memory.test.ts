import { MemoryBroker, MemoryBus } from "./broker-memory.js";
import { brokerContract } from "./testing/broker-contract.js";

brokerContract("MemoryBroker", () => {
  const bus = new MemoryBus();
  return { create: () => new MemoryBroker(bus), close: async () => {} };
});
