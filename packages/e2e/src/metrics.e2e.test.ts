/**
 * The admin port: metrics of the whole instance, health, publishing, and errors that a person understands.
 */
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { eventually } from "./deadline.js";
import { GatewayProcess } from "./gateway-process.js";
import { metric, samples } from "./metrics-text.js";
import { PlainClient } from "./plain-client.js";
import { Program } from "./program.js";
import { Resources } from "./resources.js";

jest.setTimeout(60_000);

const shared = new Resources();
const own = new Resources();
let gateway: GatewayProcess;

beforeAll(async () => {
  gateway = shared.add(await GatewayProcess.start({ args: ["--max-publication-bytes", "1KiB"] }));
});
afterEach(() => own.close());
afterAll(() => shared.close());

const scrape = async (): Promise<string> => (await gateway.adminGet("/metrics")).text;

describe("/metrics", () => {
  test("has every documented name", async () => {
    const { text, headers } = await gateway.adminGet("/metrics");
    expect(headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
    const names = new Set([...text.matchAll(/^# TYPE (\w+) /gm)].map(([, name]) => name));
    const expected = [
      "holdfast_connections",
      "holdfast_connections_opened_total",
      "holdfast_connections_closed_total",
      "holdfast_subscriptions",
      "holdfast_commands_total",
      "holdfast_publications_total",
      "holdfast_deliveries_total",
      "holdfast_delivered_bytes_total",
      "holdfast_handshake_seconds",
      "holdfast_publish_seconds",
      "holdfast_event_loop_delay_seconds",
      "holdfast_gc_pause_seconds",
      "holdfast_resident_memory_bytes",
      "holdfast_broker_ready",
      "holdfast_slow_consumers_total",
      "holdfast_build_info",
    ];
    expect(expected.filter((name) => !names.has(name))).toEqual([]);
    for (const name of names) expect(text).toMatch(new RegExp(`^# HELP ${name} \\S`, "m"));
  });

  test("counts and gauges are sums over the workers, memory is per worker", async () => {
    const before = await scrape();
    const clients = await Promise.all(
      Array.from({ length: 10 }, async () =>
        own.add(await PlainClient.connected(gateway.ws(), ["demo:m", "news"])),
      ),
    );
    const [publisher] = clients;
    await publisher?.command("publish", { channel: "demo:m", data: "x" });
    await gateway.publish("news", "end");
    for (const client of clients) await client.until('"end"');
    const after = await scrape();
    const grown = (name: string) => metric(after, name) - metric(before, name);
    expect(metric(after, "holdfast_connections")).toBe(10);
    expect(metric(after, "holdfast_subscriptions")).toBe(20);
    expect(grown("holdfast_connections_opened_total")).toBe(10);
    expect(grown("holdfast_commands_total")).toBe(11);
    expect(grown("holdfast_deliveries_total")).toBe(20);
    expect(grown("holdfast_publish_seconds_count")).toBe(1);
    expect(grown("holdfast_handshake_seconds_count")).toBe(10);
    const memory = samples(after, "holdfast_resident_memory_bytes");
    expect(memory.map(({ labels }) => labels.worker)).toEqual(expect.arrayContaining(["0", "1"]));
    for (const { value } of memory) expect(value).toBeGreaterThan(10 * 1024 * 1024);
    expect(metric(after, "holdfast_broker_ready", { worker: "0" })).toBe(1);
    for (const client of clients) await client.close();
    // A client knows of its end before the worker has heard of it.
    const closed = metric(before, "holdfast_connections_closed_total") + 10;
    await eventually("ten connections are counted as closed", async () => {
      return metric(await scrape(), "holdfast_connections_closed_total") === closed;
    });
  });
});

describe("the admin API", () => {
  const json = { "Content-Type": "application/json" };
  const wrong: [what: string, path: string, init: RequestInit, status: number][] = [
    ["an unknown path", "/nope", {}, 404],
    ["a wrong method", "/api/publish", {}, 405],
    ["another type than JSON", "/api/publish", { method: "POST", body: "{}" }, 415],
    ["a body that is not JSON", "/api/publish", { method: "POST", headers: json, body: "{" }, 400],
    ["no channel", "/api/publish", { method: "POST", headers: json, body: '{"data":1}' }, 400],
    [
      "a bad channel",
      "/api/publish",
      { method: "POST", headers: json, body: '{"channel":"a b","data":1}' },
      400,
    ],
    ["no data", "/api/publish", { method: "POST", headers: json, body: '{"channel":"a"}' }, 400],
    ["no data to broadcast", "/api/broadcast", { method: "POST", headers: json, body: "null" }, 400],
    [
      "a publication that is too big",
      "/api/publish",
      { method: "POST", headers: json, body: `{"channel":"a","data":"${"x".repeat(2000)}"}` },
      413,
    ],
  ];

  test.each(wrong)("answers %s with a sentence", async (_what, path, init, status) => {
    const answer = await gateway.adminGet(path, init);
    expect(answer.status).toBe(status);
    const { error } = JSON.parse(answer.text);
    expect(error.name).toMatch(/^[a-z_]+$/);
    expect(error.message).toMatch(/^[A-Z`].{10,}\.$/);
    expect(answer.text).not.toMatch(/node_modules|\.js:|\/src\//);
  });

  test("refuses a page that reaches it under another name", async () => {
    const { request } = await import("node:http");
    const status = await new Promise<number>((resolve, reject) => {
      request(`${gateway.admin}/metrics`, { headers: { Host: "attacker.example" } }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      })
        .on("error", reject)
        .end();
    });
    expect(status).toBe(403);
  });

  test("wants the key where there is one, and the cli can present it", async () => {
    const key = "correct-horse-battery-staple";
    const locked = own.add(
      await GatewayProcess.start({ env: { HOLDFAST_ADMIN_KEY: key }, until: "listening" }),
    );
    const authorized = { headers: { Authorization: `Bearer ${key}` } };
    expect((await locked.adminGet("/metrics")).status).toBe(401);
    expect((await locked.adminGet("/metrics", { headers: { Authorization: "Bearer wrong" } })).status).toBe(
      401,
    );
    expect((await locked.adminGet("/metrics", authorized)).status).toBe(200);
    const refused = own.add(Program.holdfast(["publish", "news", "1", "--admin", locked.admin]));
    expect(await refused.exit()).toEqual({ code: 1, signal: null });
    expect(refused.output).toMatch(/wants a key: say --admin-key/);
    const cli = own.add(
      Program.holdfast(["publish", "news", "1", "--admin", locked.admin, "--admin-key", key]),
    );
    expect(await cli.exit()).toEqual({ code: 0, signal: null });
    expect(locked.program.output).not.toContain(key);
  });
});
