/**
 * encodings: one channel whose publications are records, to subscribers of one encoding at a time. What an
 * encoding costs for a delivery is mostly the bytes that it makes of a record.
 */
import { stampedMessage } from "../load/fleet-client.js";
import { ours } from "../peers/ours.js";
import type { Scenario } from "../scenario.js";
import { DELIVERY_METRICS, fill, measureRounds, withFleet } from "./subscribers.js";

const PEERS = [ours];
/** The value of `format` in a subscriber's URL, and its name. */
const ENCODINGS = [
  ["json", "JSON"],
  ["msgpack", "MessagePack"],
] as const;
/** Quotes in a publication, and the bytes that makes in JSON: 4 KiB, about. */
const QUOTES = 60;
const STAMP_BYTES = 24;

export const encodings: Scenario = {
  name: "encodings",
  title: "Encodings",
  metrics: DELIVERY_METRICS,
  peers: PEERS,
  defaultRuns: 2,
  async run(context) {
    const subscribers = context.quick ? 100 : 2_000;
    const rounds = context.quick ? 5 : 40;
    for (const [format, label] of context.rotate(ENCODINGS)) {
      await context.measure(ours, { workers: 1 }, (server) =>
        withFleet(server, { target: `/ws?format=${format}&channels=` }, async (fleet) => {
          await fill(fleet, subscribers);
          const publish = () => server.publish("c0", record());
          const plan = { count: rounds, deliveries: subscribers, publish };
          const values = await measureRounds(server, fleet, plan, Math.ceil(rounds / 2));
          const commands = [server.command, fleet.command];
          context.record({ case: label, peer: ours.name, values, commands });
        }),
      );
    }
  },
};

/** A stamp and quotes, as JSON text without blanks. */
function record(): string {
  const quotes = Array.from({ length: QUOTES }, (_, i) => ({
    symbol: `SYM${i}`,
    bid: 10_000 + i * 7,
    ask: 10_003 + i * 7,
    size: i * 100,
    open: i % 2 === 0,
  }));
  return `{"at":${stampedMessage(STAMP_BYTES)},"quotes":${JSON.stringify(quotes)}}`;
}
