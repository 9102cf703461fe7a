/**
 * How each misfortune strikes: which worker or client it meets, and for how long.
 *
 * Leaves to faults.ts which of them a seed has, and how often. Invariant: every choice is drawn from the
 * seed's randomness.
 */
import type { Misfortune } from "./faults.js";
import type { SimClient } from "./sim-client.js";
import type { SimCluster, SimWorld } from "./sim-cluster.js";
import type { SimWorker } from "./sim-worker.js";

/** ms of simulated time. */
const MAX_OUTAGE = 1000;
const MAX_STALL = 800;
/** Some clients have their answer before they go back, and some have not. */
const MAX_DETOURS = [3, 15, 30, 150];
const MAX_BUSY = 60;
/** Of each log, in one failover. */
const MAX_LOST = 4;
const MAX_BURST = 30;

export class Misfortunes {
  readonly #world: SimWorld;
  readonly #cluster: SimCluster;
  readonly #clients: readonly SimClient[];
  readonly #publish: () => void;

  /** `publish` publishes one more, to any channel. */
  constructor(world: SimWorld, cluster: SimCluster, clients: readonly SimClient[], publish: () => void) {
    this.#world = world;
    this.#cluster = cluster;
    this.#clients = clients;
    this.#publish = publish;
  }

  strike(misfortune: Misfortune): void {
    const { random, log, server } = this.#world;
    const worker = random.pick(this.#cluster.workers);
    const client = random.pick(this.#clients);
    switch (misfortune) {
      case "partition":
        log.note(`${worker.name} loses the broker`);
        return worker.broker.cut(random.int(1, MAX_OUTAGE));
      case "failover":
      case "silent-failover":
        log.note(misfortune);
        server.failOver(MAX_LOST);
        if (misfortune === "failover") this.#cutAll();
        return;
      case "restart":
        log.note("the broker begins anew, without data");
        server.restart();
        return this.#cutAll();
      case "amnesia":
        log.note("the broker loses who is where");
        return server.presence.forget();
      case "crash":
        return this.#cluster.crash(worker);
      case "drain":
        return this.#cluster.drain(worker);
      case "cut":
        return client.cut();
      case "detour":
        return this.detour(client, worker);
      case "stall":
        log.note(`${client.name} stalls`);
        return client.stall(random.int(1, MAX_STALL));
      case "busy":
        log.note(`${worker.name} is busy`);
        return worker.busy(random.int(1, MAX_BUSY));
      case "burst":
        for (let left = random.int(1, MAX_BURST); left > 0; left--) this.#publish();
        return;
    }
  }

  /** The client goes to that worker and back; the worker may lose the broker meanwhile. */
  detour(client: SimClient, worker: SimWorker): void {
    const { random, schedule, log } = this.#world;
    const forMs = random.int(1, random.pick(MAX_DETOURS));
    client.detour(worker, forMs);
    if (!random.chance(0.5)) return;
    const outageMs = random.int(1, MAX_OUTAGE);
    schedule.after(random.int(0, forMs), () => {
      log.note(`${worker.name} loses the broker`);
      worker.broker.cut(outageMs);
    });
  }

  #cutAll(): void {
    for (const worker of this.#cluster.workers) worker.broker.cut(this.#world.random.int(1, MAX_OUTAGE));
  }
}
