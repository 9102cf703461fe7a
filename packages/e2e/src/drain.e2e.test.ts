/**
 * Drain and rolling reload with real processes: `holdfast drain`, SIGTERM with a delay, SIGHUP under load.
 *
 * The claims: every client is told and comes back elsewhere, none is left at the deadline, and a reload never
 * has fewer ready workers than configured.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { RedisServer } from "@holdfast/redis/testing";
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { Crowd } from "./crowd.js";
import { eventually, within } from "./deadline.js";
import { freePorts } from "./free-ports.js";
import { GatewayProcess } from "./gateway-process.js";
import { HaProxy } from "./haproxy.js";
import { metric } from "./metrics-text.js";
import { startDirect } from "./modern-node.js";
import { PlainClient } from "./plain-client.js";
import { HOLDFAST, Program } from "./program.js";
import { Resources } from "./resources.js";

jest.setTimeout(120_000);

const shared = new Resources();
const own = new Resources();
let redis: RedisServer;
let folder = "";

beforeAll(async () => {
  redis = shared.add(await RedisServer.start());
  folder = mkdtempSync(join(tmpdir(), "holdfast-drain-"));
});
afterEach(() => own.close());
afterAll(async () => {
  await shared.close();
  rmSync(folder, { recursive: true, force: true });
});

const CROWD = 200;

/** A file that a reload reads again. */
function configFile(settings: object): { path: string; write(next: object | string): void } {
  const path = join(mkdtempSync(join(folder, "config-")), "holdfast.json");
  const write = (next: object | string): void =>
    writeFileSync(path, typeof next === "string" ? next : JSON.stringify(next));
  write(settings);
  return { path, write };
}

async function metricOf(gateway: GatewayProcess, name: string, labels = {}): Promise<number> {
  return metric((await gateway.adminGet("/metrics")).text, name, labels);
}

function reloads(gateway: GatewayProcess, result: string, count: number, ms = 60_000): Promise<true> {
  return eventually(
    `${count} reloads: ${result}`,
    async () => (await metricOf(gateway, "holdfast_reloads_total", { result })) === count && true,
    ms,
  );
}

/** Publishes as long as it is not closed. */
class Publisher {
  #state: "on" | "off" = "on";
  readonly #gateway: GatewayProcess;
  readonly #done: Promise<void>;
  published = 0;

  constructor(gateway: GatewayProcess, channel: string, data: unknown) {
    this.#gateway = gateway;
    this.#done = this.#run(channel, data);
  }

  async close(): Promise<void> {
    this.#state = "off";
    await this.#done;
  }

  async #run(channel: string, data: unknown): Promise<void> {
    while (this.#state === "on") {
      await this.#gateway.publish(channel, data);
      this.published++;
    }
  }
}

/** Opens connections one after the other, each for a moment, until it is closed. */
class Newcomers {
  #state: "on" | "off" = "on";
  readonly #url: () => string;
  readonly #done: Promise<void>;
  readonly refused: string[] = [];
  served = 0;

  constructor(url: () => string) {
    this.#url = url;
    this.#done = this.#run();
  }

  async close(): Promise<void> {
    this.#state = "off";
    await this.#done;
  }

  async #run(): Promise<void> {
    while (this.#state === "on") {
      try {
        const client = await PlainClient.subscribed(this.#url());
        this.served++;
        await client.close();
      } catch (error) {
        this.refused.push(String(error));
      }
    }
  }
}

/** The fewest ready workers, asked for again and again until it is closed. */
class ReadyWatch {
  #state: "on" | "off" = "on";
  readonly #done: Promise<void>;
  least = Number.POSITIVE_INFINITY;
  looks = 0;

  constructor(gateway: GatewayProcess) {
    this.#done = this.#run(gateway);
  }

  async close(): Promise<void> {
    this.#state = "off";
    await this.#done;
  }

  async #run(gateway: GatewayProcess): Promise<void> {
    while (this.#state === "on") {
      this.least = Math.min(this.least, await metricOf(gateway, "holdfast_workers"));
      this.looks++;
    }
  }
}

