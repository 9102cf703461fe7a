import { MemoryBroker, MemoryBus } from "./broker-memory.js";
import { MemoryPresence } from "./presence-memory.js";
import { presenceContract } from "./testing/presence-contract.js";

presenceContract("MemoryPresence", () => {
  let now = Date.UTC(2024, 0, 1);
  const bus = new MemoryBus();
  const store = new MemoryPresence(bus, () => now);
  return {
    store: async () => store,
    broker: () => new MemoryBroker(bus),
    async pass(ms) {
      now += ms;
    },
    leftovers: async () => (store.channels === 0 ? [] : ["channels"]),
    async close() {},
  };
});
