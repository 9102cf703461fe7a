/**
 * The alerts of deploy/prometheus: taken by promtool, and each fired by the fault that it is for, in a cluster
 * of two instances that a real Prometheus scrapes.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RedisServer } from "@holdfast/redis/testing";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { eventually } from "./deadline.js";
import { freePorts } from "./free-ports.js";
import { GatewayProcess } from "./gateway-process.js";
import { metric } from "./metrics-text.js";
import { HandshakeRefused, PlainClient } from "./plain-client.js";
import { alertNames, PROMETHEUS_FILES, Prometheus } from "./prometheus.js";
import { RawSocket } from "./raw-socket.js";
import { RedisPublisher } from "./redis-publisher.js";
import { Resources } from "./resources.js";
import { TcpRelay } from "./tcp-relay.js";
import { optionalTool } from "./test-tool.js";
import { testWith } from "./test-with.js";

jest.setTimeout(60_000);

/** What each gateway holds at most: few, so that a test fills it. */
const MAX_CONNECTIONS = 24;
/** Large, because the kernels of both sides take megabytes before anything waits in the gateway. */
const PAD = "x".repeat(512 * 1024);
const SETTINGS = {
  maxConnections: MAX_CONNECTIONS,
  drainWindow: "10m",
  canary: "200ms",
  // One client a second: a drain of twenty takes as long as a test needs.
  drainRate: 1,
  maxOutboxBytes: "256KiB",
  namespaces: { kept: { historySize: 10 } },
  webhookSecret: "a-secret-of-more-than-32-characters",
};

const shared = new Resources();
const executable = optionalTool("prometheus");

describe("promtool", () => {
  const runs: readonly (readonly [what: string, args: readonly string[]])[] = [
    ["takes the scrape configuration and its rules", ["check", "config", "prometheus.yml"]],
    ["finds each alert firing when it shall, and silent when not", ["test", "rules", "holdfast.test.yml"]],
  ];
  for (const [what, args] of runs) {
    testWith(["promtool"], what, async (promtool = "") => {
      expect(execFileSync(promtool, args, { cwd: PROMETHEUS_FILES, encoding: "utf8" })).toContain("SUCCESS");
    });
  }
});

interface Cluster {
  readonly a: GatewayProcess;
  readonly b: GatewayProcess;
  readonly redis: RedisServer;
  /** Between instance b and Redis. */
  readonly relay: TcpRelay;
  /** The file of instance a's settings. */
  readonly file: string;
  readonly prometheus: Prometheus;
}

let cluster: Cluster;

async function begin(path: string): Promise<Cluster> {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-alerts-"));
  shared.add({ close: () => rmSync(directory, { recursive: true, force: true }) });
  const file = join(directory, "holdfast.json");
  // An application that is not there.
  const webhookPublishUrl = `http://127.0.0.1:${await freePorts(1)}/may-publish`;
  writeFileSync(file, JSON.stringify({ ...SETTINGS, webhookPublishUrl }));
  const redis = shared.add(await RedisServer.start());
  const relay = shared.add(await TcpRelay.start([redis.port]));
  // One after the other: a start that fails leaves no other behind, and the machine may be small.
  const start = async (port: number): Promise<GatewayProcess> => {
    const args = ["--config", file, "--redis", `redis://127.0.0.1:${port}`];
    return shared.add(await GatewayProcess.start({ args }));
  };
  const a = await start(redis.port);
  const b = await start(relay.port);
  const targets = [a, b].map(({ admin }) => new URL(admin).host);
  const prometheus = shared.add(await Prometheus.start(path, targets));
  return { a, b, redis, relay, file, prometheus };
}

/** Clients until `gateway` refuses one, or `wanted`. Whether they stay is for the caller. */
async function fill(gateway: GatewayProcess, wanted: number): Promise<readonly PlainClient[]> {
  const clients: PlainClient[] = [];
  while (clients.length < wanted) {
    try {
      clients.push(await PlainClient.connected(gateway.ws()));
    } catch (error) {
      if (!(error instanceof HandshakeRefused)) throw error;
      break;
    }
  }
  return clients;
}

