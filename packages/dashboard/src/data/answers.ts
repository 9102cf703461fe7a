/**
 * What the admin API answers, as far as the dashboard shows it. docs/openapi.json is the contract; fields of
 * a worker that has not reported yet are missing.
 */

export interface WorkerAnswer {
  readonly slot: number;
  readonly pid: number;
  readonly state: string;
  readonly sockets: number;
  readonly connections: number;
  readonly loopDelayMs: number;
  readonly topics?: number;
  readonly detached?: number;
  readonly members?: number;
  readonly subscriptionsBehind?: number;
  readonly broker?: string;
  readonly brokerDelayMs?: number;
  readonly canary?: { readonly instances: number; readonly intervalMs: number; readonly silentMs: number };
  readonly rssBytes?: number;
  readonly heapBytes?: number;
  /** 0–1. */
  readonly utilization?: number;
  readonly gcSeconds?: number;
  readonly counters?: Readonly<Record<string, number>>;
}

export interface DrainAnswer {
  readonly state: "serving" | "announced" | "draining" | "drained";
  readonly left: number;
  readonly total: number;
  readonly startedAt: string | null;
  readonly deadline: string | null;
}

/** Counts by bound: one more than there are bounds. */
export interface LatenciesAnswer {
  /** s. */
  readonly bounds: readonly number[];
  readonly delivery: readonly number[];
  readonly loop: readonly number[];
  readonly gc: readonly number[];
}

/** What went wrong for clients in the last five minutes. */
export interface IncidentCountAnswer {
  readonly kind: string;
  readonly code: string;
  readonly at: number;
  readonly times: number;
  readonly entries: number;
}

/** An instance of the cluster, as it says itself. */
export interface InstanceAnswer {
  readonly instance: string;
  readonly isAsked: boolean;
  readonly state: string;
  readonly connections: number;
  readonly capacity: number;
  readonly weight: number;
  /** Connections that it would hold. */
  readonly share: number;
  readonly sheds: boolean;
  /** Clients that it has sent away and that may not be back yet. */
  readonly away: number;
}

export interface RebalanceAnswer {
  readonly automatic: boolean;
  readonly phase: "idle" | "shedding" | "resting" | "held";
  readonly hold: string | null;
  readonly total: number;
  /** The fullest less the emptiest, as a part of the mean. */
  readonly spread: number;
  readonly instances: readonly InstanceAnswer[];
}

export interface OverviewAnswer {
  /** ms since 1970. */
  readonly at: number;
  readonly version: string;
  readonly node: string;
  readonly startedAt: number;
  readonly ready: boolean;
  readonly problems: readonly string[];
  readonly maxConnections: number;
  readonly pending: number;
  readonly drain: DrainAnswer;
  readonly reloadLeft: number;
  /** Left out where there is no cluster. */
  readonly rebalance?: RebalanceAnswer;
  readonly latencies: LatenciesAnswer;
  readonly incidents: readonly IncidentCountAnswer[];
  readonly workers: readonly WorkerAnswer[];
}

interface OutboxAnswer {
  readonly bytes: number;
  readonly messages: number;
  readonly ageMs: number;
  /** The share of the limit, 0–1. */
  readonly fill: number;
}

export interface SlowAnswer extends OutboxAnswer {
  readonly id: string;
  readonly user?: string;
  readonly skipped: number;
  readonly behind: readonly string[];
}

export interface SurveyAnswer {
  readonly at: number;
  readonly outboxBytes: number;
  readonly waiting: number;
  readonly slowest: readonly SlowAnswer[];
  readonly busiest: readonly {
    readonly channel: string;
    readonly subscribers: number;
    readonly rate: number;
  }[];
  readonly widest: readonly {
    readonly session: string;
    readonly user?: string;
    readonly channels: number;
  }[];
}

export interface ConnectionRow {
  readonly session: string;
  readonly user?: string;
  readonly address?: string;
  readonly expiresAt?: number;
  readonly subscriptions: number;
  readonly channels: readonly string[];
}

export interface ConnectionsAnswer {
  readonly connections: readonly ConnectionRow[];
  readonly next?: string;
  /** Of a search by address: not all were looked at. */
  readonly isCut?: boolean;
}

export interface ChannelsAnswer {
  readonly channels: readonly { readonly channel: string; readonly subscribers: number }[];
  readonly next?: string;
}

interface PositionAnswer {
  readonly offset: number;
  readonly epoch: string;
}

export interface ReportAnswer {
  readonly session: string;
  readonly user?: string;
  readonly address?: string;
  readonly expiresAt?: number;
  readonly codec: string;
  readonly resumable: boolean;
  readonly silentMs: number;
  readonly outbox: OutboxAnswer;
  readonly subscriptions: readonly {
    readonly channel: string;
    readonly position?: PositionAnswer;
    readonly slowPolicy: string;
    readonly skipped: number;
  }[];
  readonly moreSubscriptions: number;
}

export interface IncidentAnswer {
  readonly at: number;
  readonly times: number;
  readonly kind: string;
  readonly code: string;
  readonly message?: string;
  readonly session?: string;
  readonly user?: string;
  readonly channel?: string;
  readonly address?: string;
}

export interface ConnectionAnswer {
  readonly connections: readonly ReportAnswer[];
  readonly incidents: readonly IncidentAnswer[];
}

export interface DeliveryAnswer {
  readonly findings: readonly {
    readonly code: string;
    readonly gravity: "fault" | "note" | "ok";
    readonly message: string;
  }[];
  readonly subscribers: number;
}

export interface WarningAnswer {
  readonly process: string;
  readonly at: number;
  readonly level: string;
  readonly message: string;
  readonly details: string;
  readonly times: number;
}

export interface SettingAnswer {
  readonly name: string;
  readonly value: unknown;
  readonly source: string;
  readonly isDefault: boolean;
  readonly isSecret: boolean;
  readonly reloads: boolean;
  readonly waits: boolean;
}

export interface SettingsAnswer {
  readonly settings: readonly SettingAnswer[];
}

export interface ReloadAnswer {
  readonly state: "idle" | "rolling" | "done" | "failed" | "stopped";
  readonly left: number;
  readonly total: number;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly problem: string | null;
}

export interface HistoryAnswer extends PositionAnswer {
  readonly publications: readonly { readonly offset: number; readonly data: unknown }[];
}

export interface PresenceAnswer {
  readonly members: readonly { readonly session: string; readonly user?: string }[];
  readonly users: number;
  readonly sessions: number;
  readonly next?: string;
}
