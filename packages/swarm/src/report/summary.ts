/**
 * The figures of a run as people read them, for the terminal and for the page.
 */
import type { Report, ReportHost, Round } from "./report.js";
import { formatNumber } from "./svg.js";

/** Below it, what the processes and the machine do by themselves is more than what the connections take. */
const LEAST_CONNECTIONS = 20_000;

/** Name and value. */
type Figure = readonly [name: string, value: string];

/** Name and value, in the order of a reader's interest. */
export function figures(report: Report): Figure[] {
  return [
    ...ofConnections(report),
    ...ofMemory(report),
    ...ofIdleTime(report),
    ...ofMessages(report),
    ...report.rounds.map(ofRound),
  ];
}

function ofConnections(report: Report): Figure[] {
  return [
    [
      "connected",
      `${count(report.connected)} of ${count(report.options.connections)} (${report.agents} agents)`,
    ],
    ["given up, lost", `${count(report.givenUp)}, ${count(report.lost)}`],
    ...(report.again > 0 ? [["opened again", count(report.again)] satisfies Figure] : []),
    ...(report.moved > 0 ? [["opened by other agents", count(report.moved)] satisfies Figure] : []),
    ...report.hosts.map(ofHost),
    [
      "handshakes",
      `${count(report.handshakesPerSecond)} a second for ${formatNumber(report.rampSeconds, 1)} s (p50 ${ms(report.handshakeP50Ms)}, p99 ${ms(report.handshakeP99Ms)})`,
    ],
  ];
}

function ofHost({ address, cores, agents, connected, clockErrorMs, gone }: ReportHost): Figure {
  const state = gone === null ? "" : `, gone (${gone})`;
  return [
    address,
    `${count(connected)} connected (${agents} agents, ${cores} cores, clock within ${ms(clockErrorMs)}${state})`,
  ];
}

function ofMemory({ memory, gatewayProcesses, agents }: Report): Figure[] {
  const { gatewayBytes, emptyGatewayBytes, agentsBytes, kernelBytes, connections } = memory;
  const rows: Figure[] = [
    [
      "gateway's memory",
      gatewayBytes === null
        ? "unknown"
        : `${perConnection(gatewayBytes, connections)}, ${gatewayProcesses} processes included (${mebibytes(emptyGatewayBytes)} before the first connection)`,
    ],
    ["kernel's memory", `${perConnection(kernelBytes, connections)}, for both ends`],
    ["agents' memory", `${perConnection(agentsBytes, connections)}, ${agents} processes included`],
  ];
  if (connections > 0 && connections < LEAST_CONNECTIONS) {
    const least = count(LEAST_CONNECTIONS);
    rows.push([
      "memory a connection",
      `not said below ${least} connections: it would be that of the processes`,
    ]);
  }
  return rows;
}

function ofIdleTime({ idle, messages }: Report): Figure[] {
  if (idle === null) return [];
  return [
    [
      messages === null ? "idle CPU" : "CPU while clients send",
      `gateway ${percent(idle.gatewayCpu)}, agents ${percent(idle.agentsCpu)} of one core for ${idle.seconds} s, ${count(idle.pingsPerSecond)} pings a second`,
    ],
    [
      messages === null ? "idle event-loop delay" : "event-loop delay meanwhile",
      `p99 ${ms(idle.loopDelayP99Ms)} at the worst worker`,
    ],
  ];
}

function ofMessages({ messages }: Report): Figure[] {
  if (messages === null) return [];
  const taken = messages.sent - messages.refused;
  const each = taken === 0 ? 0 : messages.heard / taken;
  return [
    [
      "clients sent",
      `${count(messages.sent)} messages in ${messages.seconds} s, ${count(messages.refused)} not taken; answered after p50 ${ms(messages.answerP50Ms)}, p99 ${ms(messages.answerP99Ms)}`,
    ],
    [
      "clients heard",
      `${count(messages.heard)}, ${formatNumber(each, 2)} of each; p50 ${ms(messages.p50Ms)}, p99 ${ms(messages.p99Ms)}, latest ${ms(messages.maxMs)}`,
    ],
  ];
}

function ofRound(round: Round): Figure {
  return [
    `broadcast ${round.round}`,
    `${count(round.once)} of ${count(round.expected)} exactly once; p50 ${ms(round.p50Ms)}, p99 ${ms(round.p99Ms)}, all after ${ms(round.durationMs)}; loop delay up to ${ms(round.loopDelayMaxMs)}`,
  ];
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
