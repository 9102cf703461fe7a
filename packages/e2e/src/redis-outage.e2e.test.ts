/**
 * Redis goes away and comes back: stopped, frozen, or not there at the start.
 *
 * The claims: connected clients stay connected, what cannot work says so and is temporary, everything resumes
 * by itself without a restart.
 */

import { Client, type ClientOptions } from "@holdfast/client";
import { RedisServer } from "@holdfast/redis/testing";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { Redis } from "ioredis";
import { WebSocket } from "ws";
import { eventually } from "./deadline.js";
import { freePorts } from "./free-ports.js";
import { GatewayProcess } from "./gateway-process.js";
import { HandshakeRefused, PlainClient } from "./plain-client.js";
import { Program } from "./program.js";
import { RedisPublisher } from "./redis-publisher.js";
import { Resources } from "./resources.js";

jest.setTimeout(90_000);

const own = new Resources();
afterEach(() => own.close());

const sdkOptions = { WebSocket: WebSocket as unknown as NonNullable<ClientOptions["WebSocket"]> };

describe("while Redis is away", () => {
  let redis: RedisServer;
  let gateway: GatewayProcess;
  let plain: PlainClient & { sid: string };
  let commands: PlainClient & { sid: string };
  let sdk: Client;
  let sdkReceived: unknown[];
  let sdkGaps: unknown[];

  beforeEach(async () => {
    redis = own.add(await RedisServer.start());
    gateway = own.add(await GatewayProcess.start({ args: ["--redis", redis.url] }));
    plain = own.add(await PlainClient.subscribed(gateway.ws("channels=news")));
    commands = own.add(await PlainClient.connected(gateway.ws(), ["demo:c"]));
    sdk = own.add(new Client(gateway.ws(), sdkOptions));
    sdkReceived = [];
    sdkGaps = [];
    sdk
      .subscribe("news", ({ data }) => sdkReceived.push(data))
      .on("gap", ({ reason }) => sdkGaps.push(reason));
    await sdk.connect();
  });

  /**
   * Each worker has lost its link. Each asks Redis at a time of its own: an outage that ends between two of
   * its questions is none for its clients, who are told no gap.
   */
  async function everyWorkerNoticed(): Promise<void> {
    for (const worker of [0, 1])
      await gateway.logged(({ msg, ...fields }) => msg === "lost Redis" && fields.worker === worker);
  }

  /** Everything works, for clients that were connected before and for new ones. */
  async function recovered(): Promise<void> {
    await gateway.ready(30_000);
    const backend = own.add(await RedisPublisher.connect(redis.port));
    await eventually("old subscriptions work", async () => {
      await backend.publish("holdfast:channel:news", '"back"');
      return plain.all.some((message) => message.includes("back")) && sdkReceived.includes("back");
    });
    // Nothing proves what a channel without history missed: its listeners are told.
    await eventually("a gap is told", () => {
      const gap = '{"gap":{"channel":"news","reason":"unverifiable"}}';
      return plain.all.some((message) => message.includes(gap)) && sdkGaps.includes("unverifiable");
    });
    await eventually("broadcasts work", async () => {
      await backend.publish("holdfast:broadcast", '"all"');
      return [plain, commands].every(({ all }) => all.some((message) => message.includes('"all"')));
    });
    expect(await commands.command("publish", { channel: "demo:c", data: "own" })).toHaveProperty("publish");
    expect(await commands.command("subscribe", { channel: "late" })).toHaveProperty("subscribe");
    const fresh = own.add(await PlainClient.subscribed(gateway.ws("channels=news")));
    await backend.publish("holdfast:channel:news", '"fresh"');
    await fresh.until('"fresh"');
    // No client was disconnected meanwhile.
    expect(plain.ending).toBeUndefined();
    expect(commands.ending).toBeUndefined();
    expect(gateway.workerPids()).toHaveLength(2);
  }

  test("stopped: clients stay, commands fail for now, and all of it comes back", async () => {
    const states: string[] = [];
    sdk.on("state", ({ name }) => states.push(name));
    const sdkErrors: boolean[] = [];
    sdk.on("error", ({ temporary }) => sdkErrors.push(temporary));

    await redis.stop();
    expect(await gateway.notReady()).toMatch(/broker cannot be reached/);
    expect((await gateway.adminGet("/livez")).status).toBe(200);
    expect((await gateway.get("/healthz")).status).toBe(200);

    const refused = await eventually("a publication is refused", async () => {
      const reply = await commands.command("publish", { channel: "demo:c", data: 1 });
      return reply.error;
    });
    expect(refused).toMatchObject({ code: 113, name: "unavailable", temporary: true });
    expect((await commands.command("subscribe", { channel: "late" })).error).toMatchObject({
      temporary: true,
    });

    const late: unknown[] = [];
    sdk.subscribe("later", ({ data }) => late.push(data));
    await eventually("the SDK hears that it has to wait", () => sdkErrors.length > 0);
    expect(sdkErrors.every((temporary) => temporary)).toBe(true);

    const turnedAway = await PlainClient.connect(gateway.ws("channels=news")).catch(
      (error: unknown) => error,
    );
    expect(turnedAway).toBeInstanceOf(HandshakeRefused);
    const { status, body, headers } = turnedAway as HandshakeRefused;
    expect(status).toBe(503);
    expect(Number(headers["retry-after"])).toBeGreaterThan(0);
    expect(JSON.parse(body).error.name).toBe("unavailable");

    const cli = own.add(Program.holdfast(["publish", "news", "1", "--admin", gateway.admin]));
    expect(await cli.exit()).toEqual({ code: 1, signal: null });
    expect(cli.lines).toHaveLength(1);
    expect(cli.output).toMatch(/503/);

    await redis.restart();
    await recovered();
    const backend = own.add(await RedisPublisher.connect(redis.port));
    await eventually("what the SDK asked for meanwhile is subscribed", async () => {
      await backend.publish("holdfast:channel:later", '"late"');
      return late.includes("late");
    });
    expect(states).toEqual([]);
  });

  test("frozen: nothing is closed by Redis, it is noticed all the same", async () => {
    redis.pause();
    expect(await gateway.notReady()).toMatch(/broker cannot be reached/);
    expect((await commands.command("publish", { channel: "demo:c", data: 1 })).error).toMatchObject({
      temporary: true,
    });
    await everyWorkerNoticed();
    redis.resume();
    await recovered();
  });

  test("demoted without hanging up: publications and orders are refused until it is a master again", async () => {
    const other = own.add(await RedisServer.start());
    const backend = new Redis(redis.port, "127.0.0.1");
    try {
      await backend.replicaof("127.0.0.1", other.port);
      const requests: readonly (readonly [string, object])[] = [
        ["/api/publish", { channel: "news", data: 1 }],
        ["/api/broadcast", { data: 1 }],
        ["/api/message", { user: "ann", data: 1 }],
        ["/api/disconnect", { user: "ann" }],
        ["/api/subscribe", { user: "ann", channel: "news" }],
      ];
      for (const [path, body] of requests)
        await eventually(
          `${path} is refused`,
          async () => (await gateway.adminPost(path, body)).status === 503,
        );
      for (const [path, body] of requests)
        expect([path, (await gateway.adminPost(path, body)).status]).toEqual([path, 503]);
      await everyWorkerNoticed();
      await backend.replicaof("NO", "ONE");
    } finally {
      backend.disconnect();
    }
    await recovered();
  });

  test("killed and replaced again and again: it still comes back", async () => {
    for (let round = 0; round < 3; round++) {
      await redis.kill();
      await gateway.notReady();
      await redis.restart();
      await gateway.ready(30_000);
    }
    await recovered();
  });
});

describe("when Redis is away at the start", () => {
  test("the gateway lives, is not ready, says why, and becomes ready by itself", async () => {
    const port = await freePorts(1);
    const args = ["--redis", `redis://:secret-word@127.0.0.1:${port}`];
    const gateway = own.add(await GatewayProcess.start({ args, until: "listening" }));
    expect(await gateway.notReady()).toMatch(/broker cannot be reached/);
    expect((await gateway.adminGet("/livez")).status).toBe(200);
    await gateway.logged(({ msg, ...fields }) => /redis/i.test(msg + JSON.stringify(fields)));
    const early = await PlainClient.connect(gateway.ws("channels=news")).catch((error: unknown) => error);
    expect(early).toMatchObject({ status: 503 });
    const waiting = own.add(new Client(gateway.ws(), sdkOptions));
    const received: unknown[] = [];
    waiting.subscribe("news", ({ data }) => received.push(data));
    await waiting.connect();

    own.add(await RedisServer.start({ port, args: ["--requirepass", "secret-word"] }));
    await gateway.ready(30_000);
    await eventually("the early subscription works", async () => {
      await gateway.publish("news", "here");
      return received.includes("here");
    });
    expect(gateway.program.output).not.toContain("secret-word");
  });
});
