/**
 * What the coordinator and its agents say to each other over the IPC channel of a forked process.
 *
 * Counts are totals since the agent's start unless said otherwise, so a report that is late harms nothing.
 */
import type { SparseHistogram } from "./histogram.js";
import type { TokenSource } from "./tokens.js";
import type { RunTransport } from "./transport.js";

/** Everything an agent is told once. */
export interface AgentOrders {
  readonly run: string;
  readonly host: string;
  readonly ports: readonly number[];
  readonly transport: RunTransport;
  readonly path: string;
  /** Whether clients will send, too; then each knows what it needs for that. */
  readonly sending: boolean;
  readonly channels: string;
  readonly tokens: TokenSource;
  /** Number of its first connection in the run. */
  readonly first: number;
  readonly connections: number;
  readonly sources: readonly string[];
  /** Whether a session that ends by itself is opened again, as an application's client would. */
  readonly reopen: boolean;
}

/** The port of an agent's connection: all are used in turn. */
export function portOf({ ports, first }: AgentOrders, seat: number): number {
  return ports[(first + seat) % ports.length] ?? 0;
}

export type ToAgent =
  | { readonly do: "prepare"; readonly orders: AgentOrders }
  /** Open that many more. */
  | { readonly do: "open"; readonly count: number }
  /** What is open now is to hear the broadcast of this round. */
  | { readonly do: "expect"; readonly round: number }
  | { readonly do: "tally" }
  /** From now on that many messages a second, by the open connections in turn; 0 ends it. */
  | { readonly do: "send"; readonly perSecond: number }
  /** Close the last `count` that were opened; `open` begins them again. */
  | { readonly do: "close"; readonly count: number }
  /** From now on end that many open connections a second, in turn, and open each again; 0 ends it. */
  | { readonly do: "churn"; readonly perSecond: number }
  /** End `count` open connections at once; each comes back with the protocol's back-off. */
  | { readonly do: "storm"; readonly count: number }
  /** What time is it there? `offsetMicros`: what to add to its own clock for that of the run. */
  | { readonly do: "clock"; readonly id: number; readonly offsetMicros: number }
  /** Reset every connection and end. */
  | { readonly do: "end" };

export type FromAgent =
  | { readonly is: "ready" }
  | ({ readonly is: "report" } & AgentReport)
  | ({ readonly is: "tally" } & Tally)
  /** It cannot work at all, such as on a Node.js that it does not know. */
  | { readonly is: "unable"; readonly why: string }
  /** The answer to `clock`: its own clock, without the offset. */
  | { readonly is: "clock"; readonly id: number; readonly micros: number }
  /** From the host of an agent on another machine: its process has ended. */
  | { readonly is: "ended"; readonly how: string };

export interface AgentReport {
  /** Connected sessions at this moment. */
  readonly connected: number;
  /** Connections that were given up after the last attempt. */
  readonly givenUp: number;
  /** Connected sessions that ended without being asked to. */
  readonly lost: number;
  /** Connections that are over for good: given up, or lost and not opened again. */
  readonly over: number;
  /** Sessions that stand again: after a loss, a storm, or a turn of the churn. */
  readonly again: number;
  /** CPU time of the process since its start, and what it holds in memory (RSS). */
  readonly cpuMicros: number;
  readonly memoryBytes: number;
  /** Attempts that failed, and ends of sessions, by reason. */
  readonly failures: Readonly<Record<string, number>>;
  readonly pings: number;
  /** From the beginning of an attempt to the session, since the last report. */
  readonly handshakes: SparseHistogram;
  /** What clients sent themselves, and what they heard of each other. */
  readonly sent: number;
  /** Of what was sent: refused, failed, or not even begun. */
  readonly refused: number;
  readonly heard: number;
  /** From sending to receipt, since the last report. */
  readonly hearing: SparseHistogram;
  /** From sending to the answer, since the last report. */
  readonly answering: SparseHistogram;
}

/** How a round ended for this agent's connections. */
export interface Tally {
  readonly round: number;
  /** Connections that were open when it began. */
  readonly expected: number;
  readonly once: number;
  /** Not received, though the connection stayed open. */
  readonly missing: number;
  /** Received more than once. */
  readonly repeated: number;
  /** Ended before they heard it. */
  readonly lost: number;
  /** From sending to receipt, µs. */
  readonly latencies: SparseHistogram;
  /** From sending to the last receipt, µs. */
  readonly lastMicros: number;
}
