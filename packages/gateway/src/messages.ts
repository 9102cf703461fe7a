/**
 * What the primary and its workers say to each other over the link.
 *
 * Types only. Both sides are one version of one program, so messages are trusted; sockets travel on the IPC channel.
 */
import type { LogPage, LogQuery, PublishOptions, SlowConnection } from "@holdfast/core";
import type { Position } from "@holdfast/protocol";
import type { MetricsSnapshot } from "./metrics.js";

/** Asked of the embedded broker by a worker. `id` is echoed by `broker-done` or `broker-failed`. */
export type BrokerRequest =
  | {
      readonly type: "broker-publish";
      readonly id: number;
      readonly topic: string;
      readonly data: string;
      readonly options: PublishOptions;
    }
  | { readonly type: "broker-read"; readonly id: number; readonly topic: string; readonly query: LogQuery }
  | { readonly type: "broker-secret"; readonly id: number }
  | { readonly type: "broker-subscribe"; readonly id: number; readonly topic: string }
  | { readonly type: "broker-unsubscribe"; readonly id: number; readonly topic: string };

export type BrokerAnswer =
  | {
      readonly type: "broker-done";
      readonly id: number;
      readonly result?: Position | LogPage | string | undefined;
    }
  | { readonly type: "broker-failed"; readonly id: number; readonly problem: string }
  | {
      readonly type: "broker-publication";
      readonly topic: string;
      readonly data: string;
      readonly position?: Position | undefined;
    };

/** How busy a worker is; sent when it changes, at most every `LOAD_INTERVAL_MS`. */
export interface Load {
  /** Sockets the worker holds, of any kind. */
  readonly sockets: number;
  /** Hand-offs it has received since it started: what the primary sent beyond that is still on its way. */
  readonly received: number;
  /** Connections of the protocol, connecting ones included. */
  readonly connections: number;
  /** Largest delay of the event loop since the last report, ms. */
  readonly loopDelayMs: number;
  /** Whether the worker's broker can be reached. */
  readonly broker: "connecting" | "ready" | "closed";
}

export const LOAD_INTERVAL_MS = 250;

/** The type of the message on the IPC channel that brings a socket, with what was read of its request. */
export const HAND_OFF = "holdfast:socket";

export interface HandOffMessage {
  readonly type: typeof HAND_OFF;
  /** The whole head, and the bytes behind it that came along: latin1, one character a byte. */
  readonly head: string;
  /** Given where connections are counted per address: say so with `departed` when it ends. */
  readonly address?: string;
}

/** The type of the message by which a worker that listens itself gives the primary a socket of another one's session. */
export const MISPLACED = "holdfast:misplaced";

export interface MisplacedMessage extends Omit<HandOffMessage, "type"> {
  readonly type: typeof MISPLACED;
}

/** The type of the other message on the IPC channel: a listening handle that the worker sends straight back. */
export const COPY_LISTEN_HANDLE = "holdfast:copy";

export interface CopyListenHandle {
  readonly type: typeof COPY_LISTEN_HANDLE;
  readonly port: number;
}

export type ToWorker =
  | {
      readonly type: "start";
      readonly slot: number;
      readonly generation: number;
      /** Where the workers of the instance reach each other: a directory for Unix sockets. */
      readonly relayDirectory: string;
      readonly config: unknown;
    }
  /** Tell every client to leave, spread over `windowMs`; answer `drained` when none is left. */
  | { readonly type: "drain"; readonly windowMs: number; readonly reason: string }
  | { readonly type: "collect-metrics"; readonly id: number }
  | { readonly type: "collect-slowest"; readonly id: number; readonly limit: number }
  /** The worker's turn to collect garbage; answer `gc-done`. */
  | { readonly type: "gc-turn" }
  | BrokerAnswer;

export type ToPrimary =
  | { readonly type: "ready" }
  /** The worker cannot start, for a reason that a restart will not mend. */
  | { readonly type: "refused"; readonly problem: string }
  | ({ readonly type: "load" } & Load)
  /** Connections of these addresses have ended; one entry each. Said only of those that came with an address. */
  | { readonly type: "departed"; readonly addresses: readonly string[] }
  | { readonly type: "drain-progress"; readonly left: number }
  | { readonly type: "drained" }
  | { readonly type: "metrics"; readonly id: number; readonly snapshot: MetricsSnapshot }
  | { readonly type: "slowest"; readonly id: number; readonly connections: readonly SlowConnection[] }
  | { readonly type: "gc-wish" }
  | { readonly type: "gc-done" }
  | BrokerRequest;
