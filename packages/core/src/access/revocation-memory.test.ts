import { revocationContract } from "../testing/revocation-contract.js";
import { MemoryRevocations } from "./revocation-memory.js";

revocationContract("MemoryRevocations", () => {
  let now = Date.UTC(2024, 0, 1);
  const told: string[] = [];
  const store = new MemoryRevocations({
    maxRevocations: 1500,
    now: () => now,
    tell: (order) => told.push(order),
  });
  return {
    create: async () => store,
    now: () => now,
    async pass(ms) {
      now += ms;
    },
    told: async () => told,
    close: async () => {},
  };
});
