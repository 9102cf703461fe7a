/**
 * compression: bytes on the wire and CPU of a delivery, plain and compressed: 1 KB of JSON, and 20 × 200
 * bytes within one turn, to 5,000 subscribers; and plain ws with its own deflate.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { totalCpuMicros } from "@holdfast/swarm/measure";
import { LineProcess } from "../line-process.js";
import { BENCH } from "../packages.js";
import { plainWs, wsDeflate } from "../peers/node-peers.js";
import { ours, oursCompressed, oursOnLibraryCompressed } from "../peers/ours.js";
import { allProcesses, type PeerServer } from "../peers/peer.js";
import { formatNumber } from "../report/numbers.js";
import type { Metric } from "../result.js";
import type { Scenario } from "../scenario.js";

const METRICS: readonly Metric[] = [
  { key: "bytes", label: "on the wire", unit: "bytes each batch", better: "lower", digits: 0 },
  { key: "cpuUs", label: "CPU", unit: "µs each batch", better: "lower", digits: 2 },
];

const PEERS = [ours, oursCompressed, oursOnLibraryCompressed, plainWs, wsDeflate];
const CONNECTS_PER_SECOND = 2_000;
const POLL_MS = 500;
const ARRIVE_MS = 120_000;
/** Both subscribe: ours by the hello, which joins batches as our clients' codec does; ws by its query. */
const HELLO = '{"id":1,"connect":{"subs":{"c0":null}}}';

interface Batch {
  readonly name: string;
  readonly text: string;
  readonly times: number;
}

/** As a market says it; deterministic, so that all peers send the same. */
function quotes(bytes: number): string {
  let text = "";
  for (let i = 0; text.length < bytes - 60; i++) {
    const bid = (1 + ((i * 7919) % 9973) / 1e4).toFixed(4);
    text += `${i === 0 ? "" : ","}{"symbol":"S${i % 40}","bid":${bid},"ask":${bid}1,"at":${1_700_000_000 + i * 37}}`;
  }
  return `{"quotes":[${text}]}`;
}

const BATCHES: readonly Batch[] = [
  { name: "1 KB of JSON", text: quotes(1_024), times: 1 },
  { name: "20 × 200 B", text: quotes(200), times: 20 },
];

/** Rounds that are not counted. */
const WARM_UP = 4;

export const compression: Scenario = {
  name: "compression",
  title: "Compression",
  metrics: METRICS,
  peers: PEERS,
  defaultRuns: 1,
  async run(context) {
    const subscribers = context.quick ? 100 : 5_000;
    const rounds = context.quick ? 2 : 8;
    for (const peer of context.rotate(PEERS)) {
      await context.measure(peer, { workers: 1 }, async (server) => {
        const fleet = await connected(server, subscribers);
        try {
          for (const batch of BATCHES) {
            const values = await measured(server, fleet, batch, subscribers, rounds);
            const name = `${batch.name} to ${formatNumber(subscribers, 0)}`;
            context.record({
              case: name,
              peer: peer.name,
              values,
              commands: [server.command, fleet.command],
            });
          }
        } finally {
          await fleet.stop();
        }
      });
    }
  },
};

async function connected(server: PeerServer, subscribers: number): Promise<LineProcess> {
  const isOurs = server.primary !== undefined;
  const target = isOurs ? "/ws" : `${server.target}c0`;
  const args = [String(server.port), target, isOurs ? HELLO : "-"];
  const { process: fleet } = await LineProcess.start(process.execPath, [
    join(BENCH, "dist/load/frame-counter.js"),
    ...args,
  ]);
  const { open } = await fleet.ask(`connect ${subscribers} ${CONNECTS_PER_SECOND}`);
  if (open !== subscribers) throw new Error(`only ${open} of ${subscribers} connections opened`);
  await sleep(1_000);
  return fleet;
}

/** The first rounds are not counted: code gets compiled. A round begins when the one before has arrived. */
async function measured(
  server: PeerServer,
  fleet: LineProcess,
  { text, times }: Batch,
  subscribers: number,
  rounds: number,
): Promise<Record<string, number>> {
  const pids = allProcesses(server);
  for (let i = 0; i < WARM_UP; i++) await arrived(server, fleet, text, times);
  await fleet.ask("reset");
  const before = totalCpuMicros(pids);
  for (let i = 0; i < rounds; i++) await arrived(server, fleet, text, times);
  const cpuUs = totalCpuMicros(pids) - before;
  const { bytes, least, open } = await fleet.ask("report");
  if (open !== subscribers || Number(least) < rounds) throw new Error("a subscriber did not get every batch");
  const batches = subscribers * rounds;
  return { bytes: Number(bytes) / batches, cpuUs: cpuUs / batches };
}

/** Publishes, and waits until nothing more comes. */
async function arrived(server: PeerServer, fleet: LineProcess, text: string, times: number): Promise<void> {
  const start = Number((await fleet.ask("report")).bytes);
  await server.publish("c0", text, times);
  let seen = start;
  for (const deadline = performance.now() + ARRIVE_MS; performance.now() < deadline; ) {
    await sleep(POLL_MS);
    const { bytes } = await fleet.ask("report");
    if (Number(bytes) > start && bytes === seen) return;
    seen = Number(bytes);
  }
  throw new Error("what was published did not come to an end");
}
