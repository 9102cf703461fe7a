/**
 * How `holdfast top` looks: a state and the size of the terminal → lines.
 *
 * Pure. Invariants: never more lines than the terminal has, none wider; without colours the same words, and
 * the selection is a `>`; what clients chose went through `plainText`.
 */
import { cutTo, fitted, plainText } from "../output/plain-text.js";
import { openedLines } from "./opened.js";
import { type PaneContent, paneContent } from "./panes.js";
import { changesOf, readiness, titleOf, totalsOf } from "./status-text.js";
import { type PaneName, panesOf, type TopState } from "./top-state.js";

export interface DrawingOptions {
  readonly columns: number;
  readonly rows: number;
  readonly colour: boolean;
}

type Style = "bold" | "dim" | "selected" | "problem";

const STYLES: Readonly<Record<Style, string>> = Object.freeze({
  bold: "\x1b[1m",
  dim: "\x1b[2m",
  selected: "\x1b[7m",
  problem: "\x1b[31m",
});
const RESET = "\x1b[0m";
const TITLES: Readonly<Record<PaneName, string>> = Object.freeze({
  workers: "Workers",
  channels: "Busiest channels",
  connections: "Slowest connections",
  instances: "Instances",
});
/** Of a pane: title, head, an empty line. */
const FRAME = 3;
/** Below that, a pane shows too little: the one with the focus is alone. */
const LEAST_ROWS = 2;
const KEYS = "q quit  space pause  s sort  / filter  Tab pane  Enter open  ? help";
const HELP = Object.freeze([
  "q, Ctrl-C     quit",
  "space         pause: figures stay as they are, nothing is asked",
  "Tab, ← →      the next pane, the one before",
  "↑ ↓, j k      the row; Page up, Page down: ten rows",
  "s             sort by the next column, marked with *",
  "/             filter: rows with that text; Enter keeps it, Escape takes it back",
  "Enter         open the worker, channel, connection or instance",
  "Escape        back; in the panes: no filter",
  "?             this help",
  "",
  "Figures are of one instance, but those of the pane Instances. Rates are those of the last interval; outboxes, busiest channels and",
  "slowest connections are of the last survey, which takes at most 0.5 % of a core.",
]);

export function drawTop(state: TopState, { columns, rows, colour }: DrawingOptions): string[] {
  const pen = new Pen(columns, colour);
  const head = headLines(state, pen);
  const room = Math.max(0, rows - head.length - 1);
  const body = bodyLines(state, pen, room).slice(0, room);
  const blanks = Array<string>(room - body.length).fill("");
  return [...head, ...body, ...blanks, footLine(state, pen)].slice(0, rows);
}

/** Writes lines in the width that there is. */
class Pen {
  readonly columns: number;
  readonly #colour: boolean;

  constructor(columns: number, colour: boolean) {
    this.columns = columns;
    this.#colour = colour;
  }

  line(text: string, style?: Style): string {
    const cut = cutTo(plainText(text), this.columns);
    return this.#colour && style !== undefined ? `${STYLES[style]}${cut}${RESET}` : cut;
  }
}

function headLines({ overview, rates, survey, problem, isPaused }: TopState, pen: Pen): string[] {
  if (overview === undefined)
    return [pen.line(problem ?? "asking the gateway …", problem === undefined ? undefined : "problem")];
  const paused = isPaused ? "PAUSED  " : "";
  const state = [readiness(overview), changesOf(overview)].filter((text) => text !== "").join("; ");
  return [
    pen.line(`${paused}${titleOf(overview)}`, "bold"),
    problem === undefined
      ? pen.line(state, overview.ready ? undefined : "problem")
      : pen.line(problem, "problem"),
    ...totalsOf(overview, rates, survey).map(([name, value]) => pen.line(`${name.padEnd(13)}${value}`)),
    "",
  ];
}

function bodyLines(state: TopState, pen: Pen, room: number): string[] {
  const { view } = state;
  if (view.kind === "help") return HELP.map((line) => pen.line(line));
  if (view.kind === "opened") {
    const lines = openedLines(state, view.subject, view.details, pen.columns);
    const offset = Math.min(view.offset, Math.max(0, lines.length - room));
    return lines
      .slice(offset)
      .map((line, index) => pen.line(line, index + offset === 0 ? "bold" : undefined));
  }
  const panes = panesOf(state);
  const contents = panes.map((name) => ({ name, content: paneContent(state, name) }));
  const hasRoomForAll = room >= panes.length * (FRAME + LEAST_ROWS);
  if (!hasRoomForAll) {
    const focused = contents.filter(({ name }) => name === state.pane);
    return focused.flatMap(({ name, content }) => paneLines(state, name, content, pen, room - 2));
  }
  const left = room - panes.length * FRAME;
  const heights = heightsOf(
    contents.map(({ content }) => content.rows.length),
    panes.indexOf(state.pane),
    left,
  );
  return contents.flatMap(({ name, content }, index) => [
    ...paneLines(state, name, content, pen, heights[index] ?? 0),
    "",
  ]);
}

/** Each pane its share, or less where it has fewer rows; the one with the focus has the rest. */
function heightsOf(counts: readonly number[], focused: number, room: number): number[] {
  const share = Math.floor(room / counts.length);
  const heights = counts.map((count) => Math.min(count, share));
  const others = heights.reduce((sum, height, index) => (index === focused ? sum : sum + height), 0);
  heights[focused] = room - others;
  return heights;
}

/** Title, head, and the rows around the selected one. */
function paneLines(
  { pane, filter }: TopState,
  name: PaneName,
  { rows, selected, all, table }: PaneContent,
  pen: Pen,
  height: number,
): string[] {
  const isFocused = name === pane;
  const count = filter === "" ? "" : ` (${rows.length} of ${all} with ${JSON.stringify(filter)})`;
  const { head, lines } = table(Math.max(0, pen.columns - 2));
  const start = isFocused ? Math.max(0, selected - height + 1) : 0;
  const shown = lines.slice(start, start + Math.max(0, height)).map((line, index) => {
    const isSelected = isFocused && start + index === selected;
    return isSelected ? pen.line(fitted(`> ${line}`, pen.columns), "selected") : pen.line(`  ${line}`);
  });
  const title = pen.line(`${isFocused ? "[" : " "}${TITLES[name]}${isFocused ? "]" : ""}${count}`, "bold");
  return [title, pen.line(`  ${head}`, "dim"), ...shown];
}

function footLine({ view, filter }: TopState, pen: Pen): string {
  if (view.kind === "filter") return pen.line(`/${filter}_  Enter keeps it, Escape takes it back`);
  if (view.kind === "opened") return pen.line("Escape back  ↑ ↓ scroll  space pause  Ctrl-C quit", "dim");
  if (view.kind === "help") return pen.line("Escape back", "dim");
  return pen.line(KEYS, "dim");
}
