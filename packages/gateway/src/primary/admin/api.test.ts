import {
  BROADCAST,
  type Broker,
  type BrokerPublishOptions,
  BrokerUnavailable,
  CONTROL,
  MemoryRevocations,
  mergeSurveys,
} from "@holdfast/core";
import { FakeClock, RecordingTracing } from "@holdfast/core/testing";
import { type Data, withTraceparent } from "@holdfast/protocol";
import { describe, expect, it } from "@jest/globals";
import { type DrainProgress, SERVING } from "../operations/instance-drain.js";
import { NEW_MEMORY } from "../rebalance/decision.js";
import { rebalanceReport } from "../rebalance/report.js";
import type { ReloadProgress } from "../workers/reload.js";
import { adminRefusal } from "./access.js";
import { adminApi, adminBytes, ENDPOINTS } from "./api.js";
import { type AdminInstance, type ReloadOutcome, routeOf } from "./endpoint.js";
import type { AdminAnswer } from "./server.js";
import { AdminSessions } from "./sessions.js";

const MAX_BYTES = 20;
const NOW = 1_700_000_000_000;
const SID = "AAAB0123456789abcdef";

const RELOADING: ReloadProgress = {
  state: "rolling",
  left: 1,
  total: 2,
  startedAt: "2026-11-29T20:00:00.000Z",
  endedAt: null,
  problem: null,
};

const REBALANCE = rebalanceReport({
  automatic: false,
  rate: 0.01,
  memory: NEW_MEMORY,
  cluster: undefined,
  hold: { why: "alone" },
  shed: 0,
  now: 0,
});

function setUp(publish: Broker["publish"] = async () => undefined, tracing?: RecordingTracing) {
  const dropped: number[] = [];
  const published: [string, Data][] = [];
  const options: unknown[] = [];
  const problems: string[] = [];
  const weaknesses: string[] = [];
  const limits: number[] = [];
  const broker = {
    state: "ready",
    weaknesses,
    async publish(topic: string, data: Data, how: BrokerPublishOptions) {
      published.push([topic, data]);
      options.push(how);
      return publish(topic as never, data, how);
    },
  } as unknown as Broker;
  /** Undefined: there are no other instances. */
  const rebalance: { asked: number | undefined } = { asked: undefined };
  const drain: { progress: DrainProgress | undefined } = { progress: SERVING };
  const reload: { outcome: ReloadOutcome } = { outcome: { kind: "begun" } };
  const told: string[] = [];
  const revocations = new MemoryRevocations({
    maxRevocations: 2,
    now: () => NOW,
    tell: (order) => told.push(order),
  });
  const instance: AdminInstance = {
    broker,
    revocations,
    revocationTtlMs: 60_000,
    clockLeewayMs: () => 7_500,
    hasPresence: (channel) => channel === "seen",
    presence: {
      read: async (_channel, limit, cursor) => ({
        members:
          limit === 0
            ? []
            : [
                `{"session":"${SID.slice(4)}","user":"ann","info":{"a":${cursor === undefined ? "1.50" : "false"}}}`,
              ],
        users: 2,
        sessions: 3,
        version: 7,
        sequence: 9,
        ...(cursor === undefined && { next: "c1" }),
      }),
    },
    maxPublicationBytes: MAX_BYTES,
    tracing,
    traceContextDropped: () => void dropped.push(1),
    now: () => NOW,
    retention: (channel: string) => (channel === "kept" ? { size: 10, ttlMs: 60_000 } : undefined),
    notReady: () => problems,
    metrics: async () => "a 1\n",
    inspection: {
      async slowest(limit) {
        limits.push(limit);
        return [];
      },
      async channels({ prefix, after, limit }) {
        const all = ["a", "b", "pre:c"].filter((name) => name > after && name.startsWith(prefix));
        return all.slice(0, limit).map((channel) => ({ channel, subscribers: 1 }));
      },
      async connections({ user }) {
        return user === undefined ? [] : [{ session: SID, user, subscriptions: 0, channels: [] }];
      },
      atAddress: async ({ addresses }) => ({
        connections: [{ session: SID, address: addresses[0] ?? "", subscriptions: 0, channels: [] }],
        waitMs: addresses.includes("203.0.113.99") ? 1_500 : 0,
        isCut: false,
      }),
      reports: async () => [],
      incidents: async () => [],
      seen: async (name) =>
        name === "a-probe-that-was-here"
          ? { peer: "10.0.0.7", peerPort: 4711, address: "192.0.2.4", isProxy: true }
          : undefined,
      survey: async () => ({ ...mergeSurveys([]), workers: [] }),
    },
    overview: () => Promise.reject(new Error("not asked for here")),
    checkDelivery: () => Promise.reject(new Error("not asked for here")),
    warnings: async () => [],
    hasKey: true,
    sessions: new AdminSessions({ key: "right" }, new FakeClock()),
    drain: () => drain.progress,
    drainProgress: () => drain.progress ?? SERVING,
    get rebalancer() {
      const { asked } = rebalance;
      if (asked === undefined) return undefined;
      const ask = (): void => {
        rebalance.asked = asked + 1;
      };
      return { ask, report: () => REBALANCE };
    },
    reload: () => reload.outcome,
    reloadProgress: () => RELOADING,
    settings: () => [],
  };
  const routes = adminApi(instance);
  const ask = (
    route: string,
    body?: unknown,
    query = "",
    text = JSON.stringify(body) ?? "",
    traceparent?: string,
  ) => routes[route]?.(body, new URLSearchParams(query), text, traceparent);
  const bytes = adminBytes(instance);
  const send = (route: string, body: Uint8Array, query: string) =>
    bytes[route]?.(body, new URLSearchParams(query));
  return {
    dropped,
    published,
    told,
    options,
    problems,
    weaknesses,
    limits,
    drain,
    rebalance,
    reload,
    ask,
    send,
  };
}

