import { CORE_DEFAULTS, MemoryBroker, noMetrics, silentLogger } from "@holdfast/core";
import { RedisBroker } from "@holdfast/redis";
import { describe, expect, it } from "@jest/globals";
import { coreOptions } from "./compose/core-options.js";
import { backendOf, directDoor, type PrimaryParts, primaryOptions } from "./compose.js";
import { complete } from "./config/complete.js";
import { loadSettings } from "./config/load.js";
import type { Machine } from "./machine/machine.js";

const machine: Machine = {
  cpus: 4,
  openFiles: 20_000,
  memoryBytes: 8 * 1024 ** 3,
  platform: "linux",
  nodeVersion: "22.12.0",
};

function parts(flags: Readonly<Record<string, string>> = {}): PrimaryParts {
  const settings = complete(loadSettings({ flags, env: {}, file: undefined, machine }).settings, machine);
  const logLinesLost = (): number => 0;
  return {
    settings,
    shown: [],
    machine,
    logger: silentLogger,
    logLinesLost,
    logFormat: "json",
    colour: false,
    program: "holdfast",
    dashboard: {},
    execArgv: [],
    nodeOptions: "",
  };
}

describe("composing", () => {
  it("has core's own defaults where nothing is said", () => {
    const demo = { demo: { clientPublish: true, historySize: 100 } };
    expect(coreOptions(parts().settings)).toEqual({
      ...CORE_DEFAULTS,
      // 0.5 % of a core for four workers together.
      surveyShare: 0.00125,
      namespaces: demo,
    });
  });

  it("gives each namespace its history, and the primary the same rules", async () => {
    const written = parts({
      historySize: "5",
      namespaces: '{"room":{"historySize":7,"historyTtl":"1h"},"log":{"historySize":0}}',
    });
    expect(coreOptions(written.settings).namespaces.room).toMatchObject({
      historySize: 7,
      historyTtlMs: 3_600_000,
    });
    const { retention } = await primaryOptions(written);
    expect(retention("news")).toEqual({ size: 5, ttlMs: 300_000 });
    expect(retention("room:1")).toEqual({ size: 7, ttlMs: 3_600_000 });
    expect(retention("log:1")).toBeUndefined();
  });

  it("fills the primary's options from settings and machine", async () => {
    const options = await primaryOptions(parts({ port: "8080-8081", adminPort: "9", drainWindow: "3s" }));
    expect(options).toMatchObject({
      ports: [8080, 8081],
      admin: { host: "127.0.0.1", port: 9, key: undefined, maxConnections: 256 },
      workers: 4,
      workerExecArgv: ["--max-old-space-size=1024", "--max-semi-space-size=16"],
      maxConnections: 63_180,
      drain: { delayMs: 0, windowMs: 3000, ratePerSecond: undefined },
    });
  });

  it("hands a worker settings that survive JSON", async () => {
    const { settings } = parts({ gcInterval: "off", origins: "*" });
    const { workerConfig } = await primaryOptions({ ...parts(), settings });
    expect(JSON.parse(JSON.stringify(workerConfig))).toEqual({
      settings: JSON.parse(JSON.stringify(settings)),
      logFormat: "json",
      colour: false,
      program: "holdfast",
    });
  });

  it("gives a worker that listens itself its share of the limits", () => {
    const shared = {
      accept: "reuseport",
      workers: "4",
      maxConnections: "1000",
      maxPending: "4096",
      connectionRate: "10",
    };
    const { settings } = parts(shared);
    expect(directDoor(settings)).toMatchObject({
      ports: [8080],
      workers: 4,
      maxConnections: 313,
      maxPending: 1024,
      limits: { ratePerSecond: 3, maxPerAddress: undefined },
    });
  });

  it("makes channels private where something says who a client is, or what it may", () => {
    const access = (flags: Readonly<Record<string, string>>) => {
      const { access, anonymous } = coreOptions(parts({ webhookSecret: "x".repeat(32), ...flags }).settings);
      return [access, anonymous];
    };
    const url = "https://app.example/";
    expect(access({})).toEqual(["open", false]);
    expect(access({ webhookPublishUrl: url })).toEqual(["open", false]);
    expect(access({ webhookConnectUrl: url })).toEqual(["private", false]);
    // Nothing says who a client is, so no client has to prove it.
    expect(access({ webhookSubscribeUrl: url })).toEqual(["private", true]);
    expect(access({ webhookSubscribeUrl: url, jwtSecret: "y".repeat(32) })).toEqual(["private", false]);
  });

  it("embeds a broker, or takes Redis when there is one", async () => {
    const embedded = await primaryOptions(parts());
    expect(embedded.broker).toBeInstanceOf(MemoryBroker);
    expect(embedded.bus).toBeDefined();
    const clustered = parts({ redis: "redis://me:secret@127.0.0.1:6379" });
    expect((await primaryOptions(clustered)).broker).toBeInstanceOf(RedisBroker);
    expect((await primaryOptions(clustered)).bus).toBeUndefined();
  });

  it("describes the backend for the operator, without its password", async () => {
    const described = async (flags: Readonly<Record<string, string>>) =>
      (await backendOf(parts(flags).settings, silentLogger)).describe();
    expect(await described({})).toEqual({ name: "embedded", phrase: "embedded broker" });
    const url = "redis://127.0.0.1:6379";
    expect(await described({ redis: "redis://me:secret@127.0.0.1:6379" })).toEqual({
      name: url,
      phrase: `broker ${url}`,
    });
  });

  it("gives a worker seams of its own on Redis, and none where the primary serves them", async () => {
    const worker = async (flags: Readonly<Record<string, string>>) =>
      (await backendOf(parts(flags).settings, silentLogger)).worker(noMetrics);
    expect(await worker({})).toBeUndefined();
    const redis = "redis://127.0.0.1:6379";
    expect(await worker({ redis })).toMatchObject({ broker: expect.any(RedisBroker), events: undefined });
    expect((await worker({ redis, events: "true" }))?.events).toBeDefined();
  });
});