async function stalled(gateway: GatewayProcess, channel: string): Promise<RawSocket> {
  const raw = await RawSocket.open(gateway.ws(`channels=${channel}`));
  await eventually("its welcome", () => raw.messages[0]);
  raw.socket.pause();
  return raw;
}

const scraped = async (gateway: GatewayProcess): Promise<string> => (await gateway.adminGet("/metrics")).text;

interface Fault {
  readonly on: "a" | "b";
  /** Brings it about; what it returns takes it back. */
  begin(cluster: Cluster): Promise<() => unknown>;
}

/** In this order: the last ones leave little of the cluster. */
const FAULTS: Readonly<Record<string, Fault>> = {
  HoldfastConnectionsNearLimit: {
    on: "a",
    begin: async ({ a }) => {
      const clients = await fill(a, MAX_CONNECTIONS - 1);
      return () => Promise.all(clients.map((client) => client.close()));
    },
  },
  HoldfastConnectionsRefused: {
    on: "a",
    begin: async ({ a }) => {
      const isEmpty = async () => metric(await scraped(a), "holdfast_connections") === 0;
      await eventually("the clients before have left", isEmpty);
      const clients = await fill(a, MAX_CONNECTIONS + 10);
      // The workers share what they may hold, not to the last one.
      expect(clients.length).toBeLessThanOrEqual(MAX_CONNECTIONS);
      return () => Promise.all(clients.map((client) => client.close()));
    },
  },
  HoldfastWebhooksUnanswered: {
    on: "b",
    begin: async ({ b }) => {
      const client = await PlainClient.connected(b.ws());
      for (let n = 0; n < 3; n++) await client.command("publish", { channel: "ask:x", data: n });
      return () => client.close();
    },
  },
  HoldfastSlowConsumers: {
    on: "b",
    begin: async ({ b }) => {
      const clients = await Promise.all([1, 2, 3].map(() => stalled(b, "news")));
      await eventually("three are disconnected", async () => {
        await b.publish("news", PAD);
        return metric(await scraped(b), "holdfast_slow_consumers_total") >= 3;
      });
      return () => clients.forEach((client) => void client.destroy());
    },
  },
  HoldfastReloadFailed: {
    on: "a",
    begin: async ({ a, file }) => {
      writeFileSync(file, '{"maxChannels": "many"}');
      a.signal("SIGHUP");
      return () => writeFileSync(file, JSON.stringify(SETTINGS));
    },
  },
  HoldfastEventLoopSlow: {
    on: "b",
    begin: async ({ b }) => {
      const pids = b.workerPids();
      const [pid = 0] = pids;
      // One client for each worker: the delay of a worker at rest is not measured.
      const clients = await fill(b, pids.length);
      // Busy for 0.6 s of each second: it stands still, and goes on.
      const halt = (): void => {
        process.kill(pid, "SIGSTOP");
        goOn = setTimeout(() => process.kill(pid, "SIGCONT"), 600);
      };
      let goOn = setTimeout(() => {}, 0);
      halt();
      const again = setInterval(halt, 1000);
      return () => {
        clearInterval(again);
        clearTimeout(goOn);
        process.kill(pid, "SIGCONT");
        return Promise.all(clients.map((client) => client.close()));
      };
    },
  },
  HoldfastWorkerRestarts: {
    on: "a",
    begin: async ({ a }) => {
      process.kill(a.workerPids()[0] ?? 0, "SIGKILL");
      return () => a.ready();
    },
  },
  HoldfastWorkersMissing: {
    on: "a",
    begin: async ({ a }) => {
      const [survivor] = a.workerPids();
      const kill = (): void => {
        for (const pid of a.workerPids()) if (pid !== survivor) process.kill(pid, "SIGKILL");
      };
      kill();
      const again = setInterval(kill, 100);
      return () => clearInterval(again);
    },
  },
  // Before any fault of Redis: after one, an instance that is back first may publish what others miss.
  HoldfastCanaryLost: {
    on: "b",
    begin: async ({ a, b, relay, prometheus }) => {
      // What has risen before the first scrape is no increase.
      const scrapes = await prometheus.scrapes();
      await eventually("a scrape before", async () => (await prometheus.scrapes()) > scrapes);
      const counted = async (instance: GatewayProcess, name: string): Promise<number> =>
        metric(await scraped(instance), `holdfast_canaries_${name}_total`);
      const lost = await counted(b, "lost");
      // A busy machine may make the silence so long that b forgets what it followed: then again.
      await eventually("canaries that b has lost", async () => {
        relay.away();
        const sent = await counted(a, "sent");
        await eventually("canaries that b does not hear", async () => (await counted(a, "sent")) > sent + 3);
        relay.back();
        await b.ready();
        const heard = await counted(b, "heard");
        await eventually("b hears again", async () => (await counted(b, "heard")) > heard + 3);
        return (await counted(b, "lost")) > lost;
      });
      return () => {};
    },
  },
  HoldfastBrokerAway: {
    on: "b",
    begin: async ({ redis, b }) => {
      await redis.kill();
      return async () => {
        await redis.restart();
        await b.ready();
      };
    },
  },
  HoldfastGaps: {
    on: "b",
    begin: async ({ b, redis }) => {
      const client = await PlainClient.connected(b.ws(), ["kept:x"]);
      for (let n = 0; n < 3; n++) await b.publish("kept:x", n);
      // It comes back without what it had.
      await redis.kill();
      await redis.restart();
      await b.ready();
      await b.publish("kept:x", "after");
      return () => client.close();
    },
  },
  HoldfastCanaryDeaf: {
    on: "b",
    begin: async ({ b, relay }) => {
      relay.away();
      return async () => {
        relay.back();
        await b.ready();
      };
    },
  },
  HoldfastClockSkew: {
    on: "a",
    begin: async ({ redis }) => {
      // An instance whose clock is ten seconds behind, as the others hear it.
      const publisher = await RedisPublisher.connect(redis.port);
      let n = 0;
      const timer = setInterval(() => {
        const canary = { instance: "behind", life: "behind-1", n: ++n, at: Date.now() - 10_000, trip: 1 };
        publisher.publish("holdfast:canary", JSON.stringify(canary)).catch(() => {});
      }, 200);
      return () => {
        clearInterval(timer);
        publisher.close();
      };
    },
  },
  HoldfastDrainHangs: {
    on: "a",
    begin: async ({ a }) => {
      await a.ready();
      await fill(a, 20);
      expect((await a.adminPost("/api/drain", {})).status).toBe(202);
      return () => {};
    },
  },
  HoldfastInstanceDown: {
    on: "b",
    begin: async ({ b }) => {
      await b.stop("SIGTERM");
      return () => {};
    },
  },
};

test("each alert has its fault", () => {
  expect(Object.keys(FAULTS).sort()).toEqual([...alertNames()].sort());
});

describe("a cluster that Prometheus watches", () => {
  beforeAll(async () => {
    if (executable !== undefined) cluster = await begin(executable);
  }, 120_000);
  afterAll(() => shared.close());

  testWith(["prometheus"], "raises no alert while nothing is wrong", async () => {
    await eventually("five scrapes", async () => (await cluster.prometheus.scrapes()) >= 5);
    expect(await cluster.prometheus.alerts()).toEqual([]);
  });

  for (const [name, { on, begin: bringAbout }] of Object.entries(FAULTS)) {
    testWith(["prometheus"], `${name} fires by its fault, and names the instance`, async () => {
      const { prometheus } = cluster;
      const instance = new URL(cluster[on].admin).host;
      const firing = async (): Promise<boolean> =>
        (await prometheus.alerts()).some(
          ({ state, labels }) =>
            state === "firing" && labels.alertname === name && labels.instance === instance,
        );
      await eventually(`${name} is silent before`, async () => !(await firing()));
      const takeBack = await bringAbout(cluster);
      try {
        await eventually(`${name} fires`, firing);
      } finally {
        await takeBack();
      }
    });
  }
});
