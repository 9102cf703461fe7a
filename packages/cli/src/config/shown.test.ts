import { describe, expect, it } from "@jest/globals";
import type { Machine } from "../machine/machine.js";
import { loadSettings } from "./load.js";
import { nextSettings } from "./reload.js";
import { settingKeys, settingOf } from "./schema.js";
import { shownSettings } from "./shown.js";

const machine: Machine = {
  cpus: 4,
  openFiles: 20_000,
  memoryBytes: 8 * 1024 ** 3,
  platform: "linux",
  nodeVersion: "22.12.0",
};
const load = (flags: Record<string, string>) => loadSettings({ flags, env: {}, file: undefined, machine });
const shown = (flags: Record<string, string>) => {
  const loaded = load(flags);
  return shownSettings(loaded.settings, loaded, machine);
};
const named = (list: ReturnType<typeof shown>, name: string) => list.find((each) => each.name === name);

describe("the settings as they are shown", () => {
  it("are all of them, each with its value, its source and whether that is the default", () => {
    const list = shown({ port: "8080-8083", pingInterval: "25s" });
    expect(list.map(({ name }) => name)).toEqual(settingKeys);
    expect(named(list, "port")).toEqual({
      name: "port",
      value: "8080-8083",
      source: "--port",
      isDefault: false,
      isSecret: false,
      reloads: false,
      waits: false,
    });
    expect(named(list, "pingInterval")).toMatchObject({ source: "--ping-interval", isDefault: true });
    expect(named(list, "workers")).toMatchObject({ value: 4, isDefault: true });
    expect(named(list, "redis")).toMatchObject({ value: null, source: "default", isDefault: true });
    expect(list.filter(({ isDefault }) => !isDefault).map(({ name }) => name)).toEqual(["port"]);
  });

  it("keep how subscriptions are shared when a reload reads another number of workers", () => {
    const redis = "redis://127.0.0.1:6379";
    const before = load({ redis, workers: "2" });
    const read = load({ redis, workers: "16" });
    const { settings } = nextSettings(before.settings, read.settings);
    const list = shownSettings(settings, read, machine);
    expect(named(list, "workers")).toMatchObject({ value: 2, waits: true });
    expect(named(list, "redisSubscriptions")).toMatchObject({
      value: "worker",
      isDefault: true,
      waits: false,
    });
  });

  it("have no secret, whichever setting holds one", () => {
    const planted = "tell-nobody-".repeat(4);
    for (const key of settingKeys.filter((each) => settingOf(each).secret !== undefined)) {
      const ofUrl = key === "redis" ? `redis://me:${planted}@h.example` : `https://h.example/hook?${planted}`;
      const value = settingOf(key).secret === "password" ? ofUrl : planted;
      const loaded = load({});
      const settings = { ...loaded.settings, [key]: value };
      expect([key, JSON.stringify(shownSettings(settings, loaded, machine))]).not.toEqual([
        key,
        expect.stringContaining("tell-nobody"),
      ]);
    }
  });

  it("say which wait for a restart, once a reload has read others", () => {
    const before = load({ port: "8080" });
    const read = load({ port: "9090", pingInterval: "30s" });
    const { settings } = nextSettings(before.settings, read.settings);
    const list = shownSettings(settings, read, machine);
    expect(list.filter(({ waits }) => waits).map(({ name, value }) => [name, value])).toEqual([
      ["port", 8080],
    ]);
    expect(named(list, "pingInterval")).toMatchObject({ value: "30s", waits: false, reloads: true });
  });
});
