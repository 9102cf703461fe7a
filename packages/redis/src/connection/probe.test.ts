import { systemClock } from "@holdfast/core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import { DeadlineExceeded } from "../runtime/deadline.js";
import { RedisServer } from "../testing/index.js";
import { Probe } from "./probe.js";

/** Two servers that share nothing are two members that have lost each other. */
describe("a probe", () => {
  let member: RedisServer;
  let stranger: RedisServer;
  let subscriber: Redis;
  let probe: Probe;
  const clients: Redis[] = [];

  function connect(port: number, host = "127.0.0.1"): Redis {
    const client = new Redis(port, host);
    clients.push(client);
    return client;
  }

  beforeAll(async () => {
    [member, stranger] = await Promise.all([RedisServer.start(), RedisServer.start()]);
    subscriber = connect(member.port);
  });
  afterAll(async () => {
    for (const client of clients) client.disconnect();
    await Promise.all([member.close(), stranger.close()]);
  });
  beforeEach(async () => {
    // Far longer than a way through a busy machine.
    probe = await Probe.start(subscriber, "probe:1", systemClock, 10_000);
  });

  test("comes through when another member still reaches ours", async () => {
    // By another name it is another member, to the probe.
    await probe.run([connect(member.port, "localhost")], Math.random);
  });

  test("fails when no other member reaches ours", async () => {
    probe = await Probe.start(subscriber, "probe:2", systemClock, 100);
    await expect(probe.run([connect(stranger.port)], Math.random)).rejects.toBeInstanceOf(DeadlineExceeded);
  });

  test("one member that reaches ours is enough", async () => {
    await probe.run([connect(stranger.port), connect(member.port, "localhost")], Math.random);
  });

  test("our own member is not asked, and without another one nothing is known", async () => {
    await probe.run([connect(member.port)], Math.random);
    await probe.run([], Math.random);
  });

  test("members that cannot be reached prove nothing", async () => {
    const gone = connect(stranger.port);
    gone.disconnect();
    await probe.run([gone], Math.random);
  });
});
