/**
 * The figures of a run as people read them, for the terminal and for the page.
 */
import type { Report } from "./report.js";
import { formatNumber } from "./svg.js";

/** Below it, what the processes and the machine do by themselves is more than what the connections take. */
const LEAST_CONNECTIONS = 20_000;

/** Name and value, in the order of a reader's interest. */
export function figures(report: Report): (readonly [string, string])[] {
  const { options, memory, idle } = report;
  const rows: (readonly [string, string])[] = [
    ["connected", `${count(report.connected)} of ${count(options.connections)} (${report.agents} agents)`],
    ["given up, lost", `${count(report.givenUp)}, ${count(report.lost)}`],
    [
      "handshakes",
      `${count(report.handshakesPerSecond)} a second for ${formatNumber(report.rampSeconds, 1)} s (p50 ${ms(report.handshakeP50Ms)}, p99 ${ms(report.handshakeP99Ms)})`,
    ],
  ];
  const { gatewayBytes, emptyGatewayBytes, agentsBytes, kernelBytes, connections } = memory;
  rows.push(
    [
      "gateway's memory",
      gatewayBytes === null
        ? "unknown"
        : `${perConnection(gatewayBytes, connections)}, ${report.gatewayProcesses} processes included (${mebibytes(emptyGatewayBytes)} before the first connection)`,
    ],
    ["kernel's memory", `${perConnection(kernelBytes, connections)}, for both ends`],
    ["agents' memory", `${perConnection(agentsBytes, connections)}, ${report.agents} processes included`],
  );
  if (connections > 0 && connections < LEAST_CONNECTIONS) {
    const least = count(LEAST_CONNECTIONS);
    rows.push([
      "memory a connection",
      `not said below ${least} connections: it would be that of the processes`,
    ]);
  }
  if (idle !== null) {
    rows.push(
      [
        report.messages === null ? "idle CPU" : "CPU while clients send",
        `gateway ${percent(idle.gatewayCpu)}, agents ${percent(idle.agentsCpu)} of one core for ${idle.seconds} s, ${count(idle.pingsPerSecond)} pings a second`,
      ],
      [
        report.messages === null ? "idle event-loop delay" : "event-loop delay meanwhile",
        `p99 ${ms(idle.loopDelayP99Ms)} at the worst worker`,
      ],
    );
  }
  const { messages } = report;
  if (messages !== null) {
    const taken = messages.sent - messages.refused;
    const each = taken === 0 ? 0 : messages.heard / taken;
    rows.push(
      [
        "clients sent",
        `${count(messages.sent)} messages in ${messages.seconds} s, ${count(messages.refused)} not taken; answered after p50 ${ms(messages.answerP50Ms)}, p99 ${ms(messages.answerP99Ms)}`,
      ],
      [
        "clients heard",
        `${count(messages.heard)}, ${formatNumber(each, 2)} of each; p50 ${ms(messages.p50Ms)}, p99 ${ms(messages.p99Ms)}, latest ${ms(messages.maxMs)}`,
      ],
    );
  }
  for (const round of report.rounds) {
    rows.push([
      `broadcast ${round.round}`,
      `${count(round.once)} of ${count(round.expected)} exactly once; p50 ${ms(round.p50Ms)}, p99 ${ms(round.p99Ms)}, all after ${ms(round.durationMs)}; loop delay up to ${ms(round.loopDelayMaxMs)}`,
    ]);
  }
  return rows;
}

/** `3,500 bytes a connection, 3,338 MiB in all`; of few connections only the sum. */
function perConnection(bytes: number, connections: number): string {
  const each = connections < LEAST_CONNECTIONS ? "" : `${count(bytes / connections)} bytes a connection, `;
  return `${each}${mebibytes(bytes)} in all`;
}

function count(value: number): string {
  return formatNumber(value, 0);
}

function mebibytes(bytes: number | null): string {
  return bytes === null ? "unknown" : `${count(bytes / 2 ** 20)} MiB`;
}

function ms(value: number | null): string {
  return value === null ? "unknown" : `${formatNumber(value, value < 10 ? 1 : 0)} ms`;
}

function percent(share: number | null): string {
  return share === null ? "unknown" : `${formatNumber(share * 100, 1)} %`;
}
