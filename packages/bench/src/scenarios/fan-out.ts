/**
 * fan-out: one channel, all subscribers on one worker, a message of 100 bytes in rounds.
 */
import { stampedMessage } from "../load/fleet-client.js";
import { bun } from "../peers/bun.js";
import { cLoop } from "../peers/c-loop.js";
import { nchan } from "../peers/nchan.js";
import { plainWs, socketIo } from "../peers/node-peers.js";
import { ours, oursOnLibrary } from "../peers/ours.js";
import { formatNumber } from "../report/numbers.js";
import type { Scenario } from "../scenario.js";
import { DELIVERY_METRICS, fill, measureRounds, withFleet } from "./subscribers.js";

const MESSAGE_BYTES = 100;
const PEERS = [ours, oursOnLibrary, plainWs, socketIo, nchan, bun, cLoop];

export const fanOut: Scenario = {
  name: "fan-out",
  title: "Fan-out",
  metrics: DELIVERY_METRICS,
  peers: PEERS,
  defaultRuns: 2,
  async run(context) {
    const sizes = context.quick
      ? [{ subscribers: 100, rounds: 5 }]
      : [
          { subscribers: 5_000, rounds: 60 },
          { subscribers: 18_000, rounds: 24 },
        ];
    for (const peer of context.rotate(PEERS)) {
      await context.measure(peer, { workers: 1 }, (server) =>
        withFleet(server, {}, async (fleet) => {
          for (const { subscribers, rounds } of sizes) {
            await fill(fleet, subscribers);
            const publish = () => server.publish("c0", stampedMessage(MESSAGE_BYTES));
            const plan = { count: rounds, deliveries: subscribers, publish };
            const values = await measureRounds(server, fleet, plan, Math.ceil(rounds / 2));
            const commands = [server.command, fleet.command];
            context.record({
              case: `${formatNumber(subscribers, 0)} subscribers`,
              peer: peer.name,
              values,
              commands,
            });
          }
        }),
      );
    }
  },
};
