/**
 * Two instances on one Redis for tests of requests that reach another worker than their session's, and what
 * each has made of them by its own counters.
 */
import { RedisServer } from "@holdfast/redis/testing";
import { Redis } from "ioredis";
import { eventually } from "./deadline.js";
import { freePorts } from "./free-ports.js";
import { GatewayProcess } from "./gateway-process.js";
import { samples } from "./metrics-text.js";
import type { Resources } from "./resources.js";
import { SteadyPublisher } from "./steady-publisher.js";
import type { Watcher } from "./watcher.js";

const NAMESPACES = JSON.stringify({
  seq: { historySize: 20_000, historyTtl: "10m" },
  demo: { clientPublish: true },
});

export class CometCluster {
  readonly redis: RedisServer;
  readonly gateways: readonly [GatewayProcess, GatewayProcess];

  private constructor(redis: RedisServer, gateways: readonly [GatewayProcess, GatewayProcess]) {
    this.redis = redis;
    this.gateways = gateways;
  }

  static async start(own: Resources, args: readonly string[] = []): Promise<CometCluster> {
    const redis = own.add(await RedisServer.start());
    const port = await freePorts(2);
    const start = async (each: number): Promise<GatewayProcess> =>
      own.add(
        await GatewayProcess.start({
          args: [
            ...["--redis", redis.url, "--port", String(port + each), "--namespaces", NAMESPACES],
            ...["--drain-window", "1s", ...args],
          ],
        }),
      );
    const cluster = new CometCluster(redis, [await start(0), await start(1)]);
    // Four workers have said where they are.
    const client = cluster.connect();
    await eventually(
      "the directory is complete",
      async () => (await client.keys("holdfast:worker:*")).length === 4,
    );
    client.disconnect();
    return cluster;
  }

  get ports(): readonly [number, number] {
    return [this.gateways[0].port, this.gateways[1].port];
  }

  connect(): Redis {
    return new Redis(this.redis.port, { retryStrategy: () => null, maxRetriesPerRequest: 0 }).on(
      "error",
      () => {},
    );
  }

  publisher(channels: readonly string[], rate: number): SteadyPublisher {
    return new SteadyPublisher({ connect: () => this.connect(), channels, rate });
  }

  /** How the requests of other workers' sessions were answered, over the instances that run. */
  async routed(): Promise<Readonly<Record<string, number>>> {
    const sums: Record<string, number> = {};
    for (const gateway of this.gateways) {
      if (gateway.program.ending !== undefined) continue;
      const { text } = await gateway.adminGet("/metrics");
      for (const { labels, value } of samples(text, "holdfast_http_requests_routed_total"))
        sums[labels.way ?? ""] = (sums[labels.way ?? ""] ?? 0) + value;
    }
    return sums;
  }
}

/** Resolves when all have what was published last; throws what any of them has not been promised. */
export async function allCaughtUp(
  watchers: readonly Watcher[],
  published: ReadonlyMap<string, number>,
): Promise<void> {
  const behind = (): Watcher[] =>
    watchers.filter(({ channel, check }) => check.last !== (published.get(channel) ?? 0) - 1);
  await eventually("every client has the last number", () => behind().length === 0, 30_000).catch((cause) => {
    const lines = behind().map(
      (each) =>
        `${each.constructor.name} ${each.channel} has ${each.check.last} of ${published.get(each.channel)}: ${each.state}`,
    );
    throw new Error(lines.join("\n"), { cause });
  });
  const violations = watchers.flatMap(({ check }) => check.violations);
  if (violations.length > 0)
    throw new Error(`${violations.length} violations: ${JSON.stringify(violations[0], undefined, 1)}`);
}
