/**
 * A report of a good run, of which a test changes what it is about.
 */
import type { Report, Round, Sample } from "../report/report.js";

export function sampleOf(changes: Partial<Sample>): Sample {
  return {
    s: 0,
    connected: 100,
    undecided: 0,
    givenUp: 0,
    lost: 0,
    handshakesPerSecond: 50,
    handshakeP50Ms: 2,
    handshakeP99Ms: 5,
    messagesPerSecond: 0,
    messageP50Ms: null,
    messageP99Ms: null,
    gatewayBytes: 350_000,
    agentsBytes: 200_000,
    kernelBytes: 900_000,
    gatewayCpu: 0.5,
    agentsCpu: 0.2,
    loopDelayP99Ms: 3,
    loopDelayMaxMs: 8,
    gcShare: 0.01,
    gcLongestMs: 5,
    ...changes,
  };
}

const OPTIONS: Report["options"] = {
  target: "ws://127.0.0.1:8080/ws",
  transport: "websocket",
  connections: 100,
  rate: 50,
  channels: "news",
  holdMs: 10_000,
  sendRate: 0,
  broadcasts: 1,
  churnRate: 0,
  reopen: false,
  scenario: null,
};

const MACHINE: Report["machine"] = {
  cpu: "a processor",
  cores: 2,
  memoryBytes: 24 * 2 ** 30,
  kernel: "6.18",
  node: "v20.0.0",
  openFiles: 20_000,
};

const ROUND: Round = {
  round: 1,
  sentS: 12,
  expected: 100,
  once: 100,
  missing: 0,
  repeated: 0,
  lost: 0,
  p50Ms: 4,
  p99Ms: 9,
  maxMs: 12,
  durationMs: 12,
  loopDelayMaxMs: 8,
  receipts: [
    [1, 0],
    [4, 0.5],
    [12, 1],
  ],
};

export function reportOf(changes: Partial<Report>): Report {
  return {
    version: 1,
    started: "2026-01-01T00:00:00.000Z",
    ending: "complete",
    options: OPTIONS,
    machine: MACHINE,
    agents: 2,
    hosts: [],
    steps: [],
    gatewayProcesses: 3,
    notes: [],
    problems: [],
    connected: 100,
    givenUp: 0,
    lost: 0,
    again: 0,
    moved: 0,
    failures: {},
    rampSeconds: 2,
    handshakesPerSecond: 50,
    handshakeP50Ms: 2,
    handshakeP99Ms: 5,
    memory: {
      gatewayBytes: 350_000,
      emptyGatewayBytes: 2 ** 20,
      agentsBytes: 200_000,
      kernelBytes: 900_000,
      connections: 100,
    },
    idle: { seconds: 10, gatewayCpu: 0.02, agentsCpu: 0.01, pingsPerSecond: 4, loopDelayP99Ms: 3 },
    messages: null,
    rounds: [ROUND],
    samples: [sampleOf({ s: 0, connected: 0 }), sampleOf({ s: 2 }), sampleOf({ s: 12 })],
    ...changes,
  };
}
