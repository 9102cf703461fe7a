/**
 * The first connections after a start: from the first 200 of /healthz on, clients that subscribe are served.
 */
import { connect } from "node:net";
import { RedisServer } from "@holdfast/redis/testing";
import { afterEach, describe, expect, jest, test } from "@jest/globals";
import { eventually, within } from "./deadline.js";
import { freePorts } from "./free-ports.js";
import { GatewayProcess } from "./gateway-process.js";
import { PlainClient } from "./plain-client.js";
import { Program } from "./program.js";
import { Resources } from "./resources.js";

jest.setTimeout(90_000);

const own = new Resources();
afterEach(() => own.close());

const CONNECTIONS = 600;
const EACH_MS = 7;
const UPGRADE =
  "GET /ws?channels=sport HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: QUJDREVGR0hJSktMTU5PUA==\r\n\r\n";

interface Started {
  readonly program: Program;
  readonly port: number;
}

async function start(...args: readonly string[]): Promise<Started> {
  const port = await freePorts(2);
  const ports = ["--port", String(port), "--admin-port", String(port + 1)];
  return { program: own.add(Program.holdfast(["start", ...ports, "--workers", "3", ...args])), port };
}

async function health(port: number): Promise<number> {
  const options = { headers: { Connection: "close" }, signal: AbortSignal.timeout(500) };
  const answer = await fetch(`http://127.0.0.1:${port}/healthz`, options).catch(() => undefined);
  return answer?.status ?? 0;
}

/** The status that one upgrade is answered with. */
function upgrade(port: number): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  own.add({ close: () => socket.destroy() });
  const answer = new Promise<string>((resolve) => {
    socket.on("error", ({ message }) => resolve(message));
    socket.once("data", (data) => resolve(data.toString("latin1").split(" ")[1] ?? ""));
  });
  socket.write(UPGRADE);
  return within(answer, "an answer to the upgrade");
}

/** Connects in small bursts, far faster than the workers' reports come. */
async function storm(port: number): Promise<readonly string[]> {
  const all: Promise<string>[] = [];
  while (all.length < CONNECTIONS) {
    for (let i = 0; i < 10; i++) all.push(upgrade(port));
    await new Promise((resolve) => setTimeout(resolve, EACH_MS));
  }
  return [...new Set(await Promise.all(all))];
}

describe("from the first 200 of /healthz on", () => {
  test.each([1, 2])("no connection is refused, with Redis (start %i)", async () => {
    const redis = own.add(await RedisServer.start());
    const { port } = await start("--redis", redis.url);
    await eventually("healthy", async () => (await health(port)) === 200);
    expect(await storm(port)).toEqual(["101"]);
  });

  test("no connection is refused, with the embedded broker", async () => {
    const { port } = await start();
    await eventually("healthy", async () => (await health(port)) === 200);
    expect(await storm(port)).toEqual(["101"]);
  });
});

test("where Redis is away, a start serves without it after brokerWait, and says so", async () => {
  const away = await freePorts(1);
  const { program, port } = await start("--redis", `redis://127.0.0.1:${away}`, "--broker-wait", "1200ms");
  let healthy = false;
  const line = program.line((text) => text.includes("serving without it until it can"));
  await eventually("healthy", async () => {
    healthy = (await health(port)) === 200;
    return healthy;
  });
  await within(line, "the warning");
  expect(program.lines.findIndex((text) => text.includes("serving without it"))).toBeGreaterThanOrEqual(0);
});

test("while Redis is away, no health check is answered with 200 before brokerWait ends, and then at once when it comes", async () => {
  const away = await freePorts(1);
  const { program, port } = await start("--redis", `redis://127.0.0.1:${away}`, "--broker-wait", "20s");
  await within(
    program.line((text) => /cannot reach Redis/i.test(text)),
    "the outage is said",
  );
  const asked: number[] = [];
  while (asked.length < 8) asked.push(await health(port));
  expect(asked).not.toContain(200);
  own.add(await RedisServer.start({ port: away }));
  await eventually("healthy", async () => (await health(port)) === 200);
  expect(await upgrade(port)).toBe("101");
  expect(program.lines.filter((text) => text.includes("serving without it"))).toEqual([]);
});

test("a reload while Redis is away ends after brokerWait for each worker, and nothing is refused meanwhile", async () => {
  const redis = own.add(await RedisServer.start());
  const args = ["--redis", redis.url, "--broker-wait", "1500ms", "--drain-window", "300ms"];
  const gateway = own.add(await GatewayProcess.start({ args }));
  const before = new Set(gateway.workerPids());
  await redis.kill();
  await gateway.notReady();
  const reloaded = gateway.logged(({ msg }) => msg.includes("all workers are new"));
  let isReloaded = false;
  void reloaded.then(() => {
    isReloaded = true;
  });
  gateway.signal("SIGHUP");
  const seen = new Set<number>();
  while (!isReloaded) {
    seen.add((await gateway.get("/healthz")).status);
    await new Promise((resolve) => setTimeout(resolve, EACH_MS));
  }
  expect([...seen]).toEqual([200]);
  await reloaded;
  expect(gateway.workerPids().some((pid) => before.has(pid))).toBe(false);
  await redis.restart();
  await gateway.ready(30_000);
  const client = await PlainClient.subscribed(gateway.ws("channels=sport"));
  await gateway.publish("sport", 1);
  expect(await client.nextMessage()).toContain('"data":1');
  await client.close();
});
