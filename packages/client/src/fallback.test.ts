import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { WebSocket } from "ws";
import { Client, type ClientOptions, type ClientState, type HoldfastError, systemClock } from "./index.js";
import { eventually } from "./testing/eventually.js";
import { TinyGateway } from "./testing/tiny-gateway.js";

/** A client behind something that stands between it and the gateway, over real sockets. */
let gateway: TinyGateway;
let client: Client;
let states: ClientState[];
let errors: HoldfastError[];
let received: unknown[];

/** Waits of minutes pass in a moment: no client upgrades its transport for half a minute. */
const hasty = {
  ...systemClock,
  after: (ms: number, run: () => void) => systemClock.after(ms >= 15_000 ? 30 : ms, run),
};

function start(options: ClientOptions = {}): Promise<void> {
  client = new Client(gateway.url, {
    WebSocket,
    backoff: { minDelayMs: 1, maxDelayMs: 5 },
    connectTimeoutMs: 400,
    ...options,
  });
  client.on("state", (state) => states.push(state));
  client.on("error", (error) => errors.push(error));
  client.subscribe("demo:a", ({ data }) => received.push(data));
  return client.connect();
}

beforeEach(async () => {
  [states, errors, received] = [[], [], []];
  gateway = await TinyGateway.start();
});
afterEach(async () => {
  client.close();
  await gateway.close();
});

const paths = (): readonly string[] => gateway.requests.map((each) => each.replace(/\?.*/, ""));
const names = (): readonly string[] => states.map(({ name }) => name);

async function passes(): Promise<void> {
  await client.publish("demo:a", received.length);
  await eventually(() => received.length > 0);
}

describe("falling", () => {
  it("to SSE where upgrades are refused, without a wait, and as one connection", async () => {
    gateway.faults = { refuseUpgrades: true };
    await start();
    await passes();
    expect(paths()).toEqual(["GET /ws", "POST /sse", "POST /send"]);
    expect(names()).toEqual(["connecting", "connecting", "connected"]);
    expect(states[0]).toEqual(states[1]);
  });

  it("to SSE where upgrades lead nowhere", async () => {
    gateway.faults = { muteUpgrades: true };
    await start();
    await passes();
    expect(paths().slice(0, 2)).toEqual(["GET /ws", "POST /sse"]);
  });

  it("to long-poll where streams are held back, too", async () => {
    gateway.faults = { refuseUpgrades: true, bufferStreams: true };
    await start();
    await passes();
    expect(paths().slice(0, 3)).toEqual(["GET /ws", "POST /sse", "POST /poll"]);
  });

  it("to long-poll where whatever lasts is cut, losing and repeating nothing", async () => {
    gateway.faults = { cutAfterMs: 30 };
    await start();
    const all = Array.from({ length: 150 }, (_, n) => n);
    for (const n of all) {
      gateway.publish("demo:a", n);
      await new Promise((resolve) => setTimeout(resolve, 4));
    }
    await eventually(() => received.length === all.length);
    expect(received).toEqual(all);
    expect(new Set(paths())).toEqual(new Set(["GET /ws", "POST /sse", "POST /poll"]));
    expect(paths().filter((each) => each === "GET /ws")).toHaveLength(3);
    expect(paths().filter((each) => each === "POST /sse")).toHaveLength(3);
  });

  it("remembers, for the next client of the page", async () => {
    const kept = new Map<string, string>();
    const storage = {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => void kept.set(key, value),
    };
    gateway.faults = { refuseUpgrades: true };
    await start({ storage });
    client.close();
    gateway.requests.length = 0;
    await start({ storage });
    expect(paths()).toEqual(["POST /sse"]);
  });

  it("asks a server that is away once in a round, in three ways, and then waits as it wishes", async () => {
    gateway.faults = { refuseUpgrades: true, status: 404 };
    void start({ backoff: { minDelayMs: 30_000, maxDelayMs: 60_000 }, random: () => 0.5 });
    await eventually(() => names().includes("waiting"));
    expect(paths()).toEqual(["GET /ws", "POST /sse", "POST /poll"]);
    gateway.requests.length = 0;
    client.close();
    gateway.faults = { refuseUpgrades: true, status: 503 };
    void start();
    await eventually(() => names().filter((name) => name === "waiting").length === 2);
    // `Retry-After` holds for every way.
    expect(paths()).toEqual(["GET /ws", "POST /sse"]);
  });

  it("goes without a WebSocket at all", async () => {
    await start({ transports: ["sse", "poll"] });
    await passes();
    expect(paths()).toEqual(["POST /sse", "POST /send"]);
  });
});

