/**
 * Answers of an admin API for tests: an overview, a survey, and a server that gives them.
 */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type {
  InstanceShare,
  InstanceSurvey,
  Overview,
  RebalanceReport,
  ReportedCounter,
  WorkerView,
} from "@holdfast/gateway";

export const STARTED_AT = Date.UTC(2026, 0, 1);

const COUNTERS: Readonly<Record<ReportedCounter, number>> = {
  commands: 0,
  command_errors: 0,
  malformed_frames: 0,
  rate_limited: 0,
  publications: 0,
  deliveries: 0,
  delivered_bytes: 0,
  fanout_dropped: 0,
  gaps: 0,
  recovered: 0,
  unrecovered: 0,
  slow_consumers: 0,
  publications_skipped: 0,
  publish_refused: 0,
  tokens_refused: 0,
  connections_opened: 0,
  connections_closed: 0,
  sessions_resumed: 0,
  keepalive_timeouts: 0,
  topics_skipped: 0,
};

export function workerOf(
  slot: number,
  { counters, ...rest }: { counters?: Partial<typeof COUNTERS> } & Partial<Omit<WorkerView, "counters">> = {},
): WorkerView {
  return {
    slot,
    pid: 100 + slot,
    state: "ready",
    sockets: 10,
    connections: 10,
    loopDelayMs: 2,
    rssBytes: 50 * 1024 ** 2,
    utilization: 0.25,
    gcSeconds: 1,
    subscriptionsBehind: 0,
    broker: "ready",
    counters: { ...COUNTERS, ...counters },
    ...rest,
  };
}

export function overviewOf(rest: Partial<Overview> = {}): Overview {
  return {
    at: STARTED_AT + 3_600_000,
    version: "1.2.3",
    node: "v22.12.0",
    startedAt: STARTED_AT,
    ready: true,
    problems: [],
    maxConnections: 1000,
    pending: 0,
    drain: { state: "serving", left: 0, total: 0, startedAt: null, deadline: null },
    reloadLeft: 0,
    latencies: { bounds: [0.001], delivery: [0, 0], loop: [0, 0], gc: [0, 0] },
    incidents: [],
    workers: [workerOf(0), workerOf(1)],
    ...rest,
  };
}

/** An instance of a cluster with a share of 7,500. */
export function shareOf(
  instance: string,
  connections: number,
  rest: Partial<InstanceShare> = {},
): InstanceShare {
  const usual = { state: "serving", capacity: 20_000, weight: 1, away: 0, sheds: false, ageMs: 0 } as const;
  return { instance, isAsked: false, connections, share: 7_500, over: 0, ...usual, ...rest };
}

export function rebalanceOf(
  instances: readonly InstanceShare[],
  rest: Partial<RebalanceReport> = {},
): RebalanceReport {
  const usual = { automatic: false, rate: 0.01, phase: "idle", restMs: 0, hold: null, shed: 0 } as const;
  return { ...usual, total: 20_000, spread: 1.5, instances, ...rest };
}

export function surveyOf(rest: Partial<InstanceSurvey> = {}): InstanceSurvey {
  return {
    at: STARTED_AT,
    outboxBytes: 0,
    waiting: 0,
    slowest: [],
    busiest: [],
    widest: [],
    workers: [],
    ...rest,
  };
}

/** An admin port that answers GET requests by their path; a list is given one after the other. */
export class AnsweringServer {
  readonly asked: string[] = [];
  readonly answers: Record<string, unknown[]> = {};
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    server.on("request", ({ url = "" }, response) => {
      this.asked.push(url);
      const queue = this.answers[url.replace(/\?.*/, "")];
      const answer = queue !== undefined && queue.length > 1 ? queue.shift() : queue?.[0];
      const [status, body] = answer === undefined ? [404, "{}"] : [200, JSON.stringify(answer)];
      response.writeHead(status, { Connection: "close" }).end(body);
    });
  }

  static async start(): Promise<AnsweringServer> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    return new AnsweringServer(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
