import { describe, expect, test } from "@jest/globals";
import { isLoopback, parseTarget } from "./target.js";

describe("a target", () => {
  test("is a host, a port or a range of ports, and a path", () => {
    expect(parseTarget("ws://127.0.0.1:8080-8082/ws")).toEqual({
      host: "127.0.0.1",
      ports: [8080, 8081, 8082],
      path: "/ws",
    });
    expect(parseTarget("ws://gateway.example:80")).toEqual({
      host: "gateway.example",
      ports: [80],
      path: "/ws",
    });
    expect(parseTarget("ws://[::1]:80/x").host).toBe("::1");
  });

  test("without a path it is the transport's", () => {
    expect(parseTarget("http://127.0.0.1:1", "sse").path).toBe("/sse");
    expect(parseTarget("http://127.0.0.1:1", "poll").path).toBe("/poll");
    expect(parseTarget("http://127.0.0.1:1/x/poll", "poll").path).toBe("/x/poll");
  });

  test.each([
    ["wss://a:1/ws", "no TLS"],
    ["https://a:1/sse", "no TLS"],
    ["ftp://a:1/ws", "must be ws://"],
    ["ws://a/ws", "must be ws://"],
    ["ws://a:1/ws?x=1", "must be ws://"],
    ["ws://a:9-8/ws", "before the first"],
    ["ws://a:0/ws", "1 to 65535"],
    ["ws://a:65535-65536/ws", "1 to 65535"],
    ["ws://a:1-300/ws", "at most 256"],
  ])("%s is refused with a reason", (text, why) => {
    expect(() => parseTarget(text)).toThrow(why);
  });

  test.each(["ws://a:1/ws?token=hush", "wss://ann:hush@a:1/ws", "ann:hush@a:1", "ws://a:1/ws#hush"])(
    "%s is refused without its secret",
    (text) => {
      expect(() => parseTarget(text)).toThrow(/^(?!.*hush)the target/);
    },
  );

  test("only 127.x.x.x lets us choose a source address", () => {
    expect(isLoopback(parseTarget("ws://127.0.0.1:1"))).toBe(true);
    expect(isLoopback(parseTarget("ws://10.0.0.1:1"))).toBe(false);
    expect(isLoopback(parseTarget("ws://localhost:1"))).toBe(false);
  });
});