function messageOf(answer: AdminAnswer | undefined): string {
  if (answer === undefined) throw new Error("no such route");
  return (answer.body as { error: { message: string } }).error.message;
}

describe("the admin API", () => {
  it("publishes data as the text that it was sent as, in every way in", async () => {
    const data = '{"b":1e500,"b":-0.0}';
    const { ask, published } = setUp();
    const say = (route: string, text: string) => ask(route, JSON.parse(text), "", text);
    await say("POST /api/publish", `{"data":1, "channel":"news","d\\u0061ta": ${data} }`);
    await say("POST /api/broadcast", `{"data":${data}}`);
    await say("POST /api/message", `{"user":"7","data":${data}}`);
    await say(
      "POST /api/batch",
      `{"publications":[{"channel":"a","data":${data}},{"data":${data},"channel":"b"}]}`,
    );
    expect(published.map(([, text]) => text)).toEqual(Array(5).fill(data));
  });

  const TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const WAYS: readonly (readonly [route: string, body: object])[] = [
    ["POST /api/publish", { channel: "news", data: 1 }],
    ["POST /api/broadcast", { data: 1 }],
    ["POST /api/message", { user: "7", data: 1 }],
    ["POST /api/batch", { publications: [{ channel: "news", data: 1 }] }],
  ];

  it.each(WAYS)("%s takes a trace context along, and leaves out what is none", async (route, body) => {
    const { ask, dropped, published } = setUp();
    for (const header of [TRACE, `${TRACE}, ${TRACE}`, "", undefined])
      expect(await ask(route, body, "", JSON.stringify(body), header)).toMatchObject({ status: 200 });
    expect(published.map(([, text]) => text)).toEqual([withTraceparent("1", TRACE), "1", "1", "1"]);
    expect(dropped).toHaveLength(2);
  });

  it.each(WAYS)(
    "%s is a span, which what follows is a child of, where the trace is recorded",
    async (route, body) => {
      const tracing = new RecordingTracing();
      const { ask, published } = setUp(undefined, tracing);
      for (const header of [TRACE, `${TRACE.slice(0, -2)}00`, undefined])
        await ask(route, body, "", JSON.stringify(body), header);
      expect(tracing.spans).toMatchObject([
        { name: "publish", parent: TRACE, outcome: { problem: undefined } },
      ]);
      expect(published[0]?.[1]).toBe(withTraceparent("1", tracing.spans[0]?.traceparent));
    },
  );

  it("publishes any JSON value to a channel, and to all connections", async () => {
    const { ask, published } = setUp();
    for (const data of [{ a: 1 }, "text", 0, false, null, [], ""]) {
      expect(await ask("POST /api/publish", { channel: "news", data })).toEqual({ status: 200, body: {} });
    }
    expect(await ask("POST /api/broadcast", { data: null })).toEqual({ status: 200, body: {} });
    const texts = ['{"a":1}', '"text"', "0", "false", "null", "[]", '""'];
    expect(published).toEqual([...texts.map((text) => ["channel:news", text]), [BROADCAST, "null"]]);
  });

  it("publishes a body of bytes as bytes, to what the query names", async () => {
    const { send, published, options } = setUp();
    const body = new Uint8Array([255, 0, 123]);
    expect(await send("POST /api/publish", body, "channel=kept&key=k1")).toMatchObject({ status: 200 });
    expect(await send("POST /api/message", body, "user=7")).toMatchObject({ status: 200 });
    expect(await send("POST /api/broadcast", body, "")).toMatchObject({ status: 200 });
    expect(published).toEqual([
      ["channel:kept", body],
      ["user:7", body],
      [BROADCAST, body],
    ]);
    expect(options[0]).toEqual({
      retention: { size: 10, ttlMs: 60_000 },
      key: expect.stringContaining("k1"),
    });
    expect(send("POST /api/batch", body, "channel=kept")).toBeUndefined();
  });

  it.each([
    ["POST /api/publish", "", "channel"],
    ["POST /api/publish", "channel=a%20b", "channel"],
    ["POST /api/publish", "channel=a&channel=b", "more than once"],
    ["POST /api/publish", "channel=a&data=1", "data"],
    ["POST /api/broadcast", "channel=a", "channel"],
  ])("refuses bytes at %s with the query %j, and says why", async (route, query, why) => {
    const { send, published } = setUp();
    const answer = await send(route, new Uint8Array(1), query);
    expect(answer?.status).toBe(400);
    expect(messageOf(answer)).toContain(why);
    expect(published).toEqual([]);
  });

  it("publishes base64 as bytes where it is marked so, alone and in a batch", async () => {
    const { ask, published } = setUp();
    const marked = { data: "/wB7", bytes: true };
    const bytes = new Uint8Array([255, 0, 123]);
    await ask("POST /api/publish", { channel: "a", ...marked });
    await ask("POST /api/message", { user: "7", ...marked });
    await ask("POST /api/broadcast", marked);
    const publications = [
      { channel: "b", ...marked },
      { channel: "c", data: "/wB7", bytes: false },
    ];
    await ask("POST /api/batch", { publications });
    expect(published).toEqual([
      ["channel:a", bytes],
      ["user:7", bytes],
      [BROADCAST, bytes],
      ["channel:b", bytes],
      ["channel:c", '"/wB7"'],
    ]);
  });

  it.each([["/wB7="], ["*"], [1], [null], [{}]])(
    "refuses %j as base64, and publishes nothing",
    async (data) => {
      const { ask, published } = setUp();
      const answer = await ask("POST /api/publish", { channel: "a", data, bytes: true });
      expect(answer?.status).toBe(400);
      expect(messageOf(answer)).toBe("`data` must be base64 with its padding, where `bytes` is true.");
      const publications = [
        { channel: "a", data: 1 },
        { channel: "a", data, bytes: true },
      ];
      const batch = await ask("POST /api/batch", { publications });
      expect(messageOf(batch)).toBe(
        "`publications[1].data` must be base64 with its padding, where `bytes` is true.",
      );
      expect(published).toEqual([]);
    },
  );

  it("refuses more bytes than a publication may have", async () => {
    const { send, published } = setUp();
    expect(await send("POST /api/publish", new Uint8Array(MAX_BYTES), "channel=a")).toMatchObject({
      status: 200,
    });
    const answer = await send("POST /api/publish", new Uint8Array(MAX_BYTES + 1), "channel=a");
    expect(answer?.status).toBe(413);
    expect(messageOf(answer)).toContain("The body is larger than");
    expect(published).toHaveLength(1);
  });

  it("lists the slowest connections, as many as are asked for", async () => {
    const { ask, limits } = setUp();
    expect(await ask("GET /api/slow")).toEqual({ status: 200, body: { connections: [] } });
    await ask("GET /api/slow", undefined, "limit=7");
    expect(limits).toEqual([20, 7]);
    for (const limit of ["0", "-1", "1001", "1.5", "x"])
      expect(await ask("GET /api/slow", undefined, `limit=${limit}`)).toMatchObject({
        status: 400,
        body: { error: { message: expect.stringContaining("limit` must be a whole number from 1 to 1000") } },
      });
  });

  it("keeps what the channel keeps, passes the key on, and answers with the position", async () => {
    const { ask, options } = setUp(async () => ({ offset: 7, epoch: "e" }));
    const answer = await ask("POST /api/publish", { channel: "kept", data: 1, key: "order-1" });
    expect(answer).toEqual({ status: 200, body: { offset: 7, epoch: "e" } });
    await ask("POST /api/publish", { channel: "news", data: 1 });
    expect(options).toEqual([
      { retention: { size: 10, ttlMs: 60_000 }, key: "backend:order-1" },
      { retention: undefined, key: undefined },
    ]);
  });

  it.each([
    ["POST /api/publish", { channel: "news", data: 1, key: "" }, "`key` must be a string of 1 to 128"],
    ["POST /api/publish", { channel: "news", data: 1, key: 7 }, "`key` must be a string"],
    ["POST /api/publish", { channel: "news", data: 1, key: "k".repeat(129) }, "`key` must be a string"],
    ["POST /api/publish", undefined, "The body must be an object with `channel`, `data`, `bytes`, `key`"],
    ["POST /api/publish", null, "The body must be an object"],
    ["POST /api/publish", [], "The body must be an object"],
    ["POST /api/publish", "news", "The body must be an object"],
    ["POST /api/publish", {}, "`channel` is missing"],
    [
      "POST /api/publish",
      { channel: 7, data: 1 },
      "`channel` must be a string of 1 to 255 characters, not 7",
    ],
    ["POST /api/publish", { channel: "", data: 1 }, "`channel` must be a string"],
    ["POST /api/publish", { channel: "a b", data: 1 }, "`channel` is a channel's name that"],
    ["POST /api/publish", { channel: "news" }, "`data` is missing: any JSON value"],
    [
      "POST /api/publish",
      { chanel: "news", data: 1 },
      'The body has an unknown field \\"chanel\\" (did you mean channel?). There are: channel, data, bytes, key.',
    ],
    ["POST /api/publish", JSON.parse('{"channel":"news","data":1,"__proto__":{}}'), "unknown field"],
    ["POST /api/broadcast", {}, "`data` is missing"],
    ["POST /api/broadcast", 5, "The body must be an object with `data`, `bytes`, not 5"],
    ["POST /api/batch", { publications: [] }, "`publications` must be a list of 1 to 1000, not of 0"],
    [
      "POST /api/batch",
      { publications: [{ channel: "a", data: 1 }, 5] },
      "`publications[1]` must be an object",
    ],
    ["POST /api/batch", { publications: [{ channel: "a" }] }, "`publications[0].data` is missing"],
    ["POST /api/message", { user: "", data: 1 }, "`user` must be"],
    ["POST /api/disconnect", {}, "needs exactly one of `user`, `session`, `token`"],
    ["POST /api/disconnect", { user: "a", token: "b" }, "exactly one"],
    ["POST /api/disconnect", { session: "short" }, "`session` must be"],
    ["POST /api/disconnect", { session: `${SID.slice(1)}!` }, "`session` is not a session id"],
    ["POST /api/disconnect", { user: "a", reconnect: 1 }, "`reconnect` must be true or false, not 1"],
    ["POST /api/revoke", { user: "a", until: NOW }, "until must lie in the next 400 days"],
    ["POST /api/revoke", { user: "a", until: NOW * 2 }, "until must lie"],
    ["POST /api/revoke", { user: "a", until: "soon" }, "`until` must be a whole number"],
    ["POST /api/subscribe", { user: "a" }, "`channel` is missing"],
    ["POST /api/drain", { now: true }, "unknown field"],
  ])("%s %j is answered with a sentence", async (route, body, sentence) => {
    const { ask, published } = setUp();
    const answer = await ask(route, body);
    expect(answer).toMatchObject({ status: 400, body: { error: { name: "bad_request" } } });
    expect(JSON.stringify(answer?.body)).toContain(sentence);
    expect(published).toEqual([]);
  });

  it.each([
    ["GET /api/channels", "limit=0", "`limit` must be a whole number from 1 to 1000, not 0"],
    ["GET /api/channels", "limit=x", "`limit` must be a whole number"],
    ["GET /api/channels", "limt=5", "did you mean limit"],
    ["GET /api/channels", "limit=5&limit=6", "more than once"],
    ["GET /api/channels", "__proto__=5", "unknown field"],
    ["GET /api/connections", "user=", "`user` must be"],
    ["GET /api/history", "", "`channel` is missing"],
    ["GET /api/history", "channel=kept&reverse=yes", "`reverse` must be true or false"],
    ["GET /api/history", "channel=kept&offset=3", "go together"],
    ["GET /api/drain", "x=1", "The query has an unknown field"],
  ])("%s?%s is answered with a sentence", async (route, query, sentence) => {
    const answer = await setUp().ask(route, undefined, query);
    expect(answer).toMatchObject({ status: 400, body: { error: { name: "bad_request" } } });
    expect(messageOf(answer)).toContain(sentence);
  });

  it("publishes a batch in its order, and says what became of each", async () => {
    const { ask, published } = setUp(async (topic) => {
      if (topic === "channel:away") throw new BrokerUnavailable("away");
      return topic === "channel:kept" ? { offset: 1, epoch: "e" } : undefined;
    });
    const channels = ["a", "away", "kept"];
    const publications = channels.map((channel, data) => ({ channel, data }));
    expect(await ask("POST /api/batch", { publications })).toEqual({
      status: 200,
      body: {
        results: [
          {},
          { error: { name: "unavailable", message: expect.any(String) } },
          { offset: 1, epoch: "e" },
        ],
      },
    });
    expect(published).toEqual(channels.map((channel, n) => [`channel:${channel}`, `${n}`]));
    const long = [{ channel: "a", data: "x".repeat(MAX_BYTES) }];
    expect(await ask("POST /api/batch", { publications: long })).toMatchObject({ status: 413 });
    expect(published).toHaveLength(3);
  });

  it("sends a message to a user, and orders to all workers", async () => {
    const { ask, published } = setUp();
    await ask("POST /api/message", { user: "42", data: [1] });
    await ask("POST /api/disconnect", { user: "42" });
    await ask("POST /api/disconnect", { session: SID, reconnect: false, reason: "bye" });
    await ask("POST /api/subscribe", { user: "42", channel: "news" });
    await ask("POST /api/unsubscribe", { token: "t", channel: "news" });
    expect(published[0]).toEqual(["user:42", "[1]"]);
    expect(published.slice(1).map(([topic]) => topic)).toEqual([CONTROL, CONTROL, CONTROL, CONTROL]);
    expect(published.slice(1).map(([, text]) => JSON.parse(String(text)))).toEqual([
      { op: "disconnect", user: "42", reconnect: true },
      { op: "disconnect", session: SID.slice(4), reconnect: false, reason: "bye" },
      { op: "subscribe", user: "42", channel: "news" },
      { op: "unsubscribe", token: "t", channel: "news" },
    ]);
  });

  it("revokes for a given time or the usual one, while there is room", async () => {
    const { ask, told } = setUp();
    expect(await ask("POST /api/revoke", { user: "42" })).toEqual({
      status: 200,
      body: { at: NOW, until: NOW + 60_000, loginFrom: (Math.floor((NOW + 7_500) / 1000) + 1) * 1000 },
    });
    expect(await ask("POST /api/revoke", { token: "t", until: NOW + 5 })).toMatchObject({
      body: { until: NOW + 5 },
    });
    expect(await ask("POST /api/revoke", { token: "t" })).not.toHaveProperty("body.loginFrom");
    expect(told).toHaveLength(3);
    // Longer than asked: a token is taken for the leeway after its end.
    expect(JSON.parse(told[0] ?? "")).toMatchObject({ user: "42", at: NOW, until: NOW + 75_000 });
    expect(await ask("POST /api/revoke", { token: "u" })).toMatchObject({
      status: 409,
      body: { error: { name: "limit_revocations", message: expect.stringContaining("maxRevocations") } },
    });
  });

  it("lists channels and connections in pages", async () => {
    const { ask } = setUp();
    expect(await ask("GET /api/channels", undefined, "limit=2")).toMatchObject({
      body: { channels: [{ channel: "a" }, { channel: "b" }], next: "b" },
    });
    expect(await ask("GET /api/channels", undefined, "limit=2&after=b")).toEqual({
      status: 200,
      body: { channels: [{ channel: "pre:c", subscribers: 1 }] },
    });
    expect(await ask("GET /api/connections", undefined, "user=42")).toMatchObject({
      body: { connections: [{ session: SID, user: "42" }] },
    });
  });

  it("tells who is in a channel, in pages, where that is kept", async () => {
    const { ask } = setUp();
    const counts = '"users":2,"sessions":3,"version":7';
    const member = (info: string): string => `{"session":"${SID.slice(4)}","user":"ann","info":${info}}`;
    // The text of a member to the letter: its `info` may have any number.
    expect(await ask("GET /api/presence", undefined, "channel=seen")).toMatchObject({
      status: 200,
      body: `{"members":[${member('{"a":1.50}')}],${counts},"next":"c1"}\n`,
    });
    expect(await ask("GET /api/presence", undefined, "channel=seen&after=c1")).toMatchObject({
      status: 200,
      body: `{"members":[${member('{"a":false}')}],${counts}}\n`,
    });
    expect(await ask("GET /api/presence", undefined, "channel=seen&limit=0")).toMatchObject({
      body: `{"members":[],${counts},"next":"c1"}\n`,
    });
    expect(await ask("GET /api/presence", undefined, "channel=room:1")).toMatchObject({
      status: 404,
      body: { error: { name: "no_presence", message: expect.stringContaining("the namespace room") } },
    });
  });

  it("begins and ends a session of a browser", async () => {
    const { ask } = setUp();
    expect(await ask("POST /api/login", { key: "right" })).toMatchObject({
      status: 200,
      body: { role: "admin" },
      headers: { "Set-Cookie": expect.stringContaining("HttpOnly; SameSite=Strict") },
    });
    const wrong = await Promise.all([1, 2, 3].map(() => ask("POST /api/login", { key: "wrong" })));
    expect(wrong.map((each) => each?.status)).toEqual([401, 401, 429]);
    expect(await ask("POST /api/logout", {})).toMatchObject({
      headers: { "Set-Cookie": expect.stringContaining("Max-Age=0") },
    });
  });

  it("asks for no key exactly where the table says so", () => {
    for (const each of ENDPOINTS) {
      const refusal = adminRefusal(routeOf(each), { host: "10.0.0.1" }, "key");
      expect([each.path, refusal === undefined]).toEqual([each.path, each.open === true]);
    }
  });

  it("has an OpenAPI document that names every endpoint once", async () => {
    const answer = await setUp().ask("GET /api/openapi.json");
    if (answer === undefined) throw new Error("no such route");
    const { paths } = answer.body as { paths: Record<string, Record<string, { operationId: string }>> };
    const named = Object.entries(paths).flatMap(([path, row]) =>
      Object.keys(row).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(new Set(named)).toEqual(new Set(ENDPOINTS.map(({ method, path }) => `${method} ${path}`)));
    const ids = Object.values(paths).flatMap((row) =>
      Object.values(row).map(({ operationId }) => operationId),
    );
    expect(new Set(ids).size).toBe(ENDPOINTS.length);
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
    const { ask, problems, weaknesses } = setUp();
    expect(await ask("GET /readyz")).toEqual({ status: 200, body: "ok\n" });
    weaknesses.push("Less is promised.", "Less is promised.");
    expect(await ask("GET /readyz")).toEqual({ status: 200, body: "ok\nLess is promised.\n" });
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

  it("begins a reload, says how far it is, and what kept it from beginning", async () => {
    const { ask, reload } = setUp();
    expect(await ask("POST /api/reload", {})).toEqual({ status: 202, body: RELOADING });
    expect(await ask("GET /api/reload")).toEqual({ status: 200, body: RELOADING });
    reload.outcome = { kind: "refused", problems: ["port is none", "host is none"] };
    expect(await ask("POST /api/reload", {})).toMatchObject({
      status: 409,
      body: { error: { message: "The old settings go on: port is none; host is none" } },
    });
    reload.outcome = { kind: "unavailable" };
    expect(await ask("POST /api/reload", {})).toMatchObject({ status: 503 });
  });

  it("searches by address as limits count it, and says when where that was too much", async () => {
    const { ask } = setUp();
    const found = async (address: string) =>
      (await ask("GET /api/connections", undefined, new URLSearchParams({ address }).toString()))?.body;
    for (const [asked, counted] of [
      ["203.0.113.9", "203.0.113.9"],
      ["::ffff:203.0.113.9", "203.0.113.9"],
      ["2001:db8::7", "2001:db8:0:0::/64"],
      ["2001:db8:0:0::/64", "2001:db8:0:0::/64"],
    ] as const)
      expect(await found(asked)).toMatchObject({ connections: [{ address: counted }] });
    const busy = await ask("GET /api/connections", undefined, "address=203.0.113.99");
    expect(busy).toMatchObject({ status: 503, headers: { "Retry-After": "2" } });
    expect(await ask("GET /api/connections", undefined, "address=nowhere")).toMatchObject({ status: 400 });
    expect(await ask("GET /api/connections", undefined, "address=::1&user=ann")).toMatchObject({
      status: 400,
    });
  });

  it("begins a rebalance and reports it, where there are other instances", async () => {
    const { ask, rebalance } = setUp();
    expect(await ask("GET /api/rebalance")).toMatchObject({
      status: 409,
      body: { error: { name: "no_cluster" } },
    });
    rebalance.asked = 0;
    expect(await ask("GET /api/rebalance")).toEqual({ status: 200, body: REBALANCE });
    expect(rebalance.asked).toBe(0);
    expect(await ask("POST /api/rebalance", {})).toEqual({ status: 202, body: REBALANCE });
    expect(rebalance.asked).toBe(1);
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
