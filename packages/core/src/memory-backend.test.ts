/**
 * The backend in memory keeps the contract of backends.
 */
import { MemoryRevocations } from "./access/revocation-memory.js";
import { MemoryBroker, MemoryBus } from "./broker/broker-memory.js";
import { MemoryEventSink } from "./events/event-sink-memory.js";
import { MemoryPresence } from "./presence/memory.js";
import { systemClock } from "./runtime/clock.js";
import { noMetrics } from "./runtime/metrics.js";
import { backendContract } from "./testing/backend-contract.js";
import { FakeClock } from "./testing/fake-clock.js";

const close = async (): Promise<void> => {};

/** A clock of the test, ms. */
function time(now: number): { now(): number; pass(ms: number): Promise<void> } {
  let at = now;
  return {
    now: () => at,
    async pass(ms) {
      at += ms;
    },
  };
}

const record = (fields: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(fields.flatMap((name, i) => (i % 2 === 0 ? [[name, fields[i + 1] ?? ""]] : [])));

backendContract("in memory", {
  broker() {
    const bus = new MemoryBus();
    return { create: () => new MemoryBroker(bus), close };
  },
  log() {
    const { now, pass } = time(0);
    const bus = new MemoryBus({ now });
    return { create: () => new MemoryBroker(bus), pass, close };
  },
  secret() {
    const bus = new MemoryBus();
    return { create: async () => async () => bus.secret, close };
  },
  revocations() {
    const { now, pass } = time(Date.UTC(2024, 0, 1));
    const told: string[] = [];
    const tell = (order: string): void => void told.push(order);
    const store = new MemoryRevocations({ maxRevocations: 1500, now, tell });
    return { create: async () => store, now, pass, told: async () => told, close };
  },
  presence() {
    const clock = new FakeClock();
    const bus = new MemoryBus();
    const store = new MemoryPresence(bus, clock);
    return {
      store: async () => store,
      broker: () => new MemoryBroker(bus),
      pass: async (ms) => clock.advance(ms),
      leftovers: async () => (store.channels === 0 ? [] : ["channels"]),
      close,
    };
  },
  events() {
    const sink = new MemoryEventSink(2000, systemClock, noMetrics);
    return { sink, read: async () => sink.take().map(record), close };
  },
});
