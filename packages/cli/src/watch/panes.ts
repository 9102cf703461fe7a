/**
 * What the panes of `holdfast top` show: rows that match the filter, in the order that is wanted.
 *
 * Pure. Invariant: rows that are equal in the column of the order stand in the order of their ids, so that
 * nothing jumps.
 */
import { type TextTable, table } from "../output/table.js";
import { CHANNEL_COLUMNS, SLOW_COLUMNS, type SortableColumn, WORKER_COLUMNS, workerRows } from "./columns.js";
import { INSTANCE_COLUMNS } from "./instance-columns.js";
import type { PaneName, PaneState, TopState, TopSubject } from "./top-state.js";

export interface PaneContent {
  readonly titles: readonly string[];
  readonly rows: readonly { readonly id: string; readonly subject: TopSubject }[];
  /** Index of the selected row; 0 where there is none. */
  readonly selected: number;
  /** Rows before the filter. */
  readonly all: number;
  /** The rows as a table of that width; the title of the order's column has a `*`. */
  readonly table: (width: number) => TextTable;
}

interface Pane<Row> {
  readonly columns: readonly SortableColumn<Row>[];
  readonly rows: readonly Row[];
  readonly idOf: (row: Row) => string;
  readonly subjectOf: (row: Row) => TopSubject;
}

export function paneContent(state: TopState, name: PaneName): PaneContent {
  const { overview, rates, survey } = state;
  switch (name) {
    case "workers":
      return contentOf(state, state.panes[name], {
        columns: WORKER_COLUMNS,
        rows: overview === undefined ? [] : workerRows(overview, rates, survey),
        idOf: ({ worker }) => String(worker.pid),
        subjectOf: ({ worker }) => ({ kind: "worker", pid: worker.pid }),
      });
    case "channels":
      return contentOf(state, state.panes[name], {
        columns: CHANNEL_COLUMNS,
        rows: survey?.busiest ?? [],
        idOf: ({ channel }) => channel,
        subjectOf: ({ channel }) => ({ kind: "channel", channel }),
      });
    case "connections":
      return contentOf(state, state.panes[name], {
        columns: SLOW_COLUMNS,
        rows: survey?.slowest ?? [],
        idOf: ({ id }) => id,
        subjectOf: ({ id }) => ({ kind: "connection", session: id }),
      });
    case "instances":
      return contentOf(state, state.panes[name], {
        columns: INSTANCE_COLUMNS,
        rows: overview?.rebalance?.instances ?? [],
        idOf: ({ instance }) => instance,
        subjectOf: ({ instance }) => ({ kind: "instance", instance }),
      });
  }
}

function contentOf<Row>({ filter }: TopState, { sort, selected }: PaneState, pane: Pane<Row>): PaneContent {
  const { columns, idOf, subjectOf } = pane;
  const rows = pane.rows.filter((row) => matches(row, columns, filter));
  const column = columns[sort];
  rows.sort(
    (a, b) => (column === undefined ? 0 : order(column.value(a), column.value(b))) || byId(idOf, a, b),
  );
  const titled = columns.map((each) => (each === column ? { ...each, title: `${each.title}*` } : each));
  return {
    titles: columns.map(({ title }) => title),
    rows: rows.map((row) => ({ id: idOf(row), subject: subjectOf(row) })),
    selected: Math.max(
      0,
      rows.findIndex((row) => idOf(row) === selected),
    ),
    all: pane.rows.length,
    table: (width) => table(titled, rows, { width }),
  };
}

/** Whether a cell has the text, in any case of letters. */
function matches<Row>(row: Row, columns: readonly SortableColumn<Row>[], filter: string): boolean {
  const wanted = filter.toLowerCase();
  return wanted === "" || columns.some(({ text }) => text(row).toLowerCase().includes(wanted));
}

/** Figures with the largest first, texts from A on. */
function order(a: number | string, b: number | string): number {
  if (typeof a === "number" && typeof b === "number") return b - a;
  return a === b ? 0 : a < b ? -1 : 1;
}

function byId<Row>(idOf: (row: Row) => string, a: Row, b: Row): number {
  const [one, other] = [idOf(a), idOf(b)];
  return one === other ? 0 : one < other ? -1 : 1;
}
