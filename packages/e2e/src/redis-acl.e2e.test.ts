/**
 * The ACLs of docs/operations.md on a real Redis: the gateway does all that it does, backends do theirs and
 * nothing else.
 */
import { readFileSync } from "node:fs";
import { RedisServer } from "@holdfast/redis/testing";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { Redis } from "ioredis";
import { eventually } from "./deadline.js";
import { GatewayProcess } from "./gateway-process.js";
import { PlainClient } from "./plain-client.js";

jest.setTimeout(90_000);

const operations = readFileSync(new URL("../../../docs/operations.md", import.meta.url), "utf8");
const USERS = [...operations.matchAll(/^ACL SETUSER (holdfast|backend) (.*)$/gm)];

describe("the ACLs of docs/operations.md", () => {
  let server: RedisServer;
  let admin: Redis;
  let backend: Redis;
  let gateway: GatewayProcess;
  beforeEach(async () => {
    server = await RedisServer.start();
    admin = new Redis(server.port, "127.0.0.1");
    expect(USERS).toHaveLength(2);
    for (const [, name = "", rules = ""] of USERS)
      await admin.call("ACL", "SETUSER", name, ...rules.split(" "));
    backend = new Redis({
      port: server.port,
      username: "backend",
      password: "secret2",
      enableReadyCheck: false,
    });
    const url = server.url.replace("redis://", "redis://holdfast:secret1@");
    const namespaces = JSON.stringify({ room: { clientPublish: true, historySize: 10, presence: true } });
    gateway = await GatewayProcess.start({ args: ["--redis", url, "--events", "--namespaces", namespaces] });
  });
  afterEach(async () => {
    admin.disconnect();
    backend.disconnect();
    await gateway.close();
    await server.close();
  });

  test("let the gateway do all that it does", async () => {
    const client = await PlainClient.connected(gateway.ws(), ["room:a"]);
    expect(await client.command("publish", { channel: "room:a", data: 1, key: "k" })).toHaveProperty(
      "publish",
    );
    expect(await client.command("publish", { channel: "news", data: 1 })).toHaveProperty("error");
    expect(await client.command("history", { channel: "room:a" })).toHaveProperty("history");
    const present = await eventually("presence", async () => {
      const { presence } = await client.command("presence", { channel: "room:a" });
      return presence?.sessions === 1 && presence;
    });
    expect(present).toMatchObject({ sessions: 1 });
    expect(await client.command("send", { data: 1 })).toHaveProperty("send");
    expect((await gateway.adminPost("/api/publish", { channel: "room:a", data: 2, key: "k" })).status).toBe(
      200,
    );
    expect((await gateway.adminPost("/api/publish", { channel: "news", data: 2, key: "k" })).status).toBe(
      200,
    );
    expect((await gateway.adminPost("/api/revoke", { user: "someone" })).status).toBe(200);
    await backend.xadd("holdfast:ingest", "*", "channel", "room:a", "data", '"by ingest"');
    await eventually("ingest", () => client.all.some((line) => line.includes("by ingest")));
    await client.close();
    await eventually("the events", async () => (await admin.xlen("holdfast:events")) >= 3);
    expect((await admin.call("ACL", "LOG")) as unknown[]).toEqual([]);
  });

  test("let backends publish, and neither read the secret, say where instances are nor cut them off", async () => {
    const listener = await PlainClient.subscribed(gateway.ws("channels=room:b"));
    for (const [channel, heard] of [
      ["holdfast:channel:room:b", '"to a channel"'],
      ["holdfast:broadcast", '"to all"'],
    ] as const) {
      await backend.publish(channel, heard);
      await eventually(heard, () => listener.all.some((line) => line.includes(heard)));
    }
    await backend.publish("holdfast:user:7", "1");
    await backend.publish("holdfast:control", '{"op":"disconnect","user":"nobody"}');
    expect(await admin.exists("holdfast:secret")).toBe(1);
    for (const command of [
      ["GET", "holdfast:secret"],
      ["GETRANGE", "holdfast:secret", "0", "-1"],
      ["DUMP", "holdfast:secret"],
      ["SET", "holdfast:worker:AAAA", "10.6.6.6:80"],
      ["EVAL", "return redis.call('GET', KEYS[1])", "1", "holdfast:secret"],
      ["XRANGE", "holdfast:log:{channel:room:b}", "-", "+"],
      ["XADD", "holdfast:events", "*", "event", "connect"],
      ["SUBSCRIBE", "holdfast:user:7"],
      ["PUBLISH", "other", "1"],
      ["FLUSHALL"],
      ["CONFIG", "GET", "*"],
      ["CLIENT", "KILL", "USER", "holdfast"],
      ["CLIENT", "PAUSE", "10"],
      ["CLIENT", "LIST"],
      ["KEYS", "*"],
      ["SCRIPT", "FLUSH"],
    ])
      await expect(backend.call(command[0] ?? "", ...command.slice(1))).rejects.toThrow(/NOPERM/);
  });
});
