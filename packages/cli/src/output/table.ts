/**
 * A table for the terminal: columns under titles, in the width that there is.
 *
 * Pure. Where the width is short, texts that may be cut are cut first, then whole columns go, those of the
 * highest rank first. Invariants: no line is wider than asked; each cell went through `plainText`.
 */
import { cutTo, fitted, plainText, widthOf } from "./plain-text.js";

export interface TableColumn<Row> {
  readonly title: string;
  readonly text: (row: Row) => string;
  /** Default: left. Figures stand right. */
  readonly align?: "left" | "right";
  /** Which columns a narrow terminal leaves out first: the highest. 0, the default: never. */
  readonly rank?: number;
  /** Whether its texts may be cut, to `LEAST_CUT` columns. */
  readonly cuts?: boolean;
}

export interface TableOptions {
  /** Columns of the terminal; undefined: as wide as it gets. */
  readonly width?: number | undefined;
}

export interface TextTable {
  readonly head: string;
  readonly lines: readonly string[];
}

const GAP = "  ";
const LEAST_CUT = 12;

interface LaidColumn {
  readonly title: string;
  readonly cells: readonly string[];
  readonly align: "left" | "right";
  readonly rank: number;
  readonly cuts: boolean;
  readonly width: number;
}

export function table<Row>(
  columns: readonly TableColumn<Row>[],
  rows: readonly Row[],
  { width }: TableOptions = {},
): TextTable {
  const all = columns.map((column) => laidOut(column, rows));
  const laid = width === undefined ? all : narrowed(all, width);
  const lineOf = (text: (column: LaidColumn) => string): string => {
    const cells = laid.map((column) => fitted(text(column), column.width, column.align));
    const line = cells.join(GAP).trimEnd();
    return width === undefined ? line : cutTo(line, width);
  };
  return {
    head: lineOf(({ title }) => title),
    lines: rows.map((_, index) => lineOf(({ cells }) => cells[index] ?? "")),
  };
}

/** Head and lines as one text. */
export function tableText<Row>(
  columns: readonly TableColumn<Row>[],
  rows: readonly Row[],
  options: TableOptions = {},
): string {
  const { head, lines } = table(columns, rows, options);
  return [head, ...lines].join("\n");
}

function laidOut<Row>(column: TableColumn<Row>, rows: readonly Row[]): LaidColumn {
  const { title, text, align = "left", rank = 0, cuts = false } = column;
  const cells = rows.map((row) => plainText(text(row)));
  const width = cells.reduce((most, cell) => Math.max(most, widthOf(cell)), widthOf(title));
  return { title, cells, align, rank, cuts, width };
}

/** As many of the columns as fit into `width`, cut where they may be. */
function narrowed(all: readonly LaidColumn[], width: number): readonly LaidColumn[] {
  let laid = all;
  for (;;) {
    const over = laid.reduce((sum, each) => sum + each.width, GAP.length * (laid.length - 1)) - width;
    if (over <= 0) return laid;
    const room = laid.reduce((sum, each) => sum + Math.max(0, each.width - leastOf(each)), 0);
    if (room >= over) return shrunk(laid, over);
    const last = Math.max(...laid.map(({ rank }) => rank));
    if (last === 0) return laid;
    laid = laid.filter(({ rank }) => rank !== last);
  }
}

function leastOf({ cuts, width }: LaidColumn): number {
  return cuts ? Math.min(width, LEAST_CUT) : width;
}

/** The widest give way first, by `over` columns together. */
function shrunk(laid: readonly LaidColumn[], over: number): readonly LaidColumn[] {
  const widths = laid.map(({ width }) => width);
  for (let left = over; left > 0; left--) {
    let widest = -1;
    for (const [index, column] of laid.entries()) {
      const width = widths[index] ?? 0;
      if (width > leastOf(column) && width > (widths[widest] ?? 0)) widest = index;
    }
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return laid.map((column, index) => ({ ...column, width: widths[index] ?? column.width }));
}
