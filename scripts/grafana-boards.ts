/**
 * The two boards of deploy/grafana, as small tables: the fleet, and one instance.
 *
 * Owns which numbers are worth looking at, and in which order. What Grafana wants around them is in
 * grafana-json.ts. Invariant: every board works with any Prometheus data source and any name of the job.
 */

export interface Panel {
  readonly title: string;
  /** Grafana's name of the unit. */
  readonly unit: "short" | "ops" | "s" | "bytes" | "Bps" | "percentunit";
  /** Expressions, each with its legend. */
  readonly lines: readonly (readonly [expression: string, legend: string])[];
}

interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

export interface Board {
  readonly uid: string;
  readonly title: string;
  /** Whether one instance is chosen, or each has a line. */
  readonly of: "fleet" | "instance";
  readonly rows: readonly Row[];
}

const FLEET = 'job="$job"';
const ONE = 'job="$job", instance="$instance"';
const EACH = "{{instance}}";

/** The quantiles of a histogram, one line each. */
function quantiles(histogram: string, where: string): Panel["lines"] {
  return [0.5, 0.99].map((q) => [
    `histogram_quantile(${q}, sum by (le) (rate(${histogram}_bucket{${where}}[$__rate_interval])))`,
    `p${q * 100}`,
  ]);
}

/** Counters as rates, summed by a label where one is named. */
function rates(where: string, counters: Readonly<Record<string, string>>): Panel["lines"] {
  return Object.entries(counters).map(([counter, legend]) => [
    `sum(rate(${counter}{${where}}[$__rate_interval]))`,
    legend,
  ]);
}

const WHAT_WENT_WRONG = {
  holdfast_slow_consumers_total: "slow consumers",
  holdfast_publications_skipped_total: "publications skipped",
  holdfast_gaps_total: "gaps",
  holdfast_fanout_dropped_total: "dropped by fan-out",
  holdfast_rate_limited_total: "rate limited",
  holdfast_tokens_refused_total: "tokens refused",
};

const fleet: Board = {
  uid: "holdfast-fleet",
  title: "Holdfast: fleet",
  of: "fleet",
  rows: [
    {
      title: "Connections",
      panels: [
        {
          title: "Connections",
          unit: "short",
          lines: [[`sum by (instance) (holdfast_connections{${FLEET}})`, EACH]],
        },
        {
          title: "Of maxConnections",
          unit: "percentunit",
          lines: [[`holdfast_connections{${FLEET}} / holdfast_connections_limit{${FLEET}}`, EACH]],
        },
        {
          title: "Opened and closed",
          unit: "ops",
          lines: rates(FLEET, {
            holdfast_connections_opened_total: "opened",
            holdfast_connections_closed_total: "closed",
            holdfast_sessions_resumed_total: "resumed",
          }),
        },
        {
          title: "Turned away, by reason",
          unit: "ops",
          lines: [
            [
              `sum by (reason) (rate(holdfast_sockets_refused_total{${FLEET}}[$__rate_interval])) > 0`,
              "{{reason}}",
            ],
          ],
        },
      ],
    },
    {
      title: "Messages",
      panels: [
        {
          title: "Publications that came from the broker",
          unit: "ops",
          lines: [
            [`sum by (instance) (rate(holdfast_publications_total{${FLEET}}[$__rate_interval]))`, EACH],
          ],
        },
        {
          title: "Deliveries",
          unit: "ops",
          lines: [[`sum by (instance) (rate(holdfast_deliveries_total{${FLEET}}[$__rate_interval]))`, EACH]],
        },
        { title: "Fan-out takes", unit: "s", lines: quantiles("holdfast_fanout_seconds", FLEET) },
        { title: "What went wrong", unit: "ops", lines: rates(FLEET, WHAT_WENT_WRONG) },
      ],
    },
    {
      title: "Instances",
      panels: [
        {
          title: "Workers that are ready",
          unit: "short",
          lines: [[`holdfast_workers{${FLEET}}`, EACH]],
        },
        {
          title: "Reaches the broker",
          unit: "short",
          lines: [[`min by (instance) (holdfast_broker_ready{${FLEET}})`, EACH]],
        },
        {
          title: "Event loop, the slowest worker's p99",
          unit: "s",
          lines: [[`max by (instance) (holdfast_event_loop_delay_seconds{${FLEET}, quantile="0.99"})`, EACH]],
        },
        {
          title: "Resident memory of the workers",
          unit: "bytes",
          lines: [[`sum by (instance) (holdfast_resident_memory_bytes{${FLEET}})`, EACH]],
        },
        {
          title: "Versions",
          unit: "short",
          lines: [[`count by (version, node) (holdfast_build_info{${FLEET}})`, "{{version}} on {{node}}"]],
        },
        {
          title: "Connections and shares",
          unit: "short",
          lines: [
            [`sum by (instance) (holdfast_connections{${FLEET}})`, EACH],
            [`holdfast_rebalance_share{${FLEET}}`, `share of ${EACH}`],
          ],
        },
        {
          title: "Sent to other instances",
          unit: "ops",
          lines: [
            [`sum by (instance) (rate(holdfast_connections_shed_total{${FLEET}}[$__rate_interval]))`, EACH],
          ],
        },
        {
          title: "Rebalances, instances by state",
          unit: "short",
          lines: [[`sum by (state) (holdfast_rebalance_state{${FLEET}, state!="idle"})`, "{{state}}"]],
        },
        {
          title: "Draining",
          unit: "short",
          lines: [[`holdfast_drain_connections_left{${FLEET}}`, EACH]],
        },
      ],
    },
    {
      title: "Delivery, by canaries",
      panels: [
        {
          title: "Lost",
          unit: "ops",
          lines: [
            [`sum by (instance) (rate(holdfast_canaries_lost_total{${FLEET}}[$__rate_interval]))`, EACH],
          ],
        },
        {
          title: "From an instance to a worker",
          unit: "s",
          lines: quantiles("holdfast_canary_seconds", FLEET),
        },
        {
          title: "Instances that are heard",
          unit: "short",
          lines: [[`min by (instance) (holdfast_canary_instances{${FLEET}})`, EACH]],
        },
        {
          title: "Skew of clocks",
          unit: "s",
          lines: [[`max by (instance) (holdfast_canary_skew_seconds{${FLEET}})`, EACH]],
        },
      ],
    },
  ],
};

