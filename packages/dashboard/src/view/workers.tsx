/**
 * The page Workers: one row for each worker process.
 */
import type { JSX } from "preact";
import type { Sample } from "../api/overview-watch.js";
import { workerRates } from "../data/rates.js";
import { bytesText, countText, percentText, rateText } from "../data/texts.js";
import { Table } from "./parts.js";

const COLUMNS = [
  "Slot",
  "State",
  "Broker",
  ...[
    "Pid",
    "Connections",
    "Topics",
    "Commands",
    "Deliveries",
    "Loop delay",
    "Loop busy",
    "GC",
    "Memory",
    "Heap",
    "Behind",
  ].map((number) => ({ number })),
];

export function Workers({ sample: { overview, before } }: { readonly sample: Sample }): JSX.Element {
  const rows = overview.workers.map((worker) => {
    const rates = workerRates(before, overview, worker.pid);
    return [
      worker.slot,
      worker.state,
      worker.broker ?? "no answer",
      worker.pid,
      countText(worker.connections),
      countText(worker.topics ?? 0),
      rateText(rates.commands),
      rateText(rates.deliveries),
      `${worker.loopDelayMs.toFixed(1)} ms`,
      percentText(worker.utilization ?? 0),
      percentText(rates.gc ?? 0),
      bytesText(worker.rssBytes ?? 0),
      bytesText(worker.heapBytes ?? 0),
      countText(worker.subscriptionsBehind ?? 0),
    ];
  });
  return <Table label="Workers" columns={COLUMNS} rows={rows} none="No worker runs." />;
}
