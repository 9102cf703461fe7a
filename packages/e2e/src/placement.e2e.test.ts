/**
 * History and presence on Redis servers of their own: what is where, and what an outage of one leaves alone.
 */
import { errors } from "@holdfast/protocol";
import { RedisServer } from "@holdfast/redis/testing";
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { Redis } from "ioredis";
import { eventually } from "./deadline.js";
import { GatewayProcess } from "./gateway-process.js";
import { PlainClient } from "./plain-client.js";
import { Program } from "./program.js";
import { Resources } from "./resources.js";

jest.setTimeout(120_000);

const own = new Resources();
let servers: Record<"rest" | "history" | "presence", RedisServer>;
let gateways: GatewayProcess[];
let client: PlainClient & { sid: string };

const NAMESPACES = JSON.stringify({
  kept: { historySize: 50, clientPublish: true },
  live: { clientPublish: true },
  room: { presence: true, joinLeave: "session", clientPublish: true },
});

beforeEach(async () => {
  const [rest, history, presence] = await Promise.all([
    RedisServer.start(),
    RedisServer.start(),
    RedisServer.start(),
  ]);
  servers = { rest, history, presence };
  for (const server of Object.values(servers)) own.add(server);
  const args = ["--redis", rest.url, "--redis-history", history.url, "--redis-presence", presence.url];
  gateways = await Promise.all(
    Array.from({ length: 2 }, () =>
      GatewayProcess.start({ args: [...args, "--namespaces", NAMESPACES, "--presence-lease", "3s"] }),
    ),
  );
  for (const gateway of gateways) own.add(gateway);
  client = own.add(await PlainClient.connected(ws(0), ["kept:1", "live:1", "room:1"]));
});
afterEach(() => own.close());

function ws(of: number): string {
  return gateways[of]?.ws() ?? "";
}

/** Published on the other instance, and heard here. */
async function passes(channel: string, data: string): Promise<void> {
  await gateways[1]?.publish(channel, data);
  await client.until(`"${data}"`);
}

/** All that /readyz says, once it says that. */
async function says(gateway: GatewayProcess, text: string): Promise<void> {
  await eventually(`/readyz says ${text}`, async () => (await gateway.notReady()) === text);
}

async function sessions(): Promise<number | undefined> {
  return (await client.command("presence", { channel: "room:1", limit: 0 })).presence?.sessions;
}

async function parts(of: GatewayProcess): Promise<readonly string[]> {
  const { text } = await of.adminGet("/metrics");
  return text.split("\n").filter((line) => /^holdfast_broker(_part)?_ready.* 0$/.test(line));
}

test("what is where, over two instances", async () => {
  for (const channel of ["kept:1", "live:1", "room:1"]) await passes(channel, `to ${channel}`);
  await eventually("one is there", async () => (await sessions()) === 1);
  const answer = await client.command("history", { channel: "kept:1", limit: 10 });
  expect(answer.history?.publications).toHaveLength(1);
  const keys = async ({ port }: RedisServer): Promise<string> => {
    const redis = new Redis(port, "127.0.0.1");
    const all = await redis.keys("*");
    redis.disconnect();
    return all.join(" ");
  };
  const [rest, history, presence] = await Promise.all(Object.values(servers).map(keys));
  expect(rest).toContain("holdfast:secret");
  expect(rest).not.toMatch(/holdfast:(log|top|members|leases)/);
  expect(history).toContain("holdfast:log:{channel:kept:1}");
  expect(history).not.toMatch(/holdfast:(secret|members|leases)/);
  expect(presence).toContain("holdfast:members:{presence:room:1}");
  expect(presence).not.toMatch(/holdfast:(secret|log|top)/);
});

test("without the Redis of history: only channels with one; afterwards nothing is missed untold", async () => {
  await passes("kept:1", "before");
  await servers.history.kill();
  const [gateway] = gateways;
  if (gateway === undefined) throw new Error("there is no gateway");
  await says(gateway, "The broker of history cannot be reached by 2 workers.\n");
  const away = await parts(gateway);
  expect(away).toHaveLength(2);
  expect(away.every((line) => line.includes('part="history"'))).toBe(true);
  await passes("live:1", "meanwhile");
  await eventually("presence answers", async () => (await sessions()) === 1);
  expect(await client.command("publish", { channel: "kept:1", data: "no" })).toMatchObject({
    error: { code: errors.unavailable.code },
  });
  // A new client gets all that is not kept.
  const late = own.add(await PlainClient.connected(ws(0), ["live:1"]));
  expect(await late.command("subscribe", { channel: "kept:1" })).toMatchObject({
    error: { code: errors.unavailable.code },
  });
  await servers.history.restart();
  for (const each of gateways) await each.ready(30_000);
  await passes("kept:1", "after");
  const gaps = client.all.filter((each) => each.includes('"gap"'));
  // The server came back without its log: that is told. What has none missed nothing.
  expect(gaps.filter((each) => !each.includes('"kept:1"'))).toEqual([]);
  expect(client.ending).toBeUndefined();
});

test("without the Redis of presence, and without that of all else", async () => {
  const [gateway] = gateways;
  if (gateway === undefined) throw new Error("there is no gateway");
  await eventually("one is there", async () => (await sessions()) === 1);
  await servers.presence.kill();
  await says(gateway, "The broker of presence cannot be reached by 2 workers.\n");
  await passes("kept:1", "kept");
  await passes("live:1", "live");
  expect(client.all.filter((each) => each.includes('"gap"'))).toEqual([]);
  await servers.presence.restart();
  for (const each of gateways) await each.ready(30_000);
  await eventually("one is there again", async () => (await sessions()) === 1);

  await servers.rest.kill();
  await says(gateway, "The broker cannot be reached by 2 workers.\n");
  await passes("kept:1", "kept on");
  expect(await sessions()).toBe(1);
  expect(await client.command("publish", { channel: "live:1", data: "no" })).toMatchObject({
    error: { code: errors.unavailable.code },
  });
  await servers.rest.restart();
  for (const each of gateways) await each.ready(30_000);
  await passes("live:1", "live again");
  const gaps = client.all.filter((each) => each.includes('"gap"'));
  expect(gaps.some((each) => each.includes('"live:1"'))).toBe(true);
  expect(gaps.filter((each) => each.includes('"kept:1"'))).toEqual([]);
  expect(client.ending).toBeUndefined();
});

test("doctor asks each of them", async () => {
  const urls = Object.entries(servers).map(([part, { url }]) => [part, url] as const);
  await servers.presence.kill();
  const args = urls.flatMap(([part, url]) => [part === "rest" ? "--redis" : `--redis-${part}`, url]);
  const env: Record<string, string> = {};
  for (let at = 0; at < args.length; at += 2) {
    const name = `HOLDFAST_${(args[at] ?? "").slice(2).toUpperCase().replaceAll("-", "_")}`;
    env[name] = args[at + 1] ?? "";
  }
  const program = Program.holdfast(["doctor", "--json"], { env });
  await program.exit(60_000);
  await program.gone();
  const text = program.lines.join("\n");
  expect(text).toMatch(/redisPresence: redis:\/\/127\.0\.0\.1:\d+: /);
  await program.close();
});
