/**
 * What changes the state of `holdfast top`: keys, and answers of the gateway.
 *
 * Pure: state and event → state. Invariant: while paused no figure changes.
 */
import type { Overview } from "@holdfast/gateway";
import { keyed } from "./key-actions.js";
import { ratesBetween } from "./rates.js";
import type { TopEvent, TopState, TopSubject } from "./top-state.js";

export function after(state: TopState, event: TopEvent): TopState {
  switch (event.type) {
    case "key":
      return keyed(state, event.key);
    case "overview":
      return state.isPaused ? state : withOverview(state, event.overview);
    case "survey":
      return state.isPaused ? state : { ...state, survey: event.survey };
    case "details":
      return state.view.kind === "opened" && isSame(state.view.subject, event.subject)
        ? { ...state, problem: undefined, view: { ...state.view, details: event.details } }
        : state;
    case "problem":
      return { ...state, problem: event.message };
  }
}

/** The same overview twice, as a gateway gives it to two that ask at once, leaves the rates as they were. */
function withOverview(state: TopState, overview: Overview): TopState {
  const rates = state.overview && ratesBetween(state.overview, overview);
  return { ...state, overview, rates: rates ?? state.rates, problem: undefined };
}

function isSame(a: TopSubject, b: TopSubject): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
