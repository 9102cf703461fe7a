/**
 * A table of readings: the metrics of a process whose values are read only when a scrape asks for them.
 *
 * Owns how a row becomes a gauge or a counter of a registry. The rows are their process's own:
 * `worker-readings.ts`, `primary-readings.ts`. Invariant: one reading serves all rows of a snapshot, so that
 * its numbers are of one moment.
 */
import { Counter, Gauge, type Registry } from "prom-client";

/** A value with its labels. */
export type LabelledValue = readonly [labels: Readonly<Record<string, string>>, value: number];

/** One metric; `Reading` is what one look at the process brings. */
export interface ReadingRow<Reading> {
  /** Without the prefix `holdfast_`. */
  readonly name: string;
  readonly help: string;
  /** `counter`: the reading is a sum since the process started. */
  readonly type: "gauge" | "counter";
  /** Labels of its values, in the order in which they are written. */
  readonly labels?: readonly string[];
  /** `first`: all processes say the same, which is no sum. By default values add up. */
  readonly aggregator?: "first";
  readonly values: (reading: Reading) => number | readonly LabelledValue[];
}

/** The same in the primary and in its workers: their numbers add up. */
export const LOG_ROWS: readonly ReadingRow<{
  readonly logLinesLost: number;
  readonly logLinesLimited: number;
}>[] = [
  {
    name: "log_lines_lost_total",
    help: "Log lines that standard output did not take: a full disk, or a reader that stands still or is gone",
    type: "counter",
    values: ({ logLinesLost }) => logLinesLost,
  },
  {
    name: "log_lines_limited_total",
    help: "Log lines that were left out, as there were too many of the same message",
    type: "counter",
    values: ({ logLinesLimited }) => logLinesLimited,
  },
];

/** Adds the rows to `registry`, in their order. `read` is called once for each snapshot. */
export function registerReadings<Reading>(
  registry: Registry,
  rows: readonly ReadingRow<Reading>[],
  read: () => Reading,
): void {
  const writers: ((reading: Reading) => void)[] = [];
  for (const [at, row] of rows.entries()) {
    const options = {
      name: `holdfast_${row.name}`,
      help: row.help,
      labelNames: row.labels ?? [],
      registers: [registry],
      ...(row.aggregator === undefined ? {} : { aggregator: row.aggregator }),
      // The registry asks in the order of the rows: the first one reads for all.
      ...(at === 0 ? { collect: () => takeReading() } : {}),
    };
    const metric = row.type === "gauge" ? new Gauge(options) : new Counter(options);
    writers.push((reading) => write(metric, row.values(reading)));
  }
  const takeReading = (): void => {
    const reading = read();
    for (const each of writers) each(reading);
  };
}

function write(metric: Gauge | Counter, values: number | readonly LabelledValue[]): void {
  const labelled: readonly LabelledValue[] = typeof values === "number" ? [[{}, values]] : values;
  if (metric instanceof Gauge) for (const [labels, value] of labelled) metric.set(labels, value);
  else {
    metric.reset();
    for (const [labels, value] of labelled) metric.inc(labels, value);
  }
}
