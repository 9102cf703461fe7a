/**
 * What each key does to the state of `holdfast top`.
 *
 * Pure. Invariant: a key that has no meaning in a view changes nothing.
 */
import type { TerminalKey } from "./keys.js";
import { paneContent } from "./panes.js";
import { type PaneState, panesOf, type TopState, type TopView } from "./top-state.js";

/** Rows of a page up or down. */
const PAGE = 10;
const MAX_FILTER = 60;
const STEPS: Readonly<Record<string, number>> = Object.freeze({
  up: -1,
  k: -1,
  down: 1,
  j: 1,
  "page-up": -PAGE,
  "page-down": PAGE,
});

export function keyed(state: TopState, key: TerminalKey): TopState {
  if (key === "interrupt") return { ...state, view: { kind: "ended" } };
  const { view } = state;
  switch (view.kind) {
    case "filter":
      return typed(state, view.before, key);
    case "help":
      return ["?", "escape", "enter", "q"].includes(key) ? shown(state, { kind: "panes" }) : state;
    case "opened":
      return inOpened(state, view, key);
    case "panes":
      return inPanes(state, key);
    case "ended":
      return state;
  }
}

function shown(state: TopState, view: TopView): TopState {
  return { ...state, view };
}

function typed(state: TopState, before: string, key: TerminalKey): TopState {
  const { filter } = state;
  if (key === "enter") return shown(state, { kind: "panes" });
  if (key === "escape") return { ...state, filter: before, view: { kind: "panes" } };
  if (key === "backspace") return { ...state, filter: [...filter].slice(0, -1).join("") };
  const isCharacter = [...key].length === 1;
  return isCharacter && [...filter].length < MAX_FILTER ? { ...state, filter: filter + key } : state;
}

function inOpened(
  state: TopState,
  view: Extract<TopView, { readonly kind: "opened" }>,
  key: TerminalKey,
): TopState {
  if (["escape", "backspace", "left", "q"].includes(key)) return shown(state, { kind: "panes" });
  const step = STEPS[key];
  if (step !== undefined) return shown(state, { ...view, offset: Math.max(0, view.offset + step) });
  return common(state, key);
}

function inPanes(state: TopState, key: TerminalKey): TopState {
  const { pane, panes } = state;
  const step = STEPS[key];
  if (step !== undefined) return moved(state, step);
  switch (key) {
    case "q":
      return shown(state, { kind: "ended" });
    case "tab":
    case "right":
      return turned(state, 1);
    case "back-tab":
    case "left":
      return turned(state, -1);
    case "s":
      return withPane(state, { sort: (panes[pane].sort + 1) % paneContent(state, pane).titles.length });
    case "/":
      return { ...state, filter: "", view: { kind: "filter", before: state.filter } };
    case "escape":
      return { ...state, filter: "" };
    case "enter":
      return opened(state);
    default:
      return common(state, key);
  }
}

/** In every view but that of typing. */
function common(state: TopState, key: TerminalKey): TopState {
  if (key === " ") return { ...state, isPaused: !state.isPaused };
  if (key === "?") return shown(state, { kind: "help" });
  return state;
}

function turned(state: TopState, by: 1 | -1): TopState {
  const panes = panesOf(state);
  const index = (panes.indexOf(state.pane) + by + panes.length) % panes.length;
  return { ...state, pane: panes[index] ?? "workers" };
}

function moved(state: TopState, by: number): TopState {
  const { rows, selected } = paneContent(state, state.pane);
  const index = Math.min(rows.length - 1, Math.max(0, selected + by));
  return withPane(state, { selected: rows[index]?.id });
}

function opened(state: TopState): TopState {
  const { rows, selected } = paneContent(state, state.pane);
  const row = rows[selected];
  if (row === undefined) return state;
  return shown(state, { kind: "opened", subject: row.subject, details: undefined, offset: 0 });
}

function withPane(state: TopState, change: Partial<PaneState>): TopState {
  const { pane, panes } = state;
  return { ...state, panes: { ...panes, [pane]: { ...panes[pane], ...change } } };
}
