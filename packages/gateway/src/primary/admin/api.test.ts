import { BROADCAST, type Broker, BrokerUnavailable, type PublishOptions } from "@holdfast/core";
import { describe, expect, it } from "@jest/globals";
import { type DrainProgress, SERVING } from "../instance-drain.js";
import { adminApi } from "./api.js";

const MAX_BYTES = 20;

function setUp(publish: Broker["publish"] = async () => undefined) {
  const published: [string, string][] = [];
  const options: unknown[] = [];
  const problems: string[] = [];
  const limits: number[] = [];
  const broker = {
    state: "ready",
    async publish(topic: string, data: string, how: PublishOptions) {
      published.push([topic, data]);
      options.push(how);
      return publish(topic as never, data, how);
    },
  } as unknown as Broker;
  const drain: { progress: DrainProgress | undefined } = { progress: SERVING };
  const instance = {
    broker,
    retention: (channel: string) => (channel === "kept" ? { size: 10, ttlMs: 60_000 } : undefined),
    notReady: () => problems,
    metrics: async () => "a 1\n",
    slowest: async (limit: number) => {
      limits.push(limit);
      return [];
    },
    drain: () => drain.progress,
    drainProgress: () => drain.progress ?? SERVING,
  };
  const routes = adminApi(instance, MAX_BYTES);
  const ask = (route: string, body?: unknown, query = "") =>
    routes[route]?.(body, new URLSearchParams(query));
  return { published, options, problems, limits, drain, ask };
}

describe("the admin API", () => {
  it("publishes any JSON value to a channel, and to everybody", async () => {
    const { ask, published } = setUp();
    for (const data of [{ a: 1 }, "text", 0, false, null, [], ""]) {
      expect(await ask("POST /api/publish", { channel: "news", data })).toEqual({ status: 200, body: {} });
    }
    expect(await ask("POST /api/broadcast", { data: null })).toEqual({ status: 200, body: {} });
    const texts = ['{"a":1}', '"text"', "0", "false", "null", "[]", '""'];
    expect(published).toEqual([...texts.map((text) => ["channel:news", text]), [BROADCAST, "null"]]);
  });

  it("lists the slowest connections, as many as are asked for", async () => {
    const { ask, limits } = setUp();
    expect(await ask("GET /api/slow")).toEqual({ status: 200, body: { connections: [] } });
    await ask("GET /api/slow", undefined, "limit=7");
    expect(limits).toEqual([20, 7]);
    for (const limit of ["0", "-1", "1001", "1.5", "x"])
      expect(await ask("GET /api/slow", undefined, `limit=${limit}`)).toMatchObject({
        status: 400,
        body: { error: { message: "`limit` is a whole number from 1 to 1000: /api/slow?limit=20." } },
      });
  });

  it("keeps what the channel keeps, passes the key on, and answers with the position", async () => {
    const { ask, options } = setUp(async () => ({ offset: 7, epoch: "e" }));
    const answer = await ask("POST /api/publish", { channel: "kept", data: 1, key: "order-1" });
    expect(answer).toEqual({ status: 200, body: { offset: 7, epoch: "e" } });
    await ask("POST /api/publish", { channel: "news", data: 1 });
    expect(options).toEqual([
      { retention: { size: 10, ttlMs: 60_000 }, key: "order-1" },
      { retention: undefined, key: undefined },
    ]);
  });

  it.each([
    ["POST /api/publish", { channel: "news", data: 1, key: "" }, "`key` is a string"],
    ["POST /api/publish", { channel: "news", data: 1, key: 7 }, "`key` is a string"],
    ["POST /api/publish", { channel: "news", data: 1, key: "k".repeat(129) }, "`key` is a string"],
    ["POST /api/publish", undefined, "`channel` is missing"],
    ["POST /api/publish", null, "`channel` is missing"],
    ["POST /api/publish", [], "`channel` is missing"],
    ["POST /api/publish", "news", "`channel` is missing"],
    ["POST /api/publish", { channel: 7, data: 1 }, "`channel` is missing"],
    ["POST /api/publish", { channel: "", data: 1 }, "The channel's name"],
    ["POST /api/publish", { channel: "a b", data: 1 }, "The channel's name"],
    ["POST /api/publish", { channel: "news" }, "`data` is missing"],
    ["POST /api/broadcast", {}, "`data` is missing"],
    ["POST /api/broadcast", 5, "`data` is missing"],
  ])("%s %j is answered with a sentence", async (route, body, sentence) => {
    const { ask, published } = setUp();
    const answer = await ask(route, body);
    expect(answer).toMatchObject({ status: 400, body: { error: { name: "bad_request" } } });
    expect(JSON.stringify(answer?.body)).toContain(sentence);
    expect(published).toEqual([]);
  });

  it("measures a publication in bytes", async () => {
    const { ask, published } = setUp();
    const fits = "ü".repeat((MAX_BYTES - 2) / 2);
    expect((await ask("POST /api/publish", { channel: "news", data: fits }))?.status).toBe(200);
    expect(await ask("POST /api/publish", { channel: "news", data: `${fits}x` })).toMatchObject({
      status: 413,
      body: { error: { name: "too_big" } },
    });
    expect(published).toHaveLength(1);
  });

  it("says that the broker is away; anything else is for the log", async () => {
    const away = setUp(() => Promise.reject(new BrokerUnavailable("secret detail")));
    const answer = await away.ask("POST /api/broadcast", { data: 1 });
    expect(answer).toMatchObject({ status: 503, body: { error: { name: "unavailable" } } });
    expect(JSON.stringify(answer)).not.toContain("secret");
    const broken = setUp(() => Promise.reject(new Error("a bug")));
    await expect(broken.ask("POST /api/broadcast", { data: 1 })).rejects.toThrow("a bug");
  });

  it("is alive even while it is not ready, and says why it is not", async () => {
    const { ask, problems } = setUp();
    expect(await ask("GET /readyz")).toEqual({ status: 200, body: "ok\n" });
    problems.push("One.", "Two.");
    expect(await ask("GET /readyz")).toEqual({ status: 503, body: "One.\nTwo.\n" });
    expect(await ask("GET /livez")).toEqual({ status: 200, body: "ok\n" });
  });

  it("has metrics in Prometheus' format", async () => {
    expect(await setUp().ask("GET /metrics")).toMatchObject({
      status: 200,
      body: "a 1\n",
      contentType: expect.stringContaining("version=0.0.4"),
    });
  });

  it("begins a drain and says how far it is, but not before the start is through", async () => {
    const { ask, drain } = setUp();
    drain.progress = { ...SERVING, state: "draining", left: 3, total: 9 };
    expect(await ask("POST /api/drain", {})).toEqual({ status: 202, body: drain.progress });
    expect(await ask("GET /api/drain")).toEqual({ status: 200, body: drain.progress });
    drain.progress = undefined;
    expect(await ask("POST /api/drain", {})).toMatchObject({ status: 503 });
    expect(await ask("GET /api/drain")).toEqual({ status: 200, body: SERVING });
  });
});
