/**
 * burst: 20 messages to each of 5,000 subscribers within one turn of the server's loop.
 */
import { stampedMessage } from "../load/fleet-client.js";
import { bun } from "../peers/bun.js";
import { cLoop } from "../peers/c-loop.js";
import { nchan } from "../peers/nchan.js";
import { plainWs, socketIo } from "../peers/node-peers.js";
import { ours } from "../peers/ours.js";
import { formatNumber } from "../report/numbers.js";
import type { Scenario } from "../scenario.js";
import { DELIVERY_METRICS, fill, measureRounds, withFleet } from "./subscribers.js";

const MESSAGE_BYTES = 100;
const MESSAGES = 20;
const PEERS = [ours, plainWs, socketIo, nchan, bun, cLoop];

export const burst: Scenario = {
  name: "burst",
  title: "Burst",
  metrics: DELIVERY_METRICS,
  peers: PEERS,
  defaultRuns: 2,
  async run(context) {
    const subscribers = context.quick ? 100 : 5_000;
    const rounds = context.quick ? 2 : 20;
    const warmUp = context.quick ? 2 : 10;
    const deliveries = subscribers * MESSAGES;
    for (const peer of context.rotate(PEERS)) {
      await context.measure(peer, { workers: 1 }, (server) =>
        withFleet(server, {}, async (fleet) => {
          await fill(fleet, subscribers);
          const publish = () => server.publish("c0", stampedMessage(MESSAGE_BYTES), MESSAGES);
          const plan = { count: rounds, deliveries, publish };
          const values = await measureRounds(server, fleet, plan, warmUp);
          const name = `${MESSAGES} × ${formatNumber(subscribers, 0)}`;
          context.record({ case: name, peer: peer.name, values, commands: [server.command, fleet.command] });
        }),
      );
    }
  },
};
