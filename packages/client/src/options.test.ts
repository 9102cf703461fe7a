import { readFileSync } from "node:fs";
import { describe, expect, it } from "@jest/globals";
import { WebSocket as WsWebSocket } from "ws";
import { type ClientOptions, resolveOptions, VERSION } from "./options.js";
import { FakeNetwork } from "./testing/fake-web-socket.js";
import type { WebSocketClass } from "./transports/web-socket.js";

const { WebSocket } = new FakeNetwork();

describe("resolveOptions", () => {
  it("fills in the defaults", () => {
    expect(resolveOptions({ WebSocket })).toMatchObject({
      backoff: { minDelayMs: 500, maxDelayMs: 20_000, stableAfterMs: 10_000 },
      commandTimeoutMs: 10_000,
      connectTimeoutMs: 10_000,
      name: `holdfast-js/${VERSION}`,
    });
  });

  it("names the version of the package", () => {
    const manifest = readFileSync(new URL("../package.json", import.meta.url), "utf8");
    expect(JSON.parse(manifest)).toHaveProperty("version", VERSION);
  });

  it("reports every problem at once, with its path", () => {
    const given = {
      WebSocket,
      token: "a",
      getToken: () => "b",
      connectTimeoutMs: 0,
      commandTimeoutMs: Number.NaN,
      backoff: { maxDelayMs: 2 ** 31 },
      reconnect: true,
    } as ClientOptions;
    expect(() => resolveOptions(given)).toThrow(
      "Options of the client: token: not together with getToken; " +
        "backoff.maxDelayMs: 2147483648 is not a number of ms above 0; " +
        "commandTimeoutMs: NaN is not a number of ms above 0; connectTimeoutMs: 0 is not a number of ms above 0; reconnect: no such option",
    );
  });

  it("says what to do where there is no WebSocket", () => {
    const global = globalThis as { WebSocket?: unknown };
    const own = Object.getOwnPropertyDescriptor(global, "WebSocket");
    Object.defineProperty(global, "WebSocket", { value: undefined, configurable: true, writable: true });
    try {
      expect(() => resolveOptions({ transports: ["websocket"] })).toThrow(/Node\.js 22 .*that of ws/);
    } finally {
      if (own === undefined) delete global.WebSocket;
      else Object.defineProperty(global, "WebSocket", own);
    }
  });

  it("says which transport is none", () => {
    const transports = ["websocket", "carrier-pigeon"] as unknown as NonNullable<ClientOptions["transports"]>;
    expect(() => resolveOptions({ WebSocket, transports })).toThrow(
      "transports: carrier-pigeon is none of websocket, sse, poll",
    );
    expect(() => resolveOptions({ WebSocket, transports: [] })).toThrow("transports: none is none of");
  });

  it("goes without a WebSocket where there is fetch, as in Node.js 20", () => {
    const names = (given: ClientOptions): readonly string[] => resolveOptions(given).transports.toBeHad;
    expect(names({ WebSocket, transports: ["poll", "websocket"] })).toEqual(["websocket", "poll"]);
    expect(names({ WebSocket })).toEqual(["websocket", "sse", "poll"]);
  });

  it("accepts the class of ws and that of browsers, as the compiler sees them", () => {
    const browser = (): WebSocketClass => globalThis.WebSocket;
    const classes: readonly (() => WebSocketClass)[] = [() => WsWebSocket, browser];
    expect(classes).toHaveLength(2);
  });
});
