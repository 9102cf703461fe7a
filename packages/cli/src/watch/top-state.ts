/**
 * The state of `holdfast top`: what the gateway said last, and where the person at the keys is.
 *
 * Owns the shape; top-events.ts changes it. Invariant: a selection names a row, so that it stays with its row
 * when figures change the order.
 */
import type { BusyChannel, Incident } from "@holdfast/core";
import type { InstanceSurvey, Overview } from "@holdfast/gateway";
import type { ConnectionAnswer } from "../admin-client.js";
import type { TerminalKey } from "./keys.js";
import type { OverviewRates } from "./rates.js";

/** `instances` is shown where there is a cluster. */
export const PANES = Object.freeze(["workers", "channels", "connections", "instances"] as const);
export type PaneName = (typeof PANES)[number];

/** What can be opened. */
export type TopSubject =
  | { readonly kind: "worker"; readonly pid: number }
  | { readonly kind: "instance"; readonly instance: string }
  | { readonly kind: "channel"; readonly channel: string }
  | { readonly kind: "connection"; readonly session: string };

/** What the gateway said of an opened channel or connection. */
export type TopDetails =
  | { readonly kind: "connection"; readonly answer: ConnectionAnswer }
  | { readonly kind: "channel"; readonly subscribers: number; readonly incidents: readonly Incident[] };

export type TopView =
  | { readonly kind: "panes" }
  /** The filter is being typed; `before` comes back with Escape. */
  | { readonly kind: "filter"; readonly before: string }
  | { readonly kind: "help" }
  /** `offset`: lines that are scrolled away. */
  | {
      readonly kind: "opened";
      readonly subject: TopSubject;
      readonly details: TopDetails | undefined;
      readonly offset: number;
    }
  | { readonly kind: "ended" };

export interface PaneState {
  /** Index of the column that it is sorted by. */
  readonly sort: number;
  /** Id of the selected row; undefined: the first. */
  readonly selected: string | undefined;
}

export interface TopState {
  readonly view: TopView;
  readonly isPaused: boolean;
  readonly pane: PaneName;
  readonly panes: Readonly<Record<PaneName, PaneState>>;
  readonly filter: string;
  readonly overview: Overview | undefined;
  readonly rates: OverviewRates | undefined;
  readonly survey: InstanceSurvey | undefined;
  /** Why the last question was not answered. */
  readonly problem: string | undefined;
}

export type TopEvent =
  | { readonly type: "key"; readonly key: TerminalKey }
  | { readonly type: "overview"; readonly overview: Overview }
  | { readonly type: "survey"; readonly survey: InstanceSurvey }
  | { readonly type: "details"; readonly subject: TopSubject; readonly details: TopDetails }
  | { readonly type: "problem"; readonly message: string };

/** Workers by slot, channels by rate, connections by how full they are, instances by their clients. */
export const FIRST: TopState = Object.freeze<TopState>({
  view: { kind: "panes" },
  isPaused: false,
  pane: "workers",
  panes: {
    workers: { sort: 0, selected: undefined },
    channels: { sort: 1, selected: undefined },
    connections: { sort: 2, selected: undefined },
    instances: { sort: 2, selected: undefined },
  },
  filter: "",
  overview: undefined,
  rates: undefined,
  survey: undefined,
  problem: undefined,
});

/** The panes that there are. */
export function panesOf({ overview }: TopState): readonly PaneName[] {
  return PANES.filter((name) => name !== "instances" || overview?.rebalance !== undefined);
}

/** The busiest channel of that name, as the last survey has it. */
export function busyChannel({ survey }: TopState, channel: string): BusyChannel | undefined {
  return survey?.busiest.find((each) => each.channel === channel);
}
