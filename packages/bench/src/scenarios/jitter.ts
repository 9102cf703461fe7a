/**
 * jitter: 10,000 clients, 120 messages; after half of them every connection is cut, and for 2 s nothing
 * passes. Which clients get what was published, and how long after the network's return?
 *
 * Twice: with clients that are told that they are offline, as browsers tell their pages, and with clients
 * that have to find out by trying, whose backoff has grown meanwhile. Socket.IO with connection state
 * recovery stands beside it. Either has clients of its own library.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { totalCpuMicros } from "@holdfast/swarm/measure";
import { SdkFleet } from "../load/sdk-fleet.js";
import { socketIoRecovery } from "../peers/node-peers.js";
import { ours } from "../peers/ours.js";
import { allProcesses, type Peer, type PeerServer } from "../peers/peer.js";
import type { Metric } from "../result.js";
import type { RunContext, Scenario } from "../scenario.js";

const METRICS: readonly Metric[] = [
  {
    key: "deliveredShare",
    label: "delivered",
    unit: "%",
    better: "higher",
    digits: 3,
    compare: "own",
    noise: 0.001,
  },
  {
    key: "repeatedShare",
    label: "twice",
    unit: "%",
    better: "lower",
    digits: 3,
    compare: "own",
    noise: 0.001,
  },
  { key: "gaps", label: "gaps told", unit: "", better: "lower", digits: 0, compare: "own", noise: 1 },
  { key: "catchUpP50", label: "catch-up p50", unit: "ms", better: "lower", digits: 0 },
  { key: "catchUpP99", label: "catch-up p99", unit: "ms", better: "lower", digits: 0 },
  { key: "cpuUs", label: "server CPU of a return", unit: "µs", better: "lower", digits: 0 },
  {
    key: "clientCpuUs",
    label: "client CPU of a return",
    unit: "µs",
    better: "lower",
    digits: 0,
    compare: "never",
  },
];

const PEERS = [ours, socketIoRecovery];
const CHANNEL = "room:jitter";
const OFFLINE_MS = 2_000;
const EVERY_MS = 250;
const SETTLE_MS = 15_000;
const FLAGS = [
  "--namespaces",
  '{"":{"clientPublish":true},"room":{"clientPublish":true,"historySize":1000}}',
];

/** Whose clients come back, by the peer's name. */
const PROGRAMS = { [ours.name]: "sdk-load", [socketIoRecovery.name]: "socket-io-load" } as const;

export const jitter: Scenario = {
  name: "jitter",
  title: "Connections cut, 2 s offline",
  metrics: METRICS,
  peers: PEERS,
  defaultRuns: 1,
  async run(context) {
    for (const how of ["known", "blind"] as const)
      for (const peer of context.rotate(PEERS))
        await context.measure(peer, { workers: 2, flags: FLAGS }, (server) =>
          measure(context, peer, server, how),
        );
  },
};

async function measure(
  context: RunContext,
  peer: Peer,
  server: PeerServer,
  how: "known" | "blind",
): Promise<void> {
  const clients = context.quick ? 200 : 10_000;
  const messages = context.quick ? 24 : 120;
  const fleet = await SdkFleet.start(server.port, CHANNEL, clients, PROGRAMS[peer.name]);
  try {
    const publish = async (from: number, to: number): Promise<void> => {
      for (let number = from; number < to; number++) {
        await server.publish(CHANNEL, String(number));
        await sleep(EVERY_MS);
      }
    };
    const cutAt = messages / 2;
    await publish(0, cutAt);
    await fleet.offline(how);
    const during = cutAt + OFFLINE_MS / EVERY_MS;
    await publish(cutAt, during);
    const clientBefore = (await fleet.report()).cpuMs;
    const serverBefore = totalCpuMicros(allProcesses(server));
    await fleet.online();
    // What was missed is the last that comes, so that the time of the last one is that of having caught up.
    await sleep(SETTLE_MS);
    const caughtUp = await fleet.report();
    const cpuUs = (totalCpuMicros(allProcesses(server)) - serverBefore) / clients;
    await publish(during, messages);
    await sleep(SETTLE_MS / 10);
    const report = await fleet.report();
    const expected = report.clients * messages;
    context.record({
      case: `${clients.toLocaleString("en-US")} clients, offline ${how === "known" ? "as a browser says it" : "unknown to them"}`,
      peer: peer.name,
      values: {
        deliveredShare: (report.received / expected) * 100,
        repeatedShare: (report.repeated / expected) * 100,
        gaps: report.gaps,
        catchUpP50: caughtUp.catchUpP50,
        catchUpP99: caughtUp.catchUpP99,
        cpuUs,
        clientCpuUs: ((caughtUp.cpuMs - clientBefore) * 1000) / clients,
      },
      commands: [server.command, fleet.command],
    });
  } finally {
    await fleet.stop();
  }
}
