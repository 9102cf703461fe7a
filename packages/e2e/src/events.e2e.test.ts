/**
 * Events for backends: two workers on a Redis, read as docs/operations.md says.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { RedisServer } from "@holdfast/redis/testing";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { Redis } from "ioredis";
import { eventually } from "./deadline.js";
import { GatewayProcess } from "./gateway-process.js";
import { metric } from "./metrics-text.js";
import { PlainClient } from "./plain-client.js";

jest.setTimeout(90_000);

const operations = readFileSync(new URL("../../../docs/operations.md", import.meta.url), "utf8");

const NAMESPACES = JSON.stringify({ room: { presence: true } });

type Event = Readonly<Record<string, string>>;

describe("events for backends", () => {
  let server: RedisServer;
  let redis: Redis;
  let gateway: GatewayProcess;
  let consumer: ChildProcess | undefined;
  beforeEach(async () => {
    server = await RedisServer.start({ args: ["--appendonly", "yes", "--appendfsync", "always"] });
    redis = new Redis(server.port, "127.0.0.1", { retryStrategy: () => 50 });
    redis.on("error", () => {});
    gateway = await GatewayProcess.start({
      args: ["--redis", server.url, "--events", "--namespaces", NAMESPACES],
    });
  });
  afterEach(async () => {
    consumer?.kill("SIGKILL");
    redis.disconnect();
    await gateway.close();
    await server.close();
  });

  async function events(): Promise<Event[]> {
    const entries = await redis.xrange("holdfast:events", "-", "+");
    return entries.map(([, fields]) =>
      Object.fromEntries(fields.flatMap((name, i) => (i % 2 === 0 ? [[name, fields[i + 1] ?? ""]] : []))),
    );
  }

  const until = (what: string, enough: (all: Event[]) => boolean): Promise<Event[]> =>
    eventually(what, async () => {
      const all = await events();
      return enough(all) && all;
    });

  test("tell of connections and messages, each in its order and once", async () => {
    const clients = await Promise.all(Array.from({ length: 10 }, () => PlainClient.connected(gateway.ws())));
    for (const [i, client] of clients.entries())
      for (let n = 0; n < 5; n++) expect((await client.command("send", { data: { i, n } })).send).toEqual({});
    // Answered means that it can be read.
    expect((await events()).filter(({ event }) => event === "message")).toHaveLength(50);
    for (const client of clients.slice(5)) await client.close();
    await gateway.stop();
    const all = await events();
    for (const [i, client] of clients.entries()) {
      const own = all.filter(({ session }) => session === client.sid.slice(4));
      expect(own.map(({ event, data, code }) => data ?? code ?? event)).toEqual([
        "connect",
        ...[0, 1, 2, 3, 4].map((n) => `{"i":${i},"n":${n}}`),
        i < 5 ? "3000" : "disconnect",
      ]);
    }
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    for (const source of new Set(all.map(({ id = "" }) => id.split("-")[0]))) {
      const numbers = all.flatMap(({ id = "" }) => (id.startsWith(`${source}-`) ? [id.split("-")[1]] : []));
      expect(numbers).toEqual(numbers.map((_, n) => String(n + 1)));
    }
  });

  test("wait for a Redis that is away, while clients are told that it is", async () => {
    const client = await PlainClient.connected(gateway.ws());
    await client.command("send", { data: "before" });
    await server.stop();
    await gateway.notReady();
    expect((await client.command("send", { data: "during" })).error).toMatchObject({ name: "unavailable" });
    await client.close();
    await server.restart();
    const all = await until("the end is told", (each) => each.some(({ event }) => event === "disconnect"));
    expect(all.map(({ event }) => event)).toEqual(["connect", "message", "disconnect"]);
    const metrics = (await gateway.adminGet("/metrics")).text;
    expect(metric(metrics, "holdfast_events_dropped_total")).toBe(0);
  });

  test("reach the consumer of docs/operations.md, also what came while it was down", async () => {
    const program = /```js\n(\/\/ consumer\.mjs[\s\S]*?)\n```/.exec(operations)?.[1] ?? "";
    let output = "";
    const start = (): void => {
      consumer = spawn(
        process.execPath,
        ["--input-type=module", "-e", program, "--", "consumer.mjs", server.url],
        {
          cwd: new URL("..", import.meta.url),
          stdio: ["ignore", "pipe", "inherit"],
        },
      );
      consumer.stdout?.on("data", (chunk: Buffer) => {
        output += String(chunk);
      });
    };
    start();
    await eventually("the consumer's group", async () => {
      const groups = await redis.xinfo("GROUPS", "holdfast:events").catch(() => []);
      return (groups as unknown[]).length === 1;
    });
    const client = await PlainClient.connected(gateway.ws());
    await client.command("send", { data: { vote: 1 } });
    await eventually("the first vote", () => output.includes("{ vote: 1 }"));
    consumer?.kill("SIGKILL");
    await client.command("send", { data: { vote: 2 } });
    start();
    await eventually("the second vote", () => output.includes("{ vote: 2 }"));
    expect(output.match(/vote: 1/g)).toHaveLength(1);
    expect(output).toContain(`${client.sid.slice(4)} anonymous`);
    await client.close();
  });

  test("tell of channels that get their first member and lose their last, by rising versions", async () => {
    const subscribe = { channel: "room:1", presence: true };
    for (let round = 0; round < 3; round++) {
      const [first, second] = [
        await PlainClient.connected(gateway.ws()),
        await PlainClient.connected(gateway.ws()),
      ];
      expect((await first.command("subscribe", subscribe)).error).toBeUndefined();
      await second.command("subscribe", subscribe);
      // Each worker tells the store of its members by itself: without this the second might come after the
      // first has left.
      await eventually("both are there", async () => {
        const { presence } = await first.command("presence", { channel: "room:1", limit: 0 });
        return presence.sessions === 2;
      });
      await first.command("unsubscribe", { channel: "room:1" });
      await second.command("unsubscribe", { channel: "room:1" });
      await Promise.all([first.close(), second.close()]);
      await until(
        "the room is empty",
        (each) => each.filter(({ event }) => event === "vacated").length > round,
      );
    }
    const told = (await events()).filter(({ channel }) => channel === "room:1");
    expect(told.map(({ event }) => event)).toEqual(Array(3).fill(["occupied", "vacated"]).flat());
    const versions = told.map(({ version }) => Number(version));
    expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));
    for (const { time } of told) expect(Math.abs(Date.now() - Number(time))).toBeLessThan(60_000);
  });

  test("can be looked at with redis-cli as docs/operations.md says", async () => {
    const client = await PlainClient.connected(gateway.ws());
    await client.command("send", { data: "hello" });
    const command = /^redis-cli (XRANGE holdfast:events .*)$/m.exec(operations)?.[1] ?? "";
    const seen = execFileSync("redis-cli", ["-p", String(server.port), ...command.split(" ")], {
      encoding: "utf8",
    });
    expect(seen.split("\n")).toEqual(expect.arrayContaining(["event", "connect", "message", '"hello"']));
    await client.close();
  });
});

test("without events a client's message is refused", async () => {
  const gateway = await GatewayProcess.start();
  try {
    const client = await PlainClient.connected(gateway.ws());
    expect((await client.command("send", { data: 1 })).error).toMatchObject({ code: 124, name: "no_events" });
    await client.close();
  } finally {
    await gateway.close();
  }
});
