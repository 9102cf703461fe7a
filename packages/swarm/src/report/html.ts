/**
 * The report as one HTML page that needs nothing else: figures, charts as SVG, and the notes.
 */
import { type Line, lineChart } from "./line-chart.js";
import { failuresText, type Report, type Sample, shortcomings } from "./report.js";
import { figures } from "./summary.js";
import { escapeMarkup } from "./svg.js";

const MIB = 2 ** 20;

export function htmlReport(report: Report): string {
  const problems = shortcomings(report);
  const verdict =
    problems.length === 0
      ? '<p class="good">Everything was opened, nothing was lost, every broadcast arrived exactly once.</p>'
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
${charts(report).join("\n")}
${notes.map((note) => `<p>${escapeMarkup(note)}</p>`).join("\n")}
<footer>${escapeMarkup(footer(report))}</footer>
</body>
</html>
`;
}

function footer({ machine, started, options, agents, gatewayProcesses }: Report): string {
  return [
    `${started}, ${options.target}`,
    `${machine.cpu}, ${machine.cores} cores, ${Math.round(machine.memoryBytes / 2 ** 30)} GiB, Linux ${machine.kernel}, Node.js ${machine.node}`,
    `${agents} agents, ${gatewayProcesses} processes of the gateway, ${machine.openFiles} open files each`,
    "Memory of processes is PSS; the kernel's is the whole machine's since the start, for both ends.",
  ].join(" · ");
}

function charts({ samples, rounds, options: { sendRate } }: Report): string[] {
  const course = (name: string, read: (sample: Sample) => number | null): Line => ({
    name,
    points: samples.flatMap((sample): [number, number][] => {
      const value = read(sample);
      return value === null ? [] : [[sample.s, value]];
    }),
  });
  const scaled =
    (read: (sample: Sample) => number | null, factor: number) =>
    (sample: Sample): number | null => {
      const value = read(sample);
      return value === null ? null : value * factor;
    };
  const messages =
    sendRate === 0 ? { name: "", points: [] } : course("received", (each) => each.messagesPerSecond);
  const all: (readonly [string, string, readonly Line[]])[] = [
    [
      "Connections",
      "",
      [
        course("connected", (each) => each.connected),
        course("on their way", (each) => each.undecided),
        course("given up", (each) => each.givenUp),
        course("lost", (each) => each.lost),
      ],
    ],
    ["Handshakes", "per second", [course("handshakes", (each) => each.handshakesPerSecond)]],
    [
      "Latency of handshakes",
      "ms",
      [course("p50", (each) => each.handshakeP50Ms), course("p99", (each) => each.handshakeP99Ms)],
    ],
    ["Messages of clients", "received per second", [messages]],
    [
      "Latency of messages of clients",
      "ms",
      [course("p50", (each) => each.messageP50Ms), course("p99", (each) => each.messageP99Ms)],
    ],
    [
      "Memory",
      "MiB",
      [
        course(
          "gateway",
          scaled((each) => each.gatewayBytes, 1 / MIB),
        ),
        course(
          "kernel, both ends",
          scaled((each) => each.kernelBytes, 1 / MIB),
        ),
        course(
          "agents",
          scaled((each) => each.agentsBytes, 1 / MIB),
        ),
      ],
    ],
    [
      "CPU",
      "% of one core",
      [
        course(
          "gateway",
          scaled((each) => each.gatewayCpu, 100),
        ),
        course(
          "agents",
          scaled((each) => each.agentsCpu, 100),
        ),
        course(
          "of it, gateway's GC",
          scaled((each) => each.gcShare, 100),
        ),
      ],
    ],
    [
      "Longest garbage collection",
      "ms, upper bound of its bucket",
      [course("GC pause", (each) => each.gcLongestMs)],
    ],
    [
      "Event-loop delay of the worst worker",
      "ms",
      [course("p99", (each) => each.loopDelayP99Ms), course("longest", (each) => each.loopDelayMaxMs)],
    ],
    ...rounds.map(
      ({ round, receipts }) =>
        [
          `Broadcast ${round}: who has it`,
          "% of connections, over the seconds since it was sent",
          [
            {
              name: "received",
              points: receipts.map(([ms, share]): [number, number] => [ms / 1000, share * 100]),
            },
          ],
        ] as const,
    ),
  ];
  return all.flatMap(([heading, unit, lines]) => {
    const svg = lineChart(
      lines.filter(({ points }) => points.length > 0),
      heading,
      unit,
    );
    return svg === undefined ? [] : [`<figure>\n${svg}</figure>`];
  });
}
