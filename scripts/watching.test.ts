/**
 * What watches a fleet speaks of what there is: the alerts of deploy/prometheus and the boards of
 * deploy/grafana name metrics and labels that are exported, and no label has values without bound.
 */
import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it, jest } from "@jest/globals";
import { Registry } from "prom-client";
import { WorkerMetrics } from "../packages/gateway/src/link/metrics.js";
import { PrimaryMetrics } from "../packages/gateway/src/primary/operations/primary-metrics.js";
import { boardExpressions, GRAFANA_BOARDS } from "./grafana-boards.js";
import { boardJson } from "./grafana-json.js";

const rules = readFileSync("deploy/prometheus/holdfast.rules.yml", "utf8");
const unitTests = readFileSync("deploy/prometheus/holdfast.test.yml", "utf8");
const runbook = readFileSync("docs/runbook.md", "utf8");

/** What Prometheus itself adds. */
const ADDED = ["job", "instance"];

/** Each label of /metrics, with how many values it may have and why no peer can make more. */
const BOUNDS: Readonly<Record<string, readonly [values: number, why: string]>> = {
  worker: [256, "slots of an instance"],
  quantile: [3, "0.5, 0.99 and 1"],
  kind: [5, "GcKind"],
  status: [20, "statuses with which a worker refuses an upgrade"],
  way: [6, "RoutedWay"],
  reason: [20, "Refused, SessionRefusal"],
  why: [3, "CutReason"],
  state: [4, "DRAIN_STATES, REBALANCE_PHASES"],
  result: [4, "RELOAD_RESULTS, HandshakeEnd"],
  version: [1, "of this package"],
  node: [1, "of this process"],
  engine: [2, "lean and ws"],
  port: [2, "TLS_PORTS"],
  part: [2, "BROKER_PARTS"],
};
/** Series of one metric, at most. Buckets of a histogram count. */
const MAX_SERIES = 1024;

interface Exported {
  readonly name: string;
  readonly labelNames?: readonly string[];
  readonly upperBounds?: readonly number[];
}

/** As the registries of a worker and of the primary were given them. */
function exported(): readonly Exported[] {
  const registered = jest.spyOn(Registry.prototype, "registerMetric");
  const unread = (): never => {
    throw new Error("nothing is scraped here");
  };
  new WorkerMetrics(0, unread);
  new PrimaryMetrics(unread);
  return registered.mock.calls.map(([metric]) => metric as unknown as Exported);
}

const metrics = new Map(exported().map((metric) => [metric.name, metric]));

/** What an expression asks that is not there. Knows as much of PromQL as the rules and boards use. */
function unknownIn(expression: string): string[] {
  const problems: string[] = [];
  const labels = new Set(ADDED);
  for (const [, name = "", braces = ""] of expression.matchAll(/\b(holdfast_\w+|up\b)(?:\{([^}]*)\})?/g)) {
    const metric = name === "up" ? { name, labelNames: [] } : metricOf(name);
    if (metric === undefined) problems.push(`${name}: no such metric`);
    const own = [...ADDED, ...(metric?.labelNames ?? []), ...(/_bucket$/.test(name) ? ["le"] : [])];
    for (const label of own) labels.add(label);
    for (const [, label = ""] of braces.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g))
      if (!own.includes(label)) problems.push(`${name} has no label ${label}`);
  }
  for (const [, list = ""] of expression.matchAll(/\b(?:by|on|ignoring|without) \(([^)]*)\)/g))
    for (const label of list.split(/,\s*/))
      if (!labels.has(label)) problems.push(`no label ${label} in ${expression}`);
  return problems;
}

function metricOf(name: string): Exported | undefined {
  const histogram = metrics.get(name.replace(/_(bucket|sum|count)$/, ""));
  return metrics.get(name) ?? (histogram?.upperBounds === undefined ? undefined : histogram);
}

afterAll(() => void jest.restoreAllMocks());

describe("the alerts", () => {
  const expressions = [...rules.matchAll(/^ {8}expr: (.*)$/gm)].map(([, text = ""]) => text);
  const names = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name = ""]) => name);

  it("are twelve at least, each with an expression of metrics and labels that are exported", () => {
    expect(names.length).toBeGreaterThanOrEqual(12);
    expect(expressions.length).toBe(names.length);
    expect(expressions.flatMap(unknownIn)).toEqual([]);
  });

  it.each(names)("%s has a paragraph that its link leads to, and unit tests of both outcomes", (name) => {
    expect(rules).toContain(`docs/runbook.md#${name.toLowerCase()}\n`);
    expect(runbook).toContain(`\n## ${name}\n`);
    const [, test = ""] = unitTests.split(`  - name: ${name}\n`);
    const [own = ""] = test.split("  - name: ");
    expect(own).toContain("exp_alerts: []");
    expect(own).toContain("exp_labels:");
  });

  it("have every paragraph of the runbook", () => {
    const headings = [...runbook.matchAll(/^## (.+)$/gm)].map(([, title]) => title);
    expect(headings).toEqual(names);
  });
});

describe("the boards", () => {
  it("name only metrics and labels that are exported", () => {
    expect(boardExpressions().length).toBeGreaterThan(50);
    expect(boardExpressions().flatMap(unknownIn)).toEqual([]);
  });

  it("have legends whose labels the expressions keep", () => {
    for (const { lines } of GRAFANA_BOARDS.flatMap(({ rows }) => rows).flatMap(({ panels }) => panels))
      for (const [expression, legend] of lines)
        for (const [, label = ""] of legend.matchAll(/\{\{(\w+)\}\}/g))
          expect([expression, /by \(/.test(expression) ? expression.includes(label) : label]).toEqual([
            expression,
            /by \(/.test(expression) ? true : expect.stringMatching(/instance|worker/),
          ]);
  });

  it.each(GRAFANA_BOARDS.map((board) => [board.uid, board] as const))(
    "%s is as Grafana wants it",
    (_, board) => {
      const json = JSON.parse(boardJson(board));
      const ids = json.panels.map(({ id }: { id: number }) => id);
      expect(new Set(ids).size).toBe(ids.length);
      for (const { gridPos } of json.panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      const variables = json.templating.list.map(({ name }: { name: string }) => `$${name}`);
      const used = new Set(JSON.stringify(json.panels).match(/\$[a-z]+\b/g));
      expect([...used].sort()).toEqual([...variables].sort());
    },
  );
});

describe("/metrics", () => {
  it("has no label without a bound, and no metric of more series than can be scraped", () => {
    expect(metrics.size).toBeGreaterThan(80);
    const labels = new Set([...metrics.values()].flatMap(({ labelNames = [] }) => labelNames));
    expect([...labels].sort()).toEqual(Object.keys(BOUNDS).sort());
    for (const { name, labelNames = [], upperBounds = [] } of metrics.values()) {
      const series = labelNames.reduce((product, label) => product * (BOUNDS[label]?.[0] ?? Infinity), 1);
      expect([name, series * (upperBounds.length + 1) <= MAX_SERIES]).toEqual([name, true]);
    }
  });
});

describe("a planted error is found", () => {
  it.each([
    ["holdfast_nothing_total > 0", "holdfast_nothing_total: no such metric"],
    ["holdfast_connections_bucket", "holdfast_connections_bucket: no such metric"],
    ['holdfast_connections{user="x"}', "holdfast_connections has no label user"],
    [
      "sum by (session) (holdfast_connections)",
      "no label session in sum by (session) (holdfast_connections)",
    ],
  ])("in %s", (expression, problem) => {
    expect(unknownIn(expression)).toEqual([problem]);
  });
});
