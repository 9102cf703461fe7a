/**
 * A cluster under fire: two instances on one Redis behind a relay, hundreds of clients that check their
 * sequences, and a publisher that does not stop.
 *
 * Invariant: between rounds both instances are ready, every client is connected, and the history is long
 * enough for whatever a round takes.
 */
import type { Redis } from "ioredis";
import { eventually } from "./deadline.js";
import { freePorts } from "./free-ports.js";
import { GatewayProcess } from "./gateway-process.js";
import { LossyProxy } from "./lossy-proxy.js";
import { PollWatcher } from "./poll-watcher.js";
import type { Resources } from "./resources.js";
import { SequenceWatcher } from "./sequence-watcher.js";
import { SseWatcher } from "./sse-watcher.js";
import { SteadyPublisher } from "./steady-publisher.js";
import { TcpRelay } from "./tcp-relay.js";
import type { Watcher } from "./watcher.js";

/** How a client is connected; the lossy ones through a proxy that loses every twentieth answer. */
export type ClientKind = "sdk" | "sse" | "poll" | "lossy sse" | "lossy poll";

export interface ClusterOptions {
  /** The value of `--redis`. */
  readonly redis: string;
  /** A connection of the backend's own to Redis, wherever it is now. */
  readonly connect: () => Redis;
  readonly clients: number;
  /** Clients are of these kinds in turn. */
  readonly kinds: readonly ClientKind[];
  readonly channels: number;
  /** Messages a second. */
  readonly rate: number;
}

export interface RoundReport {
  readonly published: number;
  readonly received: number;
  readonly losses: number;
  readonly gaps: readonly string[];
}

/** What a fault happens to. */
export interface Scene {
  readonly watchers: readonly Watcher[];
  /** How many numbers of each channel Redis has taken so far; it grows. */
  readonly published: ReadonlyMap<string, number>;
}

/** Long enough for 60 s of a channel. */
const NAMESPACE = { historySize: 20_000, historyTtl: "10m" };
const SETTLE_MS = 60_000;
const LOSS_EVERY = 20;

export class DurabilityCluster {
  readonly #options: ClusterOptions;
  readonly #own: Resources;
  readonly #ports: readonly number[];
  readonly #relay: TcpRelay;
  readonly #lossy: LossyProxy;
  readonly gateways: GatewayProcess[] = [];
  #round = 0;

  private constructor(
    options: ClusterOptions,
    own: Resources,
    ports: readonly number[],
    relay: TcpRelay,
    lossy: LossyProxy,
  ) {
    this.#options = options;
    this.#own = own;
    this.#ports = ports;
    this.#relay = relay;
    this.#lossy = lossy;
  }

  static async start(options: ClusterOptions, own: Resources): Promise<DurabilityCluster> {
    const port = await freePorts(2);
    const ports = [port, port + 1];
    const relay = own.add(await TcpRelay.start(ports));
    const lossy = own.add(await LossyProxy.start(relay.port, LOSS_EVERY));
    const cluster = new DurabilityCluster(options, own, ports, relay, lossy);
    for (const each of [0, 1]) await cluster.startInstance(each);
    return cluster;
  }

