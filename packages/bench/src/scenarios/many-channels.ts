/**
 * many-channels: 5,000 connections with 10 channels each, 500 channels of 100 subscribers, one message to
 * every channel.
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
const PER_CONNECTION = 10;
const SUBSCRIBERS_PER_CHANNEL = 100;
const PEERS = [ours, plainWs, socketIo, nchan, bun, cLoop];

export const manyChannels: Scenario = {
  name: "many-channels",
  title: "Many channels",
  metrics: DELIVERY_METRICS,
  peers: PEERS,
  defaultRuns: 2,
  async run(context) {
    const connections = context.quick ? 100 : 5_000;
    const rounds = context.quick ? 2 : 12;
    const warmUp = context.quick ? 2 : 10;
    const deliveries = connections * PER_CONNECTION;
    const channels = deliveries / SUBSCRIBERS_PER_CHANNEL;
    for (const peer of context.rotate(PEERS)) {
      await context.measure(peer, { workers: 1 }, (server) =>
        withFleet(server, { channels, channelsPerConnection: PER_CONNECTION }, async (fleet) => {
          await fill(fleet, connections);
          const publish = () => server.publishEach(channels, stampedMessage(MESSAGE_BYTES));
          const plan = { count: rounds, deliveries, publish };
          const values = await measureRounds(server, fleet, plan, warmUp);
          const name = `${formatNumber(connections, 0)} × ${PER_CONNECTION} channels`;
          context.record({ case: name, peer: peer.name, values, commands: [server.command, fleet.command] });
        }),
      );
    }
  },
};
