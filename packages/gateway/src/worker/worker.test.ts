import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CORE_DEFAULTS,
  MemoryBroker,
  MemoryBus,
  MemoryRevocations,
  silentLogger,
  systemClock,
} from "@holdfast/core";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { WebSocket } from "ws";
import type { ToPrimary } from "../link/messages.js";
import { mergeSnapshots } from "../link/metrics-snapshot.js";
import type { WorkerBroker } from "./embedded/worker-broker.js";
import type { WorkerOptions } from "./options.js";
import { Worker } from "./worker.js";

const OPTIONS: WorkerOptions = {
  core: CORE_DEFAULTS,
  origins: undefined,
  onlyLocalHosts: false,
  secret: undefined,
  tokens: undefined,
  engine: "lean",
  tokenInUrl: false,
  gcIntervalMs: undefined,
  polls: { holdMs: 25_000, graceMs: 10_000 },
  headTimeoutMs: 10_000,
  unfinished: { timeoutMs: 10_000, maxBytes: 1_000_000 },
  maxHeadBytes: 8_192,
  brokerWaitMs: 500,
  maxSockets: 1_000,
  writeTimeoutMs: 10_000,
  clients: { proxyProtocol: false, trustedProxies: [] },
  sessionLimits: { ratePerConnection: 100, ratePerAddress: undefined, maxPerAddress: undefined },
  answerTimeoutMs: 10_000,
  advertise: undefined,
  pages: {},
  direct: undefined,
  broker: undefined,
  logger: silentLogger,
  logLinesLost: () => 0,
  logLinesLimited: () => 0,
  warnings: { list: () => [] },
  clock: systemClock,
};

/** What the worker said, to be waited for. */
class Primary {
  readonly heard: ToPrimary[] = [];
  #wake: (() => void) | undefined;

  readonly hear = (message: ToPrimary): boolean => {
    this.heard.push(message);
    this.#wake?.();
    return true;
  };

