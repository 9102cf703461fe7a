/**
 * The columns of what operators watch: workers, busiest channels, slowest connections.
 *
 * Owns titles, figures and what a column is sorted by. For `holdfast top` and `holdfast status`.
 */
import type { BusyChannel, SlowConnection } from "@holdfast/core";
import type { InstanceSurvey, Overview, WorkerView } from "@holdfast/gateway";
import { grouped, rateText, shareText, sizeText, spanText } from "../output/figures.js";
import type { TableColumn } from "../output/table.js";
import type { GatewayRates, OverviewRates } from "./rates.js";

export interface SortableColumn<Row> extends TableColumn<Row> {
  /** What rows are sorted by: figures with the largest first, texts from A on. */
  readonly value: (row: Row) => number | string;
}

/** A worker with what is known of it besides its report. */
export interface WorkerRow {
  readonly worker: WorkerView;
  readonly rates: GatewayRates | undefined;
  readonly outboxes: InstanceSurvey["workers"][number] | undefined;
}

export function workerRows(
  overview: Overview,
  rates: OverviewRates | undefined,
  survey: InstanceSurvey | undefined,
): WorkerRow[] {
  const outboxes = new Map(survey?.workers.map((each) => [each.slot, each]));
  return overview.workers.map((worker) => ({
    worker,
    rates: rates?.workers.get(worker.pid),
    outboxes: outboxes.get(worker.slot),
  }));
}

/** A figure of a worker's rates; unknown ones are sorted last. */
function rateColumn(title: string, rank: number, name: keyof GatewayRates): SortableColumn<WorkerRow> {
  return {
    title,
    rank,
    align: "right",
    text: ({ rates }) => rateText(rates?.[name]),
    value: ({ rates }) => rates?.[name] ?? -1,
  };
}

export const WORKER_COLUMNS: readonly SortableColumn<WorkerRow>[] = Object.freeze([
  {
    title: "WORKER",
    align: "right",
    text: ({ worker }) => String(worker.slot),
    value: ({ worker }) => -worker.slot,
  },
  { title: "STATE", rank: 3, text: ({ worker }) => worker.state, value: ({ worker }) => worker.state },
  {
    title: "CONNECTIONS",
    align: "right",
    text: ({ worker }) => grouped(worker.connections),
    value: ({ worker }) => worker.connections,
  },
  rateColumn("IN/S", 1, "commands"),
  rateColumn("OUT/S", 1, "deliveries"),
  rateColumn("DROPS/S", 6, "drops"),
  {
    title: "LOOP",
    rank: 2,
    align: "right",
    text: ({ worker }) => `${grouped(worker.loopDelayMs)} ms`,
    value: ({ worker }) => worker.loopDelayMs,
  },
  {
    title: "BUSY",
    rank: 2,
    align: "right",
    text: ({ worker }) => shareText(worker.utilization),
    value: ({ worker }) => worker.utilization ?? -1,
  },
  {
    title: "GC",
    rank: 4,
    align: "right",
    text: ({ rates }) => shareText(rates?.gcShare),
    value: ({ rates }) => rates?.gcShare ?? -1,
  },
  {
    title: "RSS",
    rank: 4,
    align: "right",
    text: ({ worker }) => sizeText(worker.rssBytes),
    value: ({ worker }) => worker.rssBytes ?? -1,
  },
  {
    title: "OUTBOX",
    rank: 5,
    align: "right",
    text: ({ outboxes }) => sizeText(outboxes?.outboxBytes),
    value: ({ outboxes }) => outboxes?.outboxBytes ?? -1,
  },
  {
    title: "WAITING",
    rank: 6,
    align: "right",
    text: ({ outboxes }) => (outboxes === undefined ? "-" : grouped(outboxes.waiting)),
    value: ({ outboxes }) => outboxes?.waiting ?? -1,
  },
  {
    title: "BEHIND",
    rank: 5,
    align: "right",
    text: ({ worker }) =>
      worker.subscriptionsBehind === undefined ? "-" : grouped(worker.subscriptionsBehind),
    value: ({ worker }) => worker.subscriptionsBehind ?? -1,
  },
  {
    title: "BROKER",
    rank: 7,
    text: ({ worker }) => worker.broker ?? "-",
    value: ({ worker }) => worker.broker ?? "",
  },
]);

export const CHANNEL_COLUMNS: readonly SortableColumn<BusyChannel>[] = Object.freeze([
  { title: "CHANNEL", cuts: true, text: ({ channel }) => channel, value: ({ channel }) => channel },
  { title: "RATE/S", align: "right", text: ({ rate }) => rateText(rate), value: ({ rate }) => rate },
  {
    title: "SUBSCRIBERS",
    rank: 1,
    align: "right",
    text: ({ subscribers }) => grouped(subscribers),
    value: ({ subscribers }) => subscribers,
  },
]);

export const SLOW_COLUMNS: readonly SortableColumn<SlowConnection>[] = Object.freeze([
  { title: "SESSION", cuts: true, text: ({ id }) => id, value: ({ id }) => id },
  { title: "USER", cuts: true, rank: 3, text: ({ user }) => user ?? "", value: ({ user }) => user ?? "" },
  { title: "FULL", align: "right", text: ({ fill }) => shareText(fill), value: ({ fill }) => fill },
  {
    title: "BYTES",
    rank: 1,
    align: "right",
    text: ({ bytes }) => sizeText(bytes),
    value: ({ bytes }) => bytes,
  },
  {
    title: "OLDEST",
    rank: 2,
    align: "right",
    text: ({ ageMs }) => spanText(ageMs),
    value: ({ ageMs }) => ageMs,
  },
  {
    title: "SKIPPED",
    rank: 2,
    align: "right",
    text: ({ skipped }) => grouped(skipped),
    value: ({ skipped }) => skipped,
  },
  {
    title: "BEHIND ON",
    cuts: true,
    rank: 4,
    text: ({ behind }) => behind.join(", "),
    value: ({ behind }) => behind.join(", "),
  },
]);