describe("holdfast drain", () => {
  test("--wait sends 200 clients to the other instance behind a load balancer; none is refused", async () => {
    const args = ["--redis", redis.url, "--drain-delay", "2s", "--drain-window", "3s"];
    const gateways = await Promise.all([1, 2].map(async () => own.add(await GatewayProcess.start({ args }))));
    const [leaving, staying] = gateways as [GatewayProcess, GatewayProcess];
    const proxy = own.add(await HaProxy.balancing(gateways.map(({ port }) => port)));
    const crowd = own.add(await Crowd.gather(CROWD, () => proxy.ws(), "news"));
    const before = crowd.owners;
    const newcomers = own.add(new Newcomers(() => proxy.ws("channels=news")));
    expect(before.size).toBe(4);
    expect(JSON.parse((await leaving.adminGet("/api/drain")).text)).toMatchObject({ state: "serving" });

    const drain = own.add(Program.holdfast(["drain", "--wait", "--admin", leaving.admin]));
    expect(await drain.exit(30_000)).toEqual({ code: 0, signal: null });
    expect(drain.lines[0]).toMatch(/^announced: health checks fail, \d+ clients are served .* by 20/);
    expect(
      drain.lines.find((line) => /^draining: \d+ of \d+ clients left, none by 20/.test(line)),
    ).toBeDefined();
    expect(drain.lines.at(-1)).toMatch(/^drained: none of \d+ clients is left$/);
    await eventually("all are back", () => crowd.connected === CROWD);
    await newcomers.close();
    expect(newcomers.refused).toEqual([]);
    expect(newcomers.served).toBeGreaterThan(50);

    const sentAway = crowd.members.filter(({ drains }) => drains.length > 0);
    expect(sentAway.length).toBeGreaterThan(CROWD / 4);
    expect(sentAway.length).toBeLessThan(CROWD);
    expect(crowd.owners.size).toBe(2);
    for (const { drains, sids, problems } of crowd.members) {
      expect(problems).toEqual([]);
      expect(drains.length).toBeLessThanOrEqual(1);
      expect(sids).toHaveLength(1 + drains.length);
    }
    await staying.publish("news", "to all");
    await eventually("everybody hears it", () => crowd.members.every(({ received }) => received === 1));

    // Drained, it stays up and says so, to operators and load balancers.
    expect(leaving.workerPids()).toEqual([]);
    expect((await leaving.get("/healthz")).status).toBe(503);
    expect((await leaving.adminGet("/livez")).status).toBe(200);
    expect(await metricOf(leaving, "holdfast_drain_state", { state: "drained" })).toBe(1);
    expect(await metricOf(leaving, "holdfast_drain_connections_left")).toBe(0);
    const again = own.add(Program.holdfast(["drain", "--wait", "--admin", leaving.admin]));
    expect(await again.exit()).toEqual({ code: 0, signal: null });
    expect(leaving.log.map(({ msg }) => msg)).toContain("drain: no client is left");
    expect(await leaving.stop()).toEqual({ code: 0, signal: null });
  });

  test("without --wait it says how far it is and ends; --wait ends when the gateway does", async () => {
    const gateway = own.add(await GatewayProcess.start({ args: ["--drain-window", "2m"] }));
    own.add(await Crowd.gather(300, () => gateway.ws(), "news"));
    const begun = own.add(Program.holdfast(["drain", "--admin", gateway.admin]));
    expect(await begun.exit()).toEqual({ code: 0, signal: null });
    expect(begun.lines).toEqual([expect.stringMatching(/^draining: \d+ of 300 clients left/)]);
    const waiting = own.add(Program.holdfast(["drain", "--wait", "--admin", gateway.admin]));
    await waiting.line(/^draining/);
    gateway.signal("SIGTERM");
    gateway.signal("SIGTERM");
    expect(await waiting.exit()).toEqual({ code: 0, signal: null });
    expect(waiting.lines.at(-1)).toBe("the gateway has ended");
  });
});

