import { describe, expect, it } from "@jest/globals";
import type { Machine } from "../machine/machine.js";
import { loadSettings } from "./load.js";
import { printFile, printJson, printTable } from "./print.js";
import { settingKeys } from "./schema.js";

const machine: Machine = {
  cpus: 4,
  openFiles: 20_000,
  memoryBytes: 8 * 1024 ** 3,
  platform: "linux",
  nodeVersion: "22.12.0",
};
const load = (flags: Record<string, string>) => loadSettings({ flags, env: {}, file: undefined, machine });
const secretive = load({
  adminKey: "correct-horse-battery-staple",
  redis: "redis+sentinel://me:p@ss@h1:1,h2:2/main?sentinelPassword=hush",
});

describe("the printed configuration", () => {
  it("has a line per setting with value and source", () => {
    const lines = printTable(load({ port: "8080-8083" }), machine).split("\n");
    expect(lines).toHaveLength(settingKeys.length);
    const words = lines.map((line) => line.split(/\s{2,}/));
    expect(words).toContainEqual(["port", "8080-8083", "--port"]);
    expect(words).toContainEqual(["workers", "4 (auto)", "default"]);
    expect(words).toContainEqual(["maxConnections", "63180 (auto)", "default"]);
    expect(words).toContainEqual(["redis", "-", "default"]);
    expect(words).toContainEqual(["redisSubscriptions", "worker (auto)", "default"]);
    expect(words).toContainEqual(["pingInterval", "25s", "default"]);
  });

  it("says whether subscriptions are shared, where the number of workers decides", () => {
    const shared = (workers: string) =>
      printTable(load({ redis: "redis://127.0.0.1:6379", workers }), machine)
        .split("\n")
        .map((line) => line.split(/\s{2,}/))
        .find(([key]) => key === "redisSubscriptions");
    expect(shared("auto")).toEqual(["redisSubscriptions", "instance (auto)", "default"]);
    expect(shared("3")).toEqual(["redisSubscriptions", "worker (auto)", "default"]);
  });

  it("shows no secret", () => {
    for (const text of [printTable(secretive, machine), printJson(secretive, machine)]) {
      expect(text).not.toMatch(/staple|p@ss|ss@h1|hush/);
      expect(text).toContain("redis+sentinel://me:***@h1:1,h2:2/main?sentinelPassword=***");
    }
  });

  it("shows no query of a URL, which may be a key", () => {
    const keyed = load({
      jwksUrl: "https://issuer.example/keys?apikey=tell-nobody&x=1",
      webhookConnectUrl: "https://app.example/hook?tell-nobody",
      webhookSubscribeUrl: "https://app.example/hook?code=tell-nobody#part",
      webhookPublishUrl: "https://app.example/hook?tell-nobody&x#tell-nobody",
      redis: "redis://tell-nobody@127.0.0.1:6379",
      webhookSecret: "tell-nobody".repeat(4),
      secret: "tell-nobody".repeat(3),
    });
    for (const text of [printTable(keyed, machine), printJson(keyed, machine)]) {
      expect(text).not.toContain("tell-nobody");
      expect(text).toContain("https://issuer.example/keys?apikey=***&x=***");
    }
    expect(printFile(keyed, { showSecrets: false }).text).not.toContain("tell-nobody");
  });

  it("is JSON with value and source on request", () => {
    const printed = JSON.parse(printJson(load({ workers: "2" }), machine)) as Record<string, unknown>;
    expect(printed.workers).toEqual({ value: 2, source: "--workers" });
    expect(printed.redis).toEqual({ value: null, source: "default" });
    expect(printed.namespaces).toEqual({
      value: { demo: { clientPublish: true, historySize: 100 } },
      source: "default",
    });
  });

  it("leaves settings with secrets out of a file, and says which", () => {
    const { text, leftOut } = printFile(secretive, { showSecrets: false });
    expect(leftOut).toEqual(["redis", "adminKey"]);
    expect(Object.keys(JSON.parse(text))).not.toEqual(expect.arrayContaining(["redis"]));
  });

  it("keeps a Redis URL without a password in the file", () => {
    const { text, leftOut } = printFile(load({ redis: "redis://127.0.0.1:6379" }), { showSecrets: false });
    expect(leftOut).toEqual([]);
    expect(JSON.parse(text)).toMatchObject({ redis: "redis://127.0.0.1:6379", workers: "auto" });
  });
});