const instance: Board = {
  uid: "holdfast-instance",
  title: "Holdfast: one instance",
  of: "instance",
  rows: [
    {
      title: "Connections",
      panels: [
        {
          title: "Connections and subscriptions",
          unit: "short",
          lines: [
            [`holdfast_connections{${ONE}}`, "connections"],
            [`holdfast_subscriptions{${ONE}}`, "subscriptions"],
            [`holdfast_subscriptions_behind{${ONE}}`, "behind"],
            [`holdfast_connections_limit{${ONE}}`, "limit"],
          ],
        },
        { title: "Handshakes take", unit: "s", lines: quantiles("holdfast_handshake_seconds", ONE) },
        {
          title: "Front door",
          unit: "ops",
          lines: rates(ONE, {
            holdfast_sockets_accepted_total: "accepted",
            holdfast_hand_offs_total: "handed off",
            holdfast_sockets_refused_total: "refused",
            holdfast_handshakes_refused_total: "refused by a worker",
          }),
        },
        {
          title: "Ended by keepalive",
          unit: "ops",
          lines: rates(ONE, {
            holdfast_keepalive_timeouts_total: "no pong",
            holdfast_stale_connections_total: "no connect",
          }),
        },
      ],
    },
    {
      title: "Messages",
      panels: [
        {
          title: "Commands, publications, deliveries",
          unit: "ops",
          lines: rates(ONE, {
            holdfast_commands_total: "commands",
            holdfast_publications_total: "publications",
            holdfast_deliveries_total: "deliveries",
          }),
        },
        {
          title: "Bytes delivered",
          unit: "Bps",
          lines: rates(ONE, { holdfast_delivered_bytes_total: "delivered" }),
        },
        { title: "A client's publish takes", unit: "s", lines: quantiles("holdfast_publish_seconds", ONE) },
        {
          title: "A client's subscribe takes",
          unit: "s",
          lines: quantiles("holdfast_subscribe_seconds", ONE),
        },
        { title: "Fan-out takes", unit: "s", lines: quantiles("holdfast_fanout_seconds", ONE) },
        {
          title: "The application's answers take",
          unit: "s",
          lines: quantiles("holdfast_webhook_seconds", ONE),
        },
        { title: "What went wrong", unit: "ops", lines: rates(ONE, WHAT_WENT_WRONG) },
        {
          title: "Recovery",
          unit: "ops",
          lines: rates(ONE, {
            holdfast_recovered_total: "missed nothing",
            holdfast_unrecovered_total: "could not be proven complete",
            holdfast_recovery_reads_total: "reads",
          }),
        },
      ],
    },
    {
      title: "Workers",
      panels: [
        {
          title: "Event loop delay, p99",
          unit: "s",
          lines: [[`holdfast_event_loop_delay_seconds{${ONE}, quantile="0.99"}`, "worker {{worker}}"]],
        },
        {
          title: "Resident memory",
          unit: "bytes",
          lines: [[`holdfast_resident_memory_bytes{${ONE}}`, "worker {{worker}}"]],
        },
        {
          title: "Heap in use",
          unit: "bytes",
          lines: [[`holdfast_heap_used_bytes{${ONE}}`, "worker {{worker}}"]],
        },
        {
          title: "Garbage collection, seconds a second",
          unit: "percentunit",
          lines: [
            [`sum by (kind) (rate(holdfast_gc_pause_seconds_sum{${ONE}}[$__rate_interval]))`, "{{kind}}"],
          ],
        },
        {
          title: "Reaches the broker",
          unit: "short",
          lines: [[`holdfast_broker_ready{${ONE}}`, "worker {{worker}}"]],
        },
        {
          title: "Restarts and reloads",
          unit: "ops",
          lines: rates(ONE, {
            holdfast_worker_restarts_total: "workers restarted",
            holdfast_reloads_total: "reloads",
          }),
        },
      ],
    },
  ],
};

export const GRAFANA_BOARDS: readonly Board[] = [fleet, instance];

/** Every expression of all boards. */
export function boardExpressions(): readonly string[] {
  const panels = GRAFANA_BOARDS.flatMap(({ rows }) => rows).flatMap(({ panels: each }) => each);
  return panels.flatMap(({ lines }) => lines.map(([expression]) => expression));
}
