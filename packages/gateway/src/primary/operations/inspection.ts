/**
 * The inspection: what operators ask of the whole instance, answered by all its ready workers together.
 *
 * A worker that does not answer in time is left out (collector.ts): one that is stuck must not hide the
 * others.
 */
import {
  type AddressPage,
  type AddressQuery,
  bySlowness,
  type ChannelCount,
  type ChannelsQuery,
  type Clock,
  type ConnectionFacts,
  type ConnectionReport,
  type ConnectionsQuery,
  type Incident,
  type IncidentsQuery,
  mergeChannels,
  mergeConnections,
  mergeIncidents,
  mergeSurveys,
  type ReportQuery,
  type SlowConnection,
  type Survey,
} from "@holdfast/core";
import type { WorkerQuestion } from "../../link/messages.js";
import type { SeenClient } from "../../link/seen-client.js";
import type { WorkerReport } from "../../link/worker-report.js";
import type { Warning } from "../../runtime/recent-warnings.js";
import { Collector } from "../workers/collector.js";
import type { WorkerProcess } from "../workers/worker-process.js";

/** A warning, and the process that logged it: `primary`, or the slot of a worker. */
export interface ProcessWarning extends Warning {
  readonly process: string;
}

/** What waits in the outboxes of one worker. */
export interface WorkerOutboxes {
  readonly slot: number;
  /** Bytes that wait for all its connections together. */
  readonly outboxBytes: number;
  /** Connections for which bytes wait. */
  readonly waiting: number;
}

/** The surveys of all workers as one, and what waits in each. */
export interface InstanceSurvey extends Survey {
  /** In the order of slots. */
  readonly workers: readonly WorkerOutboxes[];
}

export class Inspection {
  readonly #collector: Collector<readonly unknown[]>;
  readonly #workers: () => readonly WorkerProcess[];

  /** `workers`: those that are ready. */
  constructor(clock: Clock, workers: () => readonly WorkerProcess[]) {
    this.#collector = new Collector(clock);
    this.#workers = workers;
  }

  /** The connections that read most slowly. */
  async slowest(limit: number): Promise<readonly SlowConnection[]> {
    const lists = await this.#ask<SlowConnection>({ of: "slowest", limit });
    return lists.flat().sort(bySlowness).slice(0, limit);
  }

  /** A page of the channels that a connection listens to. */
  async channels(query: ChannelsQuery): Promise<readonly ChannelCount[]> {
    return mergeChannels(await this.#ask<ChannelCount>({ of: "channels", ...query }), query.limit);
  }

  /** A page of who is connected. */
  async connections(query: ConnectionsQuery): Promise<readonly ConnectionFacts[]> {
    return mergeConnections(await this.#ask<ConnectionFacts>({ of: "sessions", ...query }), query.limit);
  }

  /**
   * A page of who is connected from an address. Where one worker has used up its time for that, nothing, and
   * when to ask again.
   */
  async atAddress(query: AddressQuery): Promise<AddressPage> {
    const pages = (await this.#ask<AddressPage>({ of: "address", ...query })).flat();
    const lists = pages.map(({ connections }) => connections);
    const waitMs = Math.max(0, ...pages.map((page) => page.waitMs));
    return {
      connections: waitMs > 0 ? [] : mergeConnections(lists, query.limit),
      waitMs,
      isCut: pages.some(({ isCut }) => isCut),
    };
  }

  /** What is known of the connections of one session or user, at most `limit`. */
  async reports(query: ReportQuery): Promise<readonly ConnectionReport[]> {
    return (await this.#ask<ConnectionReport>({ of: "reports", ...query })).flat().slice(0, query.limit);
  }

  /** What lately went wrong for clients, the newest first. */
  async incidents(query: IncidentsQuery): Promise<readonly Incident[]> {
    return mergeIncidents(await this.#ask<Incident>({ of: "incidents", ...query }), query.limit);
  }

  /** Figures that need a walk over all; a worker makes a new one at most as often as it may cost. */
  async survey(): Promise<InstanceSurvey> {
    const surveys = (await this.#ask<Survey & { readonly slot: number }>({ of: "survey" })).flat();
    const workers = surveys.map(({ slot, outboxBytes, waiting }) => ({ slot, outboxBytes, waiting }));
    return { ...mergeSurveys(surveys), workers: workers.sort((a, b) => a.slot - b.slot) };
  }

  /** The figures of each worker that viewers watch. */
  async workers(): Promise<readonly WorkerReport[]> {
    return (await this.#ask<WorkerReport>({ of: "report" })).flat();
  }

  /** The last warnings of each worker, with its slot as `process`. */
  async warnings(): Promise<readonly ProcessWarning[]> {
    return (await this.#ask<ProcessWarning>({ of: "warnings" })).flat();
  }

  /** Whom the worker that met the probe took it for; undefined where none has. */
  async seen(probe: string): Promise<SeenClient | undefined> {
    return (await this.#ask<SeenClient>({ of: "probe", name: probe })).flat()[0];
  }

  received(worker: WorkerProcess, id: number, list: readonly unknown[]): void {
    this.#collector.received(worker, id, list);
  }

  /** The worker will not answer any more. */
  gone(worker: WorkerProcess): void {
    this.#collector.gone(worker);
  }

  /** Each question has its kind of list, see worker.ts. */
  #ask<Entry>(question: WorkerQuestion): Promise<readonly (readonly Entry[])[]> {
    return this.#collector.collect(this.#workers(), (id) => ({
      type: "inspect",
      id,
      question,
    })) as Promise<readonly (readonly Entry[])[]>;
  }
}
