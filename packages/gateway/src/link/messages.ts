/**
 * What the primary and its workers say to each other over the link.
 *
 * Both sides agree on `LINK_VERSION`, so messages are trusted; sockets travel on the IPC channel
 * (`hand-off-message.ts`).
 */
import type {
  BrokerPart,
  BrokerPublishOptions,
  DrainOptions,
  LogQuery,
  Question,
  ShedOrder,
} from "@holdfast/core";
import type { Owner, Position } from "@holdfast/protocol";
import type { TlsMaterial } from "../tls/tls-material.js";
import type { LinkData, LinkPage } from "./link-data.js";
import type { MetricsSnapshot } from "./metrics-snapshot.js";

/** Asked of the embedded broker by a worker. `id` is echoed by `broker-done` or `broker-failed`. */
export type BrokerRequest =
  | {
      readonly type: "broker-publish";
      readonly id: number;
      readonly topic: string;
      readonly data: LinkData;
      readonly options: BrokerPublishOptions;
    }
  | { readonly type: "broker-read"; readonly id: number; readonly topic: string; readonly query: LogQuery }
  | { readonly type: "broker-secret"; readonly id: number }
  | { readonly type: "broker-subscribe"; readonly id: number; readonly topic: string }
  | { readonly type: "broker-unsubscribe"; readonly id: number; readonly topic: string };

export type BrokerAnswer =
  | {
      readonly type: "broker-done";
      readonly id: number;
      readonly result?: Position | LinkPage | string | undefined;
    }
  | { readonly type: "broker-failed"; readonly id: number; readonly problem: string }
  /** Publications of these topics were left out, because the worker took what was sent too slowly. */
  | { readonly type: "broker-skipped"; readonly topics: readonly string[] }
  | {
      readonly type: "broker-publication";
      readonly topic: string;
      readonly data: LinkData;
      readonly position?: Position | undefined;
    };

/**
 * Asked by a worker of a seam that the primary serves beside the embedded broker, such as presence. Arguments
 * and result survive JSON. `id` is echoed.
 */
export interface SeamCall {
  readonly type: "call";
  readonly id: number;
  readonly seam: string;
  readonly method: string;
  readonly args: readonly unknown[];
}

export type SeamAnswer =
  | { readonly type: "answer"; readonly id: number; readonly result?: unknown }
  | { readonly type: "call-failed"; readonly id: number; readonly problem: string };

/** What the primary asks all its workers for operators; each answers with a list. */
export type WorkerQuestion =
  | Question
  | { readonly of: "report" | "warnings" }
  | { readonly of: "probe"; readonly name: string };

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
  /** Parts of the broker with a server of their own that cannot be reached. Left out: none. */
  readonly partsAway?: readonly BrokerPart[];
}

/** Whole ticks (core's ticker), so that an idle worker does not wake up for it alone. */
export const LOAD_INTERVAL_MS = 200;

/**
 * Raised whenever a message, or what a worker is configured with, changes in a way that the other side must
 * know: a reload starts workers of the code on disk under a primary that is older.
 */
export const LINK_VERSION = 11;

export type ToWorker =
  | {
      readonly type: "start";
      /** The primary's `LINK_VERSION`. */
      readonly link: number;
      readonly slot: number;
      readonly generation: number;
      /** Where the workers of the instance reach each other: a directory for Unix sockets. */
      readonly relayDirectory: string;
      /** The first public port. */
      readonly port: number;
      readonly config: unknown;
      /** What the public ports shake hands with; undefined: they speak plain HTTP. */
      readonly tls: TlsMaterial | undefined;
      /** Whether sockets come by the pipe for handles; otherwise they come by Node's IPC channel. */
      readonly piped: boolean;
    }
  /** From now on handshakes are made with this. */
  | { readonly type: "tls"; readonly material: TlsMaterial }
  /** The instance is going away: health checks are told so, everything else goes on. */
  | { readonly type: "unready" }
  /**
   * Whether the front door has accepted nothing for too long: health checks on kept connections are told so.
   */
  | { readonly type: "door"; readonly shut: boolean }
  /** Whether the instance holds as many connections as it may: then HTTP requests open no session either. */
  | { readonly type: "full"; readonly full: boolean }
  /** A health check asks whether the worker's loop turns; answer `probed`. */
  | { readonly type: "probe" }
  /** Tell every client to leave, as `DrainOptions` say; answer `drained` when none is left. */
  | ({ readonly type: "drain" } & DrainOptions)
  /** Send so many clients to other instances, in the place of what was ordered before. */
  | ({ readonly type: "shed" } & ShedOrder)
  | { readonly type: "collect-metrics"; readonly id: number }
  | { readonly type: "inspect"; readonly id: number; readonly question: WorkerQuestion }
  /** The workers that are ready, in whichever order: those with which subscriptions may be shared. */
  | { readonly type: "siblings"; readonly members: readonly Owner[] }
  /** The worker's turn to collect garbage; answer `gc-done`. */
  | { readonly type: "gc-turn" }
  | BrokerAnswer
  | SeamAnswer;

export type ToPrimary =
  /** It serves, and its `load` of before says whether it reaches the broker. */
  | { readonly type: "ready" }
  /** The worker cannot start, for a reason that a restart will not mend. */
  | { readonly type: "refused"; readonly problem: string }
  | ({ readonly type: "load" } & Load)
  /**
   * Connections of these addresses have ended; one entry each. Said only of those that came with an address.
   */
  | { readonly type: "departed"; readonly addresses: readonly string[] }
  | { readonly type: "drain-progress"; readonly left: number }
  | { readonly type: "drained" }
  /** So many clients have been sent to other instances since the last such message. */
  | { readonly type: "shed"; readonly count: number }
  | { readonly type: "metrics"; readonly id: number; readonly snapshot: MetricsSnapshot }
  /** What was asked by `inspect`: the list that the question is for. */
  | { readonly type: "inspected"; readonly id: number; readonly list: readonly unknown[] }
  | { readonly type: "probed" }
  | { readonly type: "gc-wish" }
  | { readonly type: "gc-done" }
  | BrokerRequest
  | SeamCall;
