/**
 * comet: held polls and event streams: what one costs in memory, how fast they open, and what a message to
 * 5,000 of them costs, with the return of the polls. Ours on WebSocket stands beside the streams.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type FleetProtocol, stampedMessage } from "../load/fleet-client.js";
import { kernelSocketBytes } from "../measure/kernel.js";
import { nchan } from "../peers/nchan.js";
import { heldHttp } from "../peers/node-peers.js";
import { ours, oursWebSocket } from "../peers/ours.js";
import type { Peer, PeerServer } from "../peers/peer.js";
import type { Metric } from "../result.js";
import type { RunContext, Scenario } from "../scenario.js";
import { slope } from "../statistics.js";
import { grow } from "./growth.js";
import { DELIVERY_METRICS, measureRounds, withFleet } from "./subscribers.js";

const METRICS: readonly Metric[] = [
  { key: "userBytes", label: "user space", unit: "bytes each", better: "lower", digits: 0 },
  ...DELIVERY_METRICS,
  { key: "perCore", label: "of one core", unit: "deliveries/s", better: "higher", digits: 0 },
  { key: "openedPerSecond", label: "opened/s", unit: "", better: "higher", digits: 0 },
  { key: "kernelBytes", label: "kernel", unit: "bytes each", better: "lower", digits: 0, compare: "never" },
];

const PEERS = [ours, oursWebSocket, heldHttp, nchan];
const HELD_POLLS = "held polls";
const STREAMS = "event streams";
const MESSAGE_BYTES = 100;
/** As fast as the server takes them, 200 at a time. */
const UNPACED = 1_000_000;
/** Connections that have gone are forgotten. */
const RELEASE_MS = 1_000;

export const comet: Scenario = {
  name: "comet",
  title: "Comet",
  metrics: METRICS,
  peers: PEERS,
  defaultRuns: 1,
  async run(context) {
    for (const name of [HELD_POLLS, STREAMS]) {
      const peers = name === HELD_POLLS ? PEERS.filter((peer) => peer !== oursWebSocket) : PEERS;
      for (const peer of context.rotate(peers)) await measurePeer(context, peer, name);
    }
  },
};

/** Two servers of the same kind: the second is not told of connections that have gone. */
async function measurePeer(context: RunContext, peer: Peer, name: string): Promise<void> {
  const [few, many] = context.quick ? [100, 300] : [5_000, 18_000];
  const memory: Record<string, number> = {};
  await context.measure(peer, { workers: 1 }, (server) =>
    withFleet(server, waysOf(server, peer, name), async (fleet) => {
      await grow(server, fleet, 0, few);
      const kernelBefore = kernelSocketBytes();
      const points = await grow(server, fleet, few, many);
      const kernelAfter = kernelSocketBytes();
      const { open } = await fleet.report();
      if (open !== many) throw new Error(`only ${open} of ${many} connections stayed`);
      memory.userBytes = slope(points);
      if (kernelBefore !== undefined && kernelAfter !== undefined) {
        memory.kernelBytes = (kernelAfter - kernelBefore) / (many - few) / 2;
      }
    }),
  );
  if (memory.userBytes === undefined) return;
  await sleep(context.quick ? 0 : RELEASE_MS);
  const [held, rounds] = context.quick ? [100, 5] : [5_000, 16];
  await context.measure(peer, { workers: 1 }, (server) =>
    withFleet(server, waysOf(server, peer, name), async (fleet) => {
      const openMs = await fleet.connect(held, UNPACED);
      const publish = () => server.publish("c0", stampedMessage(MESSAGE_BYTES));
      const plan = { count: rounds, everyMs: context.quick ? 50 : 600, deliveries: held, publish };
      const delivery = await measureRounds(server, fleet, plan, Math.ceil(rounds / 3));
      const values = {
        ...memory,
        ...delivery,
        perCore: 1e6 / (delivery.cpuUs ?? Number.NaN),
        // A held request without an answer says nothing about its opening.
        ...(isAnswered(server, peer, name) && { openedPerSecond: (held / openMs) * 1000 }),
      };
      context.record({ case: name, peer: peer.name, values, commands: [server.command, fleet.command] });
    }),
  );
}

function isAnswered(server: PeerServer, peer: Peer, name: string): boolean {
  const { protocol } = waysOf(server, peer, name);
  return protocol !== "get" && protocol !== "nchan";
}

function waysOf(
  { comet: targets, target }: PeerServer,
  peer: Peer,
  name: string,
): { target: string; protocol: FleetProtocol } {
  if (peer === oursWebSocket) return { target, protocol: "websocket" };
  if (targets === undefined) throw new Error("has no comet");
  return name === STREAMS
    ? { target: targets.sse, protocol: "sse" }
    : { target: targets.poll, protocol: targets.pollProtocol };
}
