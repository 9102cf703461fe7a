/**
 * A board of grafana-boards.ts as the JSON that Grafana imports.
 *
 * Panels stand in two columns below the title of their row. Invariant: the same table gives the same text, so
 * a board has an id only by its place.
 */
import type { Board, Panel } from "./grafana-boards.js";

const SOURCE = { type: "prometheus", uid: "$source" };
/** Of Grafana's 24 columns and its own measure of height. */
const WIDTH = 12;
const HEIGHT = 8;

/** A board as Grafana imports it. */
export function boardJson({ uid, title, of, rows }: Board): string {
  const panels: object[] = [];
  let y = 0;
  for (const row of rows) {
    panels.push({
      id: panels.length + 1,
      type: "row",
      title: row.title,
      gridPos: { x: 0, y, w: 24, h: 1 },
      panels: [],
    });
    y++;
    row.panels.forEach((panel, n) => {
      const x = (n % 2) * WIDTH;
      panels.push(panelJson(panel, panels.length + 1, { x, y: y + Math.floor(n / 2) * HEIGHT }));
    });
    y += Math.ceil(row.panels.length / 2) * HEIGHT;
  }
  const list = [
    { name: "source", label: "Data source", type: "datasource", query: "prometheus" },
    variable("job", "label_values(holdfast_build_info, job)"),
    ...(of === "instance"
      ? [variable("instance", 'label_values(holdfast_build_info{job="$job"}, instance)')]
      : []),
  ];
  const board = {
    uid,
    title,
    tags: ["holdfast"],
    schemaVersion: 38,
    editable: true,
    refresh: "30s",
    time: { from: "now-1h", to: "now" },
    templating: { list },
    panels,
  };
  return `${JSON.stringify(board, null, 2)}\n`;
}

function variable(name: string, query: string): object {
  return { name, type: "query", datasource: SOURCE, query: { query, refId: name }, refresh: 2, sort: 1 };
}

function panelJson(
  { title, unit, lines }: Panel,
  id: number,
  at: { readonly x: number; readonly y: number },
): object {
  return {
    id,
    type: "timeseries",
    title,
    datasource: SOURCE,
    gridPos: { ...at, w: WIDTH, h: HEIGHT },
    fieldConfig: { defaults: { unit, min: 0, custom: { fillOpacity: 10 } }, overrides: [] },
    options: { legend: { displayMode: "list", placement: "bottom" }, tooltip: { mode: "multi" } },
    targets: lines.map(([expr, legendFormat], n) => ({
      refId: String.fromCharCode(65 + n),
      datasource: SOURCE,
      expr,
      legendFormat,
    })),
  };
}