describe("SIGTERM", () => {
  test("with a delay serves all clients for that long while the health checks fail", async () => {
    const gateway = own.add(
      await GatewayProcess.start({ args: ["--drain-delay", "4s", "--drain-window", "500ms"] }),
    );
    const early = own.add(await PlainClient.subscribed(gateway.ws("channels=news")));
    gateway.signal("SIGTERM");
    await eventually("the health check fails", async () => (await gateway.get("/healthz")).status === 503);
    expect(await gateway.notReady()).toContain("stopping");
    const late = own.add(await PlainClient.subscribed(gateway.ws("channels=news")));
    await gateway.publish("news", "still here");
    expect(await late.next()).toMatchObject({ publication: { data: "still here" } });
    expect(JSON.parse((await gateway.adminGet("/api/drain")).text)).toMatchObject({ state: "announced" });
    for (const client of [early, late]) expect((await client.closed).code).toBe(3000);
    expect(await gateway.program.exit()).toEqual({ code: 0, signal: null });
  });

  test("under a fan-out that keeps the loops busy ends by the deadline all the same", async () => {
    const windowMs = 2_000;
    const gateway = own.add(await GatewayProcess.start({ args: ["--drain-window", `${windowMs}ms`] }));
    const crowd = own.add(await Crowd.gather(CROWD, () => gateway.ws(), "news"));
    const publishers = Array.from({ length: 8 }, () =>
      own.add({ close: () => {}, run: new Publisher(gateway, "news", "x".repeat(20_000)) }),
    );
    await eventually("publications arrive", () => crowd.members.every(({ received }) => received > 20));
    gateway.signal("SIGTERM");
    // Ten seconds after the window a worker would be killed.
    const ended = gateway.program.exit(windowMs + 12_000);
    for (const { run } of publishers) await run.close().catch(() => {});
    expect(await ended).toEqual({ code: 0, signal: null });
    expect(gateway.log.map(({ msg }) => msg)).not.toContain("worker did not drain in time; killing it");
    for (const { drains } of crowd.members) expect(drains).toHaveLength(1);
  });
});

describe("a worker that stands still", () => {
  test("is killed soon after the deadline, and its clients are free", async () => {
    const gateway = own.add(await GatewayProcess.start({ args: ["--drain-window", "100ms"] }));
    const crowd = own.add(await Crowd.gather(20, () => gateway.ws(), "news"));
    const [stuck = 0] = gateway.workerPids();
    process.kill(stuck, "SIGSTOP");
    const drain = own.add(Program.holdfast(["drain", "--wait", "--admin", gateway.admin]));
    expect(await drain.exit(20_000)).toEqual({ code: 0, signal: null });
    expect(gateway.log.map(({ msg }) => msg)).toContain("worker did not drain in time; killing it");
    await eventually("none is connected", () => crowd.connected === 0);
  });
});

