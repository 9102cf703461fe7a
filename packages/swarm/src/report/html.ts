/**
 * The report as one HTML page that needs nothing else: figures, charts as SVG, and the notes.
 */
import { charts } from "./charts.js";
import { failuresText, type Report, shortcomings } from "./report.js";
import { figures } from "./summary.js";
import { escapeMarkup } from "./svg.js";

export function htmlReport(report: Report): string {
  const problems = shortcomings(report);
  const verdict =
    problems.length === 0
      ? `<p class="good">${escapeMarkup(goodVerdict(report))}</p>`
      : `<ul class="bad">${problems.map((each) => `<li>${escapeMarkup(each)}</li>`).join("")}</ul>`;
  const rows = figures(report)
    .map(([name, value]) => `<tr><th>${escapeMarkup(name)}</th><td>${escapeMarkup(value)}</td></tr>`)
    .join("\n");
  const failures = failuresText(report.failures, 64);
  const notes = [
    ...report.notes,
    ...(failures === "" ? [] : [`Failed attempts and lost sessions: ${failures}`]),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Holdfast swarm: ${report.connected} connections</title>
<style>
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;max-width:760px;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;margin:1rem 0}
th{text-align:left;font-weight:400;padding:.15rem 1.5rem .15rem 0;vertical-align:top}
td{font-variant-numeric:tabular-nums}
.grid th,.grid td{padding:.15rem .8rem .15rem 0;text-align:right;font-size:14px}
.grid th:first-child,.grid td:first-child{text-align:left}.wide{overflow-x:auto}
figure{margin:2rem 0}svg{max-width:100%;height:auto}
.good{color:#0f9d8f}.bad{color:#c0392b}footer{opacity:.7;font-size:13px}
</style>
</head>
<body>
<h1>${report.connected.toLocaleString("en-US")} connections</h1>
${verdict}
<table>
${rows}
</table>
${hostsTable(report)}
${stepsTable(report)}
${charts(report).join("\n")}
${notes.map((note) => `<p>${escapeMarkup(note)}</p>`).join("\n")}
<footer>${escapeMarkup(footer(report))}</footer>
</body>
</html>
`;
}

function goodVerdict({ steps }: Report): string {
  const expected = steps.reduce((sum, step) => sum + step.expected, 0);
  if (expected > 0) return `All ${expected} expectations of the scenario were met.`;
  return "Everything was opened, nothing was lost, every broadcast arrived exactly once.";
}

/** The load machines; nothing where there was one. */
function hostsTable({ hosts }: Report): string {
  if (hosts.length === 0) return "";
  const head = ["load machine", "cores", "agents", "connected", "lost", "clock within, ms", "state"];
  const rows = hosts.map((host) => [
    host.address,
    host.cores,
    host.agents,
    host.connected,
    host.lost,
    host.clockErrorMs,
    host.gone ?? "there",
  ]);
  return `<h2>Load machines</h2>\n${grid(head, rows)}`;
}

/** What each step was; nothing for a run without a scenario. */
function stepsTable({ steps, options }: Report): string {
  if (options.scenario === null) return "";
  const head = ["step", "seconds", "connected", "lost", "again", "handshake p99, ms", "message p99, ms"];
  const rows = steps.map(({ name, figures: each, unmet, expected }) => [
    name,
    each.seconds,
    each.connected,
    each.lost,
    each.again,
    each.handshakeP99Ms ?? "",
    each.messageP99Ms ?? "",
    each.broadcastP99Ms ?? "",
    expected === 0
      ? ""
      : unmet.length === 0
        ? `all ${expected} met`
        : `${unmet.length} of ${expected} not met`,
  ]);
  const columns = [...head, "broadcast p99, ms", "expectations"];
  return `<h2>${escapeMarkup(`Scenario: ${options.scenario}`)}</h2>\n${grid(columns, rows)}`;
}

function grid(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cell = (value: string | number): string =>
    escapeMarkup(typeof value === "number" ? value.toLocaleString("en-US") : value);
  const headRow = head.map((each) => `<th>${escapeMarkup(each)}</th>`).join("");
  const body = rows.map((row) => `<tr>${row.map((each) => `<td>${cell(each)}</td>`).join("")}</tr>`);
  return `<div class="wide"><table class="grid"><tr>${headRow}</tr>\n${body.join("\n")}\n</table></div>`;
}

function footer({ machine, started, options, agents, gatewayProcesses }: Report): string {
  return [
    `${started}, ${options.target}`,
    `${machine.cpu}, ${machine.cores} cores, ${Math.round(machine.memoryBytes / 2 ** 30)} GiB, Linux ${machine.kernel}, Node.js ${machine.node}`,
    `${agents} agents, ${gatewayProcesses} processes of the gateway, ${machine.openFiles} open files each`,
    "Memory of processes is PSS; the kernel's is the whole machine's since the start, for both ends.",
  ].join(" · ");
}
