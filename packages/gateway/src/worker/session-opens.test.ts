/**
 * Sessions that HTTP requests open, over real sockets: limited as connections are, whatever they are opened
 * by.
 */
import { once } from "node:events";
import { Agent, request } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import {
  CORE_DEFAULTS,
  MemoryBroker,
  MemoryBus,
  MemoryRevocations,
  silentLogger,
  systemClock,
} from "@holdfast/core";
import { afterEach, describe, expect, it } from "@jest/globals";
import { mergeSnapshots } from "../link/metrics-snapshot.js";
import type { SessionLimitOptions } from "./comet/session-limits.js";
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
  polls: { holdMs: 60_000, graceMs: 60_000 },
  headTimeoutMs: 10_000,
  maxHeadBytes: 8_192,
  maxSockets: 1_000,
  writeTimeoutMs: 10_000,
  brokerWaitMs: 10_000,
  unfinished: { timeoutMs: 10_000, maxBytes: 1_000_000 },
  clients: { proxyProtocol: false, trustedProxies: [] },
  sessionLimits: { ratePerConnection: 1_000, ratePerAddress: undefined, maxPerAddress: undefined },
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

let worker: Worker;
let port: number;
let agent: Agent;
let metrics: () => Promise<string>;
let sockets: () => number | undefined;

async function start(
  limits: Partial<SessionLimitOptions>,
  options: Partial<WorkerOptions> = {},
): Promise<void> {
  const bus = new MemoryBus();
  const revocations = new MemoryRevocations({ maxRevocations: 10, now: Date.now, tell: () => {} });
  let ready = (): void => {};
  const isReady = new Promise<void>((resolve) => {
    ready = resolve;
  });
  let answered: ((text: Promise<string>) => void) | undefined;
  let load: number | undefined;
  sockets = () => load;
  worker = new Worker(
    {
      ...OPTIONS,
      broker: () => ({
        broker: new MemoryBroker(bus),
        sharedSecret: async () => bus.secret,
        ingest: undefined,
        revocations,
      }),
      sessionLimits: { ...OPTIONS.sessionLimits, ...limits },
      ...options,
    },
    {
      owner: { slot: 2, generation: 9 },
      relayDirectory: "/nonexistent",
      port: 8080,
      send: (message) => {
        if (message.type === "load") load = message.sockets;
        if (message.type === "load" && message.broker === "ready") ready();
        if (message.type === "metrics") answered?.(mergeSnapshots([message.snapshot]));
        return true;
      },
      received: () => 0,
      takeDeparted: () => [],
      door: undefined,
    },
  );
  metrics = () =>
    new Promise((resolve) => {
      answered = resolve;
      worker.receive({ type: "collect-metrics", id: 1 });
    });
  worker.http.server.listen(0, "127.0.0.1");
  await once(worker.http.server, "listening");
  port = (worker.http.server.address() as AddressInfo).port;
  agent = new Agent({ keepAlive: true, maxSockets: 1 });
  await isReady;
}

afterEach(async () => {
  agent.destroy();
  const ended = once(worker.http.server, "close");
  await Promise.all([worker.close(), ended]);
});

interface Answer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: string;
}

/** Over the one kept connection, unless `own`. Of a stream the head alone. */
function ask(method: string, path: string, body = "", { own = false, headers = {} } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port, method, path, agent: own ? false : agent, headers });
    asked.on("error", reject).on("response", (response) => {
      const { statusCode = 0 } = response;
      const answer = { status: statusCode, retryAfter: response.headers["retry-after"] };
      if (response.headers["content-type"]?.startsWith("text/event-stream")) {
        response.destroy();
        return resolve({ ...answer, body: "" });
      }
      let text = "";
      response.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on("end", () => resolve({ ...answer, body: text }));
    });
    asked.end(body);
  });
}

const poll = (nth: number, options = {}): Promise<Answer> =>
  ask("POST", "/poll", JSON.stringify({ channels: [`tea:${nth}`] }), options);

async function statuses(
  count: number,
  open: (nth: number) => Promise<Answer>,
): Promise<Record<number, number>> {
  const counts: Record<number, number> = {};
  for (let nth = 0; nth < count; nth++) {
    const { status, retryAfter } = await open(nth);
    counts[status] = (counts[status] ?? 0) + 1;
    if (status === 503) expect(Number(retryAfter)).toBeGreaterThan(0);
  }
  return counts;
}

