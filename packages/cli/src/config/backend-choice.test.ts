import { readdirSync, readFileSync } from "node:fs";
import { WORKERS_TO_SHARE } from "@holdfast/platform";
import { describe, expect, it } from "@jest/globals";
import { backendChoice, backendProblem, backendTraits, subscriptionsOf } from "./backend-choice.js";

const SOURCES = new URL("../", import.meta.url);
/** The setting of an object of settings, or taken out of one. */
const ASKS =
  /\b(?:settings|complete)\.redis\b|\bredis\b[^;()]*\}\s*(?::\s*(?:Partial<)?Settings|=\s*settings)\b/i;

describe("the choice of the backend", () => {
  it("is Redis where its URL is set, and the embedded one otherwise", () => {
    expect(backendChoice({})).toEqual({ kind: "embedded" });
    expect(backendTraits({})).toEqual({ joinsInstances: false, takesEvents: false });
    const redis = "redis://127.0.0.1:6379";
    expect(backendChoice({ redis })).toEqual({ kind: "redis", urls: { redis } });
    const urls = { redis, redisHistory: "redis://10.0.0.2", redisPresence: "redis://10.0.0.3" };
    expect(backendChoice(urls)).toEqual({ kind: "redis", urls });
    expect(backendTraits({ redis })).toEqual({ joinsInstances: true, takesEvents: true });
  });

  it("says what is wrong with a URL, by its setting", () => {
    expect(backendProblem({})).toBeUndefined();
    expect(backendProblem({ redis: "redis://127.0.0.1:6379" })).toBeUndefined();
    expect(backendProblem({ redis: "http://x" })).toMatchObject({
      key: "redis",
      message: expect.any(String),
    });
  });

  it("takes servers of parts beside the one for all else", () => {
    const redis = "redis://127.0.0.1:6379";
    expect(backendProblem({ redis, redisHistory: "redis://10.0.0.2" })).toBeUndefined();
    expect(backendProblem({ redis, redisPresence: "http://x" })).toMatchObject({ key: "redisPresence" });
    expect(backendProblem({ redisHistory: redis })).toMatchObject({
      key: "redisHistory",
      message: expect.stringContaining("set redis"),
    });
    const redisHistory = "redis+cluster://10.0.0.2";
    expect(backendProblem({ redis, redisHistory, redisSharded: "on" })).toBeUndefined();
  });

  it("says that sharded channels need a Cluster", () => {
    const on = { redisSharded: "on" } as const;
    const wrong = { key: "redisSharded", message: expect.stringContaining("redis+cluster://") };
    expect(backendProblem(on)).toMatchObject(wrong);
    expect(backendProblem({ ...on, redis: "redis://127.0.0.1:6379" })).toMatchObject(wrong);
    const cluster = { ...on, redis: "redis+cluster://127.0.0.1:6379" };
    expect(backendProblem(cluster)).toBeUndefined();
    expect(backendProblem({ ...cluster, redisSubscriptions: "instance" })).toMatchObject({
      key: "redisSharded",
    });
  });

  it("shares subscriptions by default where an instance has the workers, as a plan takes it", () => {
    const redis = "redis://127.0.0.1:6379";
    const [few, enough] = [WORKERS_TO_SHARE - 1, WORKERS_TO_SHARE];
    expect(subscriptionsOf({ redis }, few)).toBe("worker");
    expect(subscriptionsOf({ redis }, enough)).toBe("instance");
    expect(subscriptionsOf({ redis, redisSubscriptions: "auto" }, enough)).toBe("instance");
    expect(subscriptionsOf({ redis, redisSubscriptions: "worker" }, enough)).toBe("worker");
    expect(subscriptionsOf({ redis, redisSubscriptions: "instance" }, few)).toBe("instance");
    expect(subscriptionsOf({}, 64)).toBe("worker");
  });

  it("leaves sharded pub/sub to a Cluster that has it", () => {
    const redis = "redis+cluster://127.0.0.1:6379";
    expect(subscriptionsOf({ redis, redisSharded: "auto" }, 64)).toBe("worker");
    expect(subscriptionsOf({ redis, redisSharded: "on" }, 64)).toBe("worker");
    expect(subscriptionsOf({ redis, redisSharded: "off" }, 64)).toBe("instance");
    expect(backendProblem({ redis, redisSharded: "on", redisSubscriptions: "auto" })).toBeUndefined();
    const placed = { redis: "redis://127.0.0.1:6379", redisHistory: redis };
    expect(subscriptionsOf(placed, 64)).toBe("instance");
  });

  it("is asked for here: no other source of the program asks whether redis is set", () => {
    const files = readdirSync(SOURCES, { recursive: true, encoding: "utf8" });
    const sources = files.filter(
      (name) => /(?<!\.test)\.ts$/.test(name) && !name.endsWith("/backend-choice.ts"),
    );
    expect(sources.length).toBeGreaterThan(50);
    const asking = sources.filter((name) => ASKS.test(readFileSync(new URL(name, SOURCES), "utf8")));
    expect(asking).toEqual([]);
    for (const asked of [
      "settings.redis === undefined",
      "f({ redis, a }: Settings)",
      "const { a, redis } = settings;",
    ])
      expect(ASKS.test(asked)).toBe(true);
  });
});