  async next<Type extends ToPrimary["type"]>(type: Type): Promise<Extract<ToPrimary, { type: Type }>> {
    for (;;) {
      const found = this.heard.find((message) => message.type === type);
      if (found !== undefined) return found as Extract<ToPrimary, { type: Type }>;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

function brokerOf(bus: MemoryBus): WorkerBroker {
  const revocations = new MemoryRevocations({ maxRevocations: 10, now: Date.now, tell: () => {} });
  return {
    broker: new MemoryBroker(bus),
    sharedSecret: async () => bus.secret,
    ingest: undefined,
    revocations,
  };
}

let primary: Primary;
let worker: Worker;
let bus: MemoryBus;

async function start(options: Partial<WorkerOptions> = {}, relayDirectory = "/nonexistent"): Promise<string> {
  primary = new Primary();
  worker = new Worker(
    { ...OPTIONS, broker: () => brokerOf(bus), ...options },
    {
      owner: { slot: 3, generation: 7 },
      relayDirectory,
      port: 8080,
      send: primary.hear,
      received: () => 0,
      takeDeparted: () => [],
      door: undefined,
    },
  );
  worker.http.server.listen(0, "127.0.0.1");
  await once(worker.http.server, "listening");
  return `127.0.0.1:${(worker.http.server.address() as AddressInfo).port}`;
}

beforeEach(() => {
  bus = new MemoryBus();
});

afterEach(async () => {
  const ended = once(worker.http.server, "close");
  await Promise.all([worker.close(), ended]);
});

/** The data of the next message. */
async function message(socket: WebSocket): Promise<string> {
  const [data] = (await once(socket, "message")) as [Buffer];
  return data.toString();
}

describe("a worker", () => {
  it("connects plain clients by their URL and delivers to them", async () => {
    const address = await start();
    const socket = new WebSocket(`ws://${address}/ws?channels=news`);
    expect(JSON.parse(await message(socket))).toMatchObject({
      connect: { sid: expect.stringMatching(/^\S{20}$/) },
    });
    bus.publish("channel:news", '{"hello":1}', {});
    expect(await message(socket)).toBe('{"publication":{"channel":"news","data":{"hello":1}}}');
    socket.close();
    await once(socket, "close");
  });

  it("reports its load at once, and what changed soon after", async () => {
    const address = await start();
    expect(await primary.next("load")).toMatchObject({ sockets: 0, connections: 0, broker: "connecting" });
    primary.heard.length = 0;
    expect(await primary.next("load")).toMatchObject({ broker: "ready" });
    const socket = new WebSocket(`ws://${address}/ws?channels=news`);
    await once(socket, "open");
    primary.heard.length = 0;
    expect(await primary.next("load")).toMatchObject({ sockets: 1, connections: 1 });
    socket.terminate();
    await once(socket, "close");
  });

  it("is not ready before a client that subscribes would be served, unless its broker stays away", async () => {
    const broker = new MemoryBroker(bus);
    let confirm: () => void = () => {};
    const confirmed = new Promise<void>((resolve) => {
      confirm = resolve;
    });
    const subscribe = broker.subscribe.bind(broker);
    broker.subscribe = async (topic) => {
      await confirmed;
      return subscribe(topic);
    };
    const relayDirectory = mkdtempSync(join(tmpdir(), "holdfast-worker-"));
    await start({ broker: () => ({ ...brokerOf(bus), broker }), brokerWaitMs: 60_000 }, relayDirectory);
    let listening = false;
    const listens = worker.listen().then(() => {
      listening = true;
    });
    await primary.next("load");
    expect(listening).toBe(false);
    confirm();
    await listens;
    expect(primary.heard.at(-1)).toMatchObject({ type: "load", broker: "ready" });
    rmSync(relayDirectory, { recursive: true });
  });

  it("drains: tells its clients, closes them, and says when none is left", async () => {
    const address = await start();
    const socket = new WebSocket(`ws://${address}/ws?channels=news`);
    await message(socket);
    const told = message(socket);
    worker.receive({ type: "drain", windowMs: 0, reason: "a test" });
    expect(JSON.parse(await told)).toMatchObject({ drain: { reason: "a test" } });
    const [code] = (await once(socket, "close")) as [number];
    expect(code).toBe(3000);
    await primary.next("drained");
    const refused = new WebSocket(`ws://${address}/ws`);
    const [, response] = (await once(refused, "unexpected-response")) as [unknown, { statusCode: number }];
    expect(response.statusCode).toBe(503);
    refused.once("error", () => {}).terminate();
  });

  it("answers with its metrics", async () => {
    await start();
    worker.receive({ type: "collect-metrics", id: 5 });
    const { id, snapshot } = await primary.next("metrics");
    expect(id).toBe(5);
    expect(await mergeSnapshots([snapshot])).toContain('holdfast_broker_ready{worker="3"} 1');
  });

  it("answers with its slowest connections", async () => {
    await start();
    worker.receive({ type: "inspect", id: 6, question: { of: "slowest", limit: 10 } });
    expect(await primary.next("inspected")).toEqual({ type: "inspected", id: 6, list: [] });
  });

  it("answers with its survey and its slot", async () => {
    await start();
    worker.receive({ type: "inspect", id: 7, question: { of: "survey" } });
    const { list } = await primary.next("inspected");
    expect(list).toEqual([expect.objectContaining({ slot: 3, outboxBytes: 0, waiting: 0, slowest: [] })]);
  });

  it("gives a turn back when it does not collect", async () => {
    await start();
    worker.receive({ type: "gc-turn" });
    await primary.next("gc-done");
  });

  it("uses the broker at the other end of the link when it has none", async () => {
    await start({ broker: undefined });
    const asked = await primary.next("broker-subscribe");
    expect(asked.topic).toBe("broadcast");
    worker.receive({ type: "broker-done", id: asked.id });
  });
});