describe("sessions that HTTP requests open", () => {
  it.each([
    ["polls", (nth: number) => poll(nth)],
    ["tickets", () => ask("POST", "/ticket")],
    ["polls and tickets", (nth: number) => (nth % 2 === 0 ? poll(nth) : ask("POST", "/ticket"))],
  ])("have a rate over one connection: %s", async (_what, open) => {
    await start({ ratePerConnection: 1 });
    expect((await statuses(12, open))[503]).toBeGreaterThanOrEqual(8);
    expect(await metrics()).toContain('holdfast_sessions_refused_total{reason="limit_connection_rate"}');
  });

  it.each([
    ["polls", (nth: number) => poll(nth, { own: true })],
    ["streams by URL", () => ask("GET", "/sse?channels=tea", "", { own: true })],
    ["streams by commands", () => ask("POST", "/sse", '{"id":1,"connect":{}}', { own: true })],
    ["tickets", () => ask("POST", "/ticket", "", { own: true })],
  ])("have a rate from one address: %s", async (_what, open) => {
    await start({ ratePerAddress: 1 });
    expect((await statuses(12, open))[503]).toBeGreaterThanOrEqual(8);
    expect(await metrics()).toContain('holdfast_sessions_refused_total{reason="limit_address_rate"}');
  });

  it("are counted by the address that a trusted proxy names, request by request", async () => {
    await start(
      { ratePerAddress: 1, ratePerConnection: 1 },
      { clients: { proxyProtocol: false, trustedProxies: ["127.0.0.1"] } },
    );
    const of = (address: string) => (nth: number) => poll(nth, { headers: { "X-Forwarded-For": address } });
    expect((await statuses(8, of("192.0.2.1")))[503]).toBeGreaterThanOrEqual(5);
    expect(await statuses(2, of("192.0.2.2"))).toEqual({ 200: 2 });
  });

  it("count toward maxConnections also without a socket, for the front door too", async () => {
    await start({}, { maxSockets: 7 });
    expect(await statuses(10, poll)).toEqual({ 200: 7, 503: 3 });
    expect(await metrics()).toContain('holdfast_sessions_refused_total{reason="limit_connections"} 3');
    while (sockets() !== 7) await new Promise((resolve) => setImmediate(resolve));
  });

  it("are not opened while all workers together hold as many connections as they may", async () => {
    await start({}, { maxSockets: 7 });
    worker.receive({ type: "full", full: true });
    const opens = [
      (nth: number) => poll(nth),
      () => ask("GET", "/sse?channels=tea", "", { own: true }),
      () => ask("POST", "/sse", '{"id":1,"connect":{}}', { own: true }),
      () => ask("POST", "/ticket"),
    ];
    for (const open of opens) expect(await statuses(1, open)).toEqual({ 503: 1 });
    worker.receive({ type: "full", full: false });
    expect(await statuses(1, poll)).toEqual({ 200: 1 });
  });

  it("count toward connectionsPerAddress until they end", async () => {
    await start({ maxPerAddress: 5 });
    const [first] = [await poll(0)];
    expect(await statuses(9, (nth) => poll(nth + 1))).toEqual({ 200: 4, 503: 5 });
    const { cursor } = JSON.parse(first.body) as { cursor: string };
    // A cursor of another number ends the session; the new one has its place.
    const [sid, , ...rest] = cursor.split(";");
    const again = await ask("POST", "/poll", JSON.stringify({ cursor: [sid, "40", ...rest].join(";") }));
    expect([200, 503]).toContain(again.status);
  });

  it("do not stop polls of sessions that are there", async () => {
    await start({ ratePerConnection: 1 }, { polls: { holdMs: 100, graceMs: 60_000 } });
    const { cursor } = JSON.parse((await poll(0)).body) as { cursor: string };
    expect((await statuses(8, (nth) => poll(nth + 1)))[503]).toBeGreaterThan(4);
    expect((await ask("POST", "/poll", JSON.stringify({ cursor }))).status).toBe(200);
  });
});

describe("WebSockets and streams of later clients on a proxy's kept connection", () => {
  /** One request, then what the next client asks for over the same connection. The status of the second. */
  async function second(next: string, first = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"): Promise<Later> {
    const socket = connect(port, "127.0.0.1").setEncoding("latin1");
    let text = "";
    socket
      .on("error", () => {})
      .on("data", (chunk: string) => {
        text += chunk;
      });
    later.push(socket);
    const status = async (nth: number): Promise<number> => {
      for (;;) {
        const [, said] = [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)][nth] ?? [];
        if (said !== undefined) return Number(said);
        await Promise.race([once(socket, "data"), once(socket, "close")]);
        if (socket.destroyed && !/HTTP/.test(text)) throw new Error("no answer");
      }
    };
    if (first !== "") {
      socket.write(first);
      await status(0);
    }
    socket.write(next);
    return { socket, status: await status(first === "" ? 0 : 1) };
  }

  interface Later {
    readonly socket: Socket;
    readonly status: number;
  }

  const later: Socket[] = [];
  afterEach(() => {
    for (const socket of later.splice(0)) socket.destroy();
  });

  const upgrade = (address: string): string =>
    `GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nX-Forwarded-For: ${address}\r\n\r\n`;
  const stream = (address: string): string =>
    `GET /sse?channels=tea HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: ${address}\r\n\r\n`;
  const proxied = { clients: { proxyProtocol: false, trustedProxies: ["127.0.0.1"] } };

  it.each([
    ["WebSockets", upgrade, 101],
    ["event streams", stream, 200],
  ])("%s count for their own address until they end", async (_what, next, taken) => {
    await start({ maxPerAddress: 2 }, proxied);
    const mine = [await second(next("203.0.113.9")), await second(next("203.0.113.9"))];
    expect(mine.map(({ status }) => status)).toEqual([taken, taken]);
    expect((await second(next("203.0.113.9"))).status).toBe(503);
    expect((await second(next("203.0.113.10"))).status).toBe(taken);
    mine[0]?.socket.destroy();
    for (;;) {
      const { status, socket } = await second(next("203.0.113.9"));
      if (status === taken) break;
      socket.destroy();
    }
  });

  it("the client of a connection's first request is the front door's to count", async () => {
    await start({ maxPerAddress: 1 }, proxied);
    for (const next of [upgrade, stream, upgrade, stream])
      expect((await second(next("203.0.113.9"), "")).status).toBeLessThan(201);
  });

  it("a peer that is no proxy is counted once, by the front door", async () => {
    await start({ maxPerAddress: 1 });
    for (const next of [upgrade, upgrade]) expect((await second(next("203.0.113.9"))).status).toBe(101);
  });
});