describe("a network that drops every third answer", () => {
  it("neither loses nor repeats nor reorders what is polled", async () => {
    gateway.faults = { dropEvery: 3 };
    await start({ transports: ["poll"], commandTimeoutMs: 500 });
    const all = Array.from({ length: 60 }, (_, n) => n);
    for (const n of all) {
      gateway.publish("demo:a", n);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await eventually(() => received.length === all.length);
    expect(received).toEqual(all);
    // It was the same session all along: answers were redelivered, not recovered.
    expect(names().filter((name) => name === "connected")).toHaveLength(1);
    expect(errors.some(({ name }) => name === "transport")).toBe(true);
  });
});

describe.each(["sse", "poll"] as const)("commands over %s whose answers are lost", (transport) => {
  it("are sent again, and carried out once", async () => {
    gateway.faults = { dropEvery: 2 };
    await start({ transports: [transport], connectTimeoutMs: 5_000 });
    const all = Array.from({ length: 10 }, (_, n) => n);
    for (const n of all) await client.publish("demo:a", n);
    await eventually(() => received.length === all.length);
    expect(received).toEqual(all);
    expect(gateway.commands.filter(([op]) => op === "publish")).toHaveLength(all.length);
    expect(paths().filter((path) => path === "POST /send").length).toBeGreaterThan(all.length);
  });
});

describe("upgrading again", () => {
  it("moves to the WebSocket while publications and commands go on", async () => {
    gateway.faults = { refuseUpgrades: true };
    await start({ clock: hasty, connectTimeoutMs: 5_000 });
    gateway.faults = {};
    const published: Promise<unknown>[] = [];
    const all = Array.from({ length: 100 }, (_, n) => n);
    for (const n of all) {
      published.push(client.publish("demo:a", n));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    // None of them was refused for want of a connection.
    await Promise.all(published);
    await eventually(() => received.length === all.length);
    expect(received).toEqual(all);
    expect(names()).toEqual(["connecting", "connecting", "connected", "connected"]);
    await eventually(() => gateway.live === 1);
    gateway.requests.length = 0;
    await client.publish("demo:a", "by WebSocket");
    expect(gateway.requests).toEqual([]);
  });

  it("stays where it is while upgrades lead nowhere, and does not report its tries", async () => {
    gateway.faults = { muteUpgrades: true };
    await start({ clock: hasty });
    await eventually(() => paths().filter((each) => each === "GET /ws").length >= 3);
    await passes();
    expect(names().slice(2)).toEqual(["connected"]);
    expect(errors).toEqual([]);
  });

  it("comes back to long-poll at once when the stream above turns out to be held back", async () => {
    gateway.faults = { refuseUpgrades: true, bufferStreams: true };
    await start({ clock: hasty });
    const before = paths().filter((each) => each === "POST /sse").length;
    await eventually(() => paths().filter((each) => each === "POST /sse").length > before);
    gateway.publish("demo:a", "meanwhile");
    await eventually(() => received.length === 1);
    expect(client.state.name).toBe("connected");
    expect(received).toEqual(["meanwhile"]);
  });

  it("leaves nothing behind when it is closed in the middle of it", async () => {
    gateway.faults = { refuseUpgrades: true };
    await start({ clock: hasty });
    gateway.faults = { muteUpgrades: true };
    await eventually(() => paths().filter((each) => each === "GET /ws").length === 2);
    client.close();
    await eventually(() => gateway.live === 0);
    expect(client.state.name).toBe("closed");
  });
});
