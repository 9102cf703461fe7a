/**
 * The embedded broker and the seams beside it, served to every worker over its link.
 *
 * Invariant: what is made for a worker is closed when its link has ended, and nothing is made for it after
 * that. With Redis nothing is served.
 */
import type { MemoryBus } from "@holdfast/core";
import type { BrokerRequest, SeamCall } from "../../link/messages.js";
import type { WorkerProcess } from "../workers/worker-process.js";
import { BrokerServer } from "./broker-server.js";
import { type SeamOffers, SeamServer } from "./seam-server.js";

export interface EmbeddedSeams {
  /** Undefined when Redis is the broker. */
  readonly bus: MemoryBus | undefined;
  readonly seams: SeamOffers;
}

interface Servers {
  readonly broker: BrokerServer | undefined;
  readonly seams: SeamServer;
}

export class EmbeddedServers {
  readonly #embedded: EmbeddedSeams;
  readonly #onSkip: () => void;
  readonly #servers = new Map<WorkerProcess, Servers>();

  /** `onSkip` is called for each publication that a worker is too slow for. */
  constructor(embedded: EmbeddedSeams, onSkip: () => void) {
    this.#embedded = embedded;
    this.#onSkip = onSkip;
  }

  /** A worker asks. */
  handle(worker: WorkerProcess, message: BrokerRequest | SeamCall): void {
    const servers = this.#servers.get(worker) ?? this.#serve(worker);
    if (message.type === "call") void servers?.seams.handle(message);
    else void servers?.broker?.handle(message);
  }

  /** The worker's link has ended. */
  ended(worker: WorkerProcess): void {
    const servers = this.#servers.get(worker);
    this.#servers.delete(worker);
    void servers?.broker?.close();
    servers?.seams.close();
  }

  #serve(worker: WorkerProcess): Servers | undefined {
    if (worker.state === "ended") return undefined;
    const { bus, seams } = this.#embedded;
    const servers: Servers = {
      broker: bus && new BrokerServer(bus, (answer, share) => worker.send(answer, share), this.#onSkip),
      seams: new SeamServer(seams, (answer, share) => worker.send(answer, share)),
    };
    worker.onDrained(() => servers.broker?.drained());
    this.#servers.set(worker, servers);
    return servers;
  }
}
