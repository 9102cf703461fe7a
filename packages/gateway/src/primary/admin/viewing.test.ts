import type { ConnectionReport, Incident } from "@holdfast/core";
import { describe, expect, it } from "@jest/globals";
import { SERVING } from "../operations/instance-drain.js";
import { adminApi } from "./api.js";
import type { AdminInstance } from "./endpoint.js";
import { VIEWING } from "./viewing.js";

const SID = "0000aaaaaaaaaaaaaaaa";
const REPORT: ConnectionReport = {
  session: SID,
  user: "ada",
  codec: "lines",
  resumable: true,
  silentMs: 100,
  outbox: { bytes: 0, messages: 0, ageMs: 0, fill: 0 },
  subscriptions: [],
  moreSubscriptions: 0,
};
const INCIDENT: Incident = { kind: "refused", code: "forbidden", session: SID, at: 5, times: 1 };
const WARNING = { process: "0", at: 5, level: "warn" as const, message: "m", details: "{}", times: 1 };

function setUp() {
  const asked: unknown[] = [];
  const instance = {
    overview: async () => ({
      at: 1,
      version: "1.0.0",
      node: "v20",
      startedAt: 0,
      ready: true,
      problems: [],
      maxConnections: 10,
      pending: 0,
      drain: SERVING,
      reloadLeft: 0,
      latencies: {},
      incidents: [],
      workers: [],
    }),
    inspection: {
      reports: async (query: unknown) => {
        asked.push(query);
        return [REPORT];
      },
      incidents: async (query: unknown) => {
        asked.push(query);
        return [INCIDENT];
      },
      seen: async () => ({ peer: "10.0.0.7", peerPort: 4711, address: "192.0.2.4", isProxy: true }),
      survey: async () => ({
        at: 1,
        outboxBytes: 0,
        waiting: 0,
        slowest: [],
        busiest: [],
        widest: [],
        workers: [],
      }),
    },
    checkDelivery: async (...query: unknown[]) => {
      asked.push(query);
      const findings = [{ code: "delivering", gravity: "ok", message: "Fine." }];
      return { findings, connections: [REPORT], incidents: [], subscribers: 1 };
    },
    warnings: async () => [WARNING],
  } as unknown as AdminInstance;
  const routes = adminApi(instance);
  const ask = async (path: string, query = "") =>
    routes[`GET ${path}`]?.(undefined, new URLSearchParams(query), "");
  return { asked, ask };
}

const QUERIES: Readonly<Record<string, string>> = {
  "/api/probe": "name=a-probe-that-was-here",
  "/api/connection": "user=ada",
  "/api/delivery": `channel=news&session=${SID}`,
};

describe("what operators watch", () => {
  it.each(VIEWING.map(({ path, success }) => [path, success.schema] as const))(
    "%s answers as its schema says",
    async (path, schema) => {
      const answer = await setUp().ask(path, QUERIES[path]);
      expect(answer?.status).toBe(200);
      expect(schema?.problem(answer?.body, "the answer")).toBeUndefined();
    },
  );

  it("looks at the connections of one session or one user, not of both", async () => {
    const { ask, asked } = setUp();
    await ask("/api/connection", "user=ada");
    expect(asked).toEqual([
      { user: "ada", limit: 20 },
      { user: "ada", limit: 100 },
    ]);
    for (const query of ["", `user=ada&session=${SID}`])
      expect(await ask("/api/connection", query)).toMatchObject({
        status: 400,
        body: { error: { message: "The query needs exactly one of `session`, `user`." } },
      });
  });

  it("asks why a client did not get a channel by channel and client", async () => {
    const { ask, asked } = setUp();
    await ask("/api/delivery", "channel=news&user=ada");
    expect(asked).toEqual([["news", { user: "ada" }]]);
    expect(await ask("/api/delivery", "user=ada")).toMatchObject({ status: 400 });
  });
});