describe("SIGHUP", () => {
  test("under load replaces every worker, with all clients back and never a worker too few", async () => {
    const config = configFile({ maxChannels: 5, drainWindow: "1s" });
    const gateway = own.add(await GatewayProcess.start({ args: ["--config", config.path] }));
    const crowd = own.add(await Crowd.gather(CROWD, () => gateway.ws(), "news"));
    const [before, pids] = [crowd.owners, gateway.workerPids()];
    expect(before.size).toBe(2);
    const publisher = own.add(new Publisher(gateway, "news", { n: 1 }));
    const watch = own.add(new ReadyWatch(gateway));
    const newcomers = own.add(new Newcomers(() => gateway.ws("channels=news")));

    config.write({ maxChannels: 2, drainWindow: "1s", workers: 3, maxPending: 100 });
    gateway.signal("SIGHUP");
    await reloads(gateway, "done", 1);
    await crowd.settled(before);
    await watch.close();
    expect(watch.least).toBe(2);
    expect(watch.looks).toBeGreaterThan(20);
    await newcomers.close();
    expect(newcomers.refused).toEqual([]);
    expect(newcomers.served).toBeGreaterThan(20);
    const after = gateway.workerPids();
    expect(after).toHaveLength(2);
    expect(after.filter((pid) => pids.includes(pid))).toEqual([]);
    for (const { drains, problems } of crowd.members) {
      expect(drains.length).toBeGreaterThanOrEqual(1);
      expect(problems).toEqual([]);
    }

    // The new setting holds; what cannot change is named and is as it was.
    const client = own.add(await PlainClient.connected(gateway.ws(), ["a", "b"]));
    client.send({ id: 7, subscribe: { channel: "c" } });
    expect(await client.next()).toMatchObject({ id: 7, error: { name: "limit_channels" } });
    const warning = await gateway.logged(({ msg }) => msg.startsWith("reload: kept until a restart"));
    expect(warning.settings).toEqual(["maxPending"]);

    const [{ received = 0 } = {}] = crowd.members;
    await eventually("publications go on", () => (crowd.members[0]?.received ?? 0) > received);
    await publisher.close();
    expect((await gateway.get("/healthz")).status).toBe(200);
    expect(await metricOf(gateway, "holdfast_worker_restarts_total")).toBe(0);
  });

  test("with a wrong configuration lists every problem and changes nothing", async () => {
    const config = configFile({ maxChannels: 5 });
    const gateway = own.add(await GatewayProcess.start({ args: ["--config", config.path] }));
    const pids = gateway.workerPids();
    const client = own.add(await PlainClient.subscribed(gateway.ws("channels=news")));
    config.write({ maxChannels: 0, pingInterval: "soon", nonsense: 1 });
    gateway.signal("SIGHUP");
    await gateway.logged(({ problems }) => problems === 3);
    const problems = gateway.log.filter(({ problem }) => problem !== undefined).map(({ problem }) => problem);
    expect(problems).toHaveLength(3);
    expect(problems.join("\n")).toMatch(
      /maxChannels must be .*\n?.*pingInterval must be .*\n?.*nonsense is not/s,
    );
    // Workers leave it to the primary when a terminal or a script signals all of them.
    for (const pid of pids) process.kill(pid, "SIGHUP");
    config.write("{");
    gateway.signal("SIGHUP");
    await reloads(gateway, "refused", 2);
    await gateway.logged(({ problem }) => /is not JSON/.test(String(problem)));
    expect(gateway.workerPids()).toEqual(pids);
    await gateway.publish("news", 1);
    expect(await client.next()).toMatchObject({ publication: { data: 1 } });
  });

  test("is another signal than SIGUSR2, which changes nothing in any process", async () => {
    const gateway = own.add(await GatewayProcess.start({ args: [] }));
    const pids = gateway.workerPids();
    const client = own.add(await PlainClient.subscribed(gateway.ws("channels=news")));
    for (let n = 0; n < 9; n++) for (const pid of pids) process.kill(pid, "SIGUSR2");
    for (let n = 0; n < 9; n++) gateway.signal("SIGUSR2");
    await gateway.logged(({ msg }) => msg.startsWith("SIGUSR2 ignored"));
    await gateway.publish("news", 1);
    expect(await client.next()).toMatchObject({ publication: { data: 1 } });
    expect(gateway.workerPids()).toEqual(pids);
  });

  test("a second one during the first is merged into it; SIGTERM ends both", async () => {
    const config = configFile({ maxChannels: 5, drainWindow: "1s" });
    const gateway = own.add(await GatewayProcess.start({ args: ["--config", config.path] }));
    const crowd = own.add(await Crowd.gather(50, () => gateway.ws(), "news"));
    config.write({ maxChannels: 4, drainWindow: "1s" });
    gateway.signal("SIGHUP");
    await gateway.logged(({ msg }) => msg.startsWith("reloading"));
    config.write({ maxChannels: 1, drainWindow: "1s" });
    gateway.signal("SIGHUP");
    await reloads(gateway, "done", 1);
    await eventually("all are back", () => crowd.connected === 50);
    // All workers have the newest: many connections see no other.
    for (let i = 0; i < 8; i++) {
      const client = own.add(await PlainClient.connected(gateway.ws(), ["a"]));
      client.send({ id: 7, subscribe: { channel: "b" } });
      expect(await client.next()).toMatchObject({ id: 7, error: { name: "limit_channels" } });
    }
    gateway.signal("SIGHUP");
    await eventually("a third worker starts", () => gateway.workerPids().length === 3);
    expect(await gateway.stop("SIGTERM", 30_000)).toEqual({ code: 0, signal: null });
  });

  test("where workers listen themselves the new one listens before the old one stops", async () => {
    const port = await freePorts(1);
    const gateway = own.add(await startDirect(port, ["--drain-window", "500ms"]));
    const crowd = own.add(await Crowd.gather(50, () => gateway.ws(), "news"));
    const [before, pids] = [crowd.owners, gateway.workerPids()];
    gateway.signal("SIGHUP");
    await reloads(gateway, "done", 1);
    await crowd.settled(before);
    expect(gateway.workerPids().filter((pid) => pids.includes(pid))).toEqual([]);
    expect((await gateway.get("/healthz")).status).toBe(200);
  });

  test("a worker whose code speaks another version to its primary says that a restart is due", async () => {
    const worker = spawn(process.execPath, [join(HOLDFAST, "../../dist/worker-main.js")], {
      stdio: ["ignore", "inherit", "inherit", "ipc", "pipe"],
    });
    own.add({ close: () => worker.kill("SIGKILL") });
    const link = worker.stdio[4] as Duplex;
    link.write(`${JSON.stringify({ type: "start", link: 0, slot: 0, generation: 1, config: {} })}\n`);
    const [line] = await within(once(link, "data"), "an answer of the worker");
    expect(JSON.parse(String(line))).toEqual({
      type: "refused",
      problem: expect.stringContaining("restart the instance instead of reloading it"),
    });
  });
});