  /** Starts an instance, again after it was killed. */
  async startInstance(which: number): Promise<void> {
    const args = [
      "--redis",
      this.#options.redis,
      "--port",
      String(this.#ports[which]),
      "--drain-window",
      "2s",
      "--namespaces",
      JSON.stringify({ seq: NAMESPACE }),
    ];
    this.gateways[which] = this.#own.add(await GatewayProcess.start({ args }));
  }

  /** Kills a whole instance at once, and starts it again. */
  async killInstance(which: number): Promise<void> {
    const gateway = this.gateways[which];
    if (gateway === undefined) return;
    for (const pid of gateway.program.processes()) kill(pid);
    await gateway.program.gone();
    await this.startInstance(which);
  }

  /** Replaces its workers, one after the other. */
  async reloadInstance(which: number): Promise<void> {
    const gateway = this.gateways[which];
    if (gateway === undefined) return;
    const seen = gateway.log.length;
    gateway.signal("SIGHUP");
    const isReloaded = (): boolean => gateway.log.slice(seen).some(({ msg }) => msg.includes("reloaded"));
    await eventually("the instance is reloaded", isReloaded, SETTLE_MS);
  }

  killWorker(which: number, victim: number): void {
    const pids = this.gateways[which]?.workerPids() ?? [];
    const pid = pids[Math.floor(victim * pids.length)];
    if (pid !== undefined) kill(pid);
  }

  /** Resets the connection of every client. */
  cutConnections(): void {
    this.#relay.cut();
  }

  #watcher(kind: ClientKind, channel: string): Watcher {
    switch (kind) {
      case "sdk":
        return new SequenceWatcher(`ws://127.0.0.1:${this.#relay.port}/ws`, channel);
      case "sse":
        return new SseWatcher(this.#relay.port, channel);
      case "lossy sse":
        return new SseWatcher(this.#lossy.port, channel);
      case "poll":
        return new PollWatcher(this.#relay.port, channel);
      case "lossy poll":
        return new PollWatcher(this.#lossy.port, channel);
    }
  }

  /** One round: publishes, lets `fault` happen, and waits until every client has what was published last. */
  async round(fault: (scene: Scene) => Promise<void>): Promise<RoundReport> {
    const { channels, clients, kinds, connect, rate } = this.#options;
    const names = Array.from({ length: channels }, (_, n) => `seq:${this.#round}-${n}`);
    this.#round++;
    const watchers = Array.from({ length: clients }, (_, n) =>
      this.#own.add(this.#watcher(kinds[n % kinds.length] ?? "sdk", names[n % channels] ?? "")),
    );
    await Promise.all(watchers.map((watcher) => watcher.start()));
    const publisher = this.#own.add(new SteadyPublisher({ connect, channels: names, rate }));
    await pause(1_000);
    await fault({ watchers, published: publisher.published });
    await pause(1_000);
    for (const gateway of this.gateways) await gateway.ready(SETTLE_MS);
    const published = await publisher.finish();
    const behind = (): Watcher[] =>
      watchers.filter(({ channel, check }) => check.last !== (published.get(channel) ?? 0) - 1);
    let asked = performance.now();
    const isSettled = async (): Promise<boolean> => {
      const late = behind();
      // A client that came back after the last one, to a log that had lost its position, was told so and can
      // only hear the next.
      if (
        late.length > 0 &&
        late.every(({ check }) => check.isAfterGap) &&
        performance.now() - asked > 1_000
      ) {
        await publisher.more();
        asked = performance.now();
      }
      return late.length === 0;
    };
    await eventually("every client has the last number", isSettled, SETTLE_MS).catch((error) => {
      const late = behind().map(
        (watcher) =>
          `${watcher.constructor.name} of ${watcher.channel} at ${watcher.check.last} of ${published.get(watcher.channel)} (${watcher.state})`,
      );
      const [first] = behind();
      throw new Error(
        `${late.length} clients lack the last number: ${late.slice(0, 5).join(", ")}; the first heard ${first?.check.heard.join(" ")}`,
        { cause: error },
      );
    });
    const violations = watchers.flatMap((watcher) =>
      watcher.check.violations.map((violation) => ({ ...violation, by: watcher.constructor.name })),
    );
    if (violations.length > 0)
      throw new Error(
        `${violations.length} violations, the first: ${JSON.stringify(violations[0], undefined, 1)}`,
      );
    const report = {
      published: [...published.values()].reduce((sum, count) => sum + count, 0),
      received: watchers.reduce((sum, { check }) => sum + check.received, 0),
      losses: watchers.reduce((sum, { losses }) => sum + losses, 0),
      gaps: watchers.flatMap(({ check }) => check.gaps),
    };
    for (const watcher of watchers) watcher.close();
    await publisher.close();
    return report;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
