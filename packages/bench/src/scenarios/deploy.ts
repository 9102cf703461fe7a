/**
 * deploy: 5,000 clients through a rolling reload of every worker, with a publisher that does not stop.
 *
 * Measures which clients notice, for how long, and how many are without a connection at once. A client of a
 * worker that is replaced has to come back: what counts is that not all do so at the same time, and that no
 * client misses anything.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { SdkFleet } from "../load/sdk-fleet.js";
import { type HoldfastServer, ours } from "../peers/ours.js";
import type { Metric } from "../result.js";
import type { Scenario } from "../scenario.js";

const METRICS: readonly Metric[] = [
  { key: "outageShare", label: "clients that saw an outage", unit: "%", better: "lower", digits: 1 },
  { key: "reconnectP50", label: "away p50", unit: "ms", better: "lower", digits: 0 },
  { key: "reconnectP95", label: "away p95", unit: "ms", better: "lower", digits: 0 },
  { key: "dipShare", label: "deepest dip", unit: "% of the clients", better: "lower", digits: 1 },
  {
    key: "deliveredShare",
    label: "delivered",
    unit: "%",
    better: "higher",
    digits: 3,
    compare: "own",
    noise: 0.001,
  },
  { key: "neverBack", label: "never back", unit: "", better: "lower", digits: 0, compare: "own", noise: 0.5 },
];

const CHANNEL = "room:deploy";
const EVERY_MS = 200;
const SETTLE_MS = 5_000;
const RELOAD_MS = 120_000;
const FLAGS = [
  "--drain-window",
  "10s",
  "--namespaces",
  '{"":{"clientPublish":true},"room":{"clientPublish":true,"historySize":1000}}',
];

export const deploy: Scenario = {
  name: "deploy",
  title: "A rolling reload",
  metrics: METRICS,
  peers: [ours],
  defaultRuns: 1,
  async run(context) {
    const clients = context.quick ? 200 : 5_000;
    await context.measure(ours, { workers: 2, flags: FLAGS }, async (server) => {
      const fleet = await SdkFleet.start(server.port, CHANNEL, clients);
      try {
        let published = 0;
        let state: "publishing" | "done" = "publishing";
        const publishing = (async () => {
          while (state === "publishing") {
            await (server as HoldfastServer).post(CHANNEL, published++);
            await sleep(EVERY_MS);
          }
        })();
        await sleep(1_000);
        await fleet.report();
        await (server as HoldfastServer).reload(RELOAD_MS);
        await sleep(SETTLE_MS);
        state = "done";
        await publishing;
        await sleep(SETTLE_MS);
        const report = await fleet.report();
        context.record({
          case: `${clients.toLocaleString("en-US")} clients, 2 workers`,
          peer: ours.name,
          values: {
            outageShare: (report.sawOutage / report.clients) * 100,
            reconnectP50: report.absenceP50,
            reconnectP95: report.absenceP95,
            dipShare: ((report.clients - report.connectedAtLeast) / report.clients) * 100,
            deliveredShare: (report.received / (report.clients * published)) * 100,
            neverBack: report.away,
          },
          commands: [server.command, `kill -HUP <primary>`, fleet.command],
        });
      } finally {
        await fleet.stop();
      }
    });
  },
};
