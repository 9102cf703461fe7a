import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { RedisInspector } from "./inspector.js";
import { parseRedisUrl, type RedisTarget } from "./target.js";
import { RedisServer } from "./testing/redis-server.js";

const targetOf = (url: string): RedisTarget => parseRedisUrl(url) as RedisTarget;

describe("an inspector", () => {
  let server: RedisServer;
  beforeEach(async () => {
    server = await RedisServer.start({ args: ["--requirepass", "open-sesame"] });
  });
  afterEach(() => server.close());

  it("asks what it likes and measures the way", async () => {
    const target = targetOf(`redis://:open-sesame@127.0.0.1:${server.port}`);
    const inspector = await RedisInspector.open({ target, timeoutMs: 5000 });
    expect(await inspector.ask("ECHO", "hello")).toBe("hello");
    expect(await inspector.roundTrip()).toBeGreaterThan(0);
    await expect(inspector.ask("NO-SUCH")).rejects.toThrow("unknown command");
    await inspector.close();
    await inspector.close();
  });

  it("says why it does not get in, without the password", async () => {
    const wrong = targetOf(`redis://:close-sesame@127.0.0.1:${server.port}`);
    await expect(RedisInspector.open({ target: wrong, timeoutMs: 5000 })).rejects.toThrow("WRONGPASS");
    const gone = targetOf("redis://:close-sesame@127.0.0.1:1");
    await expect(RedisInspector.open({ target: gone, timeoutMs: 5000 })).rejects.toThrow("ECONNREFUSED");
  });

  it("does not wait for a server that stands still", async () => {
    const target = targetOf(`redis://:open-sesame@127.0.0.1:${server.port}`);
    const inspector = await RedisInspector.open({ target, timeoutMs: 300 });
    server.pause();
    await expect(inspector.ask("PING")).rejects.toThrow("no answer within 300 ms");
    server.resume();
    await inspector.close();
  });
});
