/**
 * The seam between scenarios and the server that is measured: start a server, publish through it, ask what it
 * consists of.
 *
 * A peer that cannot be had says why; it is then named as missing and never guessed.
 */
import type { Probe } from "../measure/probe.js";

export interface PeerOptions {
  readonly workers: number;
  /** URL of the Redis that joins instances. */
  readonly redis?: string;
  /** Further flags of `holdfast start`; only ours has any. */
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The Node.js that runs ours. Default: the one that runs the bench. */
  readonly node?: string;
}

export interface Peer {
  /** Short and stable: the key in results. */
  readonly name: string;
  /** For the table and the charts. */
  readonly label: string;
  /** Why it cannot be had here, or undefined. */
  missing(): string | undefined;
  start(options: PeerOptions): Promise<PeerServer>;
}

/** Where comet is, and how a held request is asked again. */
export interface CometTargets {
  readonly sse: string;
  readonly poll: string;
  readonly pollProtocol: "get" | "nchan" | "poll";
}

export interface PeerServer {
  /** What was run, as one could type it. */
  readonly command: string;
  readonly port: number;
  /** The path and query after which channels are appended. */
  readonly target: string;
  /** Undefined for peers without comet. */
  readonly comet?: CometTargets;
  /** A text frame that each client sends after its handshake. */
  readonly hello?: string;
  /** The process that accepts and hands over, if another than the workers. */
  readonly primary: number | undefined;
  readonly workers: readonly number[];
  /** Other processes that belong to it, without a loop to watch. Left out: none. */
  readonly helpers?: readonly number[];
  /** Watches event loops; undefined for peers that do not run on Node.js. */
  readonly probe: Probe | undefined;
  /**
   * Publishes `text` (JSON, no blanks) to `channel`, `times` times within one turn. Resolves when under way.
   */
  publish(channel: string, text: string, times?: number): Promise<void>;
  /** Publishes `text` once to each of c0 … c<channels - 1>. */
  publishEach(channels: number, text: string): Promise<void>;
  /** One full garbage collection in each process; resolves with the pauses as far as they are known, ms. */
  collect(): Promise<readonly number[]>;
  /** Idempotent. */
  stop(): Promise<void>;
}

/** Every process of a server. */
export function allProcesses({ primary, workers, helpers = [] }: PeerServer): number[] {
  return [...(primary === undefined ? [] : [primary]), ...workers, ...helpers];
}
