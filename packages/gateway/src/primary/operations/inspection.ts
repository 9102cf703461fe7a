/**
 * The inspection: what operators ask of the whole instance, answered by all its ready workers together.
 *
 * A worker that does not answer in time is left out (collector.ts): one that is stuck must not hide the
 * others.
 */
import {
  bySlowness,
  type ChannelCount,
  type ChannelsQuery,
  type Clock,
  type ConnectionFacts,
  type ConnectionsQuery,
  mergeChannels,
  mergeConnections,
  type SlowConnection,
} from "@holdfast/core";
import type { Question } from "../../link/messages.js";
import { Collector } from "../workers/collector.js";
import type { WorkerProcess } from "../workers/worker-process.js";

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

  received(worker: WorkerProcess, id: number, list: readonly unknown[]): void {
    this.#collector.received(worker, id, list);
  }

  /** The worker will not answer any more. */
  gone(worker: WorkerProcess): void {
    this.#collector.gone(worker);
  }

  /** Each question has its kind of list, see worker.ts. */
  #ask<Entry>(question: Question): Promise<readonly (readonly Entry[])[]> {
    return this.#collector.collect(this.#workers(), (id) => ({
      type: "inspect",
      id,
      question,
    })) as Promise<readonly (readonly Entry[])[]>;
  }
}
