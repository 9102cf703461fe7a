/**
 * Every request is answered: each endpoint, in each way in which it can end, brings a status line at least.
 *
 * Over real sockets, to a worker in this process. A way to end that is added belongs into these tables.
 */
import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import {
  CORE_DEFAULTS,
  MemoryBroker,
  MemoryBus,
  MemoryRevocations,
  silentLogger,
  systemClock,
} from "@holdfast/core";
import { afterEach, describe, expect, it } from "@jest/globals";
import type { WorkerOptions } from "./options.js";
import { Worker } from "./worker.js";

const OPTIONS: WorkerOptions = {
  core: { ...CORE_DEFAULTS, maxPayload: 2_000, commandRate: 1, connectTimeoutMs: 1_000 },
  origins: ["https://shop.example"],
  onlyLocalHosts: false,
  secret: undefined,
  tokens: undefined,
  engine: "lean",
  tokenInUrl: false,
  gcIntervalMs: undefined,
  polls: { holdMs: 60_000, graceMs: 10_000 },
  headTimeoutMs: 10_000,
  maxHeadBytes: 4_096,
  maxSockets: 1_000,
  writeTimeoutMs: 10_000,
  brokerWaitMs: 10_000,
  unfinished: { timeoutMs: 10_000, maxBytes: 1_000_000 },
  clients: { proxyProtocol: false, trustedProxies: [] },
  sessionLimits: { ratePerConnection: 100, ratePerAddress: undefined, maxPerAddress: undefined },
  answerTimeoutMs: 10_000,
  advertise: undefined,
  pages: { "/": { contentType: "text/html", body: "<p>hi</p>" } },
  direct: undefined,
  broker: undefined,
  logger: silentLogger,
  logLinesLost: () => 0,
  logLinesLimited: () => 0,
  warnings: { list: () => [] },
  clock: systemClock,
};
const ORIGIN = "Origin: https://shop.example";

let worker: Worker | undefined;
let port = 0;

async function start(
  state: "open" | "draining" = "open",
  options: Partial<WorkerOptions> = {},
): Promise<void> {
  const bus = new MemoryBus();
  const revocations = new MemoryRevocations({ maxRevocations: 10, now: Date.now, tell: () => {} });
  let ready = (): void => {};
  const isReady = new Promise<void>((resolve) => {
    ready = resolve;
  });
  worker = new Worker(
    {
      ...OPTIONS,
      broker: () => ({
        broker: new MemoryBroker(bus),
        sharedSecret: async () => bus.secret,
        ingest: undefined,
        revocations,
      }),
      ...options,
    },
    {
      owner: { slot: 3, generation: 7 },
      relayDirectory: "/nonexistent",
      port: 8080,
      send: (message) => {
        if (message.type === "load" && message.broker === "ready") ready();
        return true;
      },
      received: () => 0,
      takeDeparted: () => [],
      door: undefined,
    },
  );
  worker.http.server.listen(0, "127.0.0.1");
  await once(worker.http.server, "listening");
  port = (worker.http.server.address() as AddressInfo).port;
  await isReady;
  if (state === "draining") worker.receive({ type: "drain", windowMs: 0, reason: "a test" });
}

afterEach(async () => {
  if (worker === undefined) return;
  const ended = once(worker.http.server, "close");
  await Promise.all([worker.close(), ended]);
  worker = undefined;
});

/** Until `isWhole`, or the end. */
async function answerTo(
  text: string,
  isWhole = (answer: string) => answer.includes("\r\n\r\n"),
): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(text);
  let answer = "";
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    answer += chunk.toString("latin1");
    if (isWhole(answer)) break;
  }
  socket.destroy();
  return answer;
}

function request(line: string, headers: readonly string[] = [], body?: string): string {
  const length = body === undefined ? [] : [`Content-Length: ${Buffer.byteLength(body)}`];
  return [`${line} HTTP/1.1`, "Host: x", ...headers, ...length, "", body ?? ""].join("\r\n");
}

const LONG = "x".repeat(100_000);
const BODIES: readonly (readonly [string, string])[] = [
  ["nothing", ""],
  ["no JSON", "{"],
  ["another JSON value", "[1]"],
  ["a command before connect", '{"id":7,"subscribe":{"channel":"tea"}}'],
  ["an id that is none", '{"id":-1,"connect":{}}'],
  ["connect", '{"id":1,"connect":{}}'],
  ["connect twice", '{"id":1,"connect":{}}\n{"id":2,"connect":{}}'],
  ["more commands than the rate allows", '{"id":1,"connect":{}}\n{}\n{}\n{}\n{}\n{}\n{}'],
  ["channels", '{"channels":["tea"]}'],
  ["channels that are none", '{"channels":["",7]}'],
  ["a cursor that is none", '{"cursor":"no"}'],
  ["malformed commands", '{"commands":[{"id":1,"what":{}},{"id":0}]}'],
  [
    "commands beyond the rate",
    `{"commands":[${Array.from({ length: 9 }, (_, i) => `{"id":${i + 1},"connect":{}}`)}]}`,
  ],
  ["a session that is not here", '{"sid":"AAAB0123456789abcdef","token":"t","commands":[{"id":1}]}'],
  ["deep nesting", `{"commands":[{"id":1,"send":{"data":${"[".repeat(300)}${"]".repeat(300)}}}]}`],
  ["too much", LONG],
];

const STATUS_LINE = /^HTTP\/1\.1 \d{3} /;
const HEADERS = [[], [ORIGIN], ["Origin: https://evil.example", "Authorization: Bearer no"]];
const ENDPOINTS = ["/sse", "/poll", "/send", "/ticket", "/", "/healthz", "/ws", "/nothing"];
const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "TRACE"];
const QUERIES = [
  "",
  "?channels=tea",
  "?channels=",
  "?channels=tea&cursor=no",
  "?channels=tea&ticket=no",
  "?sid=AAAB0123456789abcdef",
];

describe.each(["open", "draining"] as const)("a worker that is %s", (state) => {
  it.each(ENDPOINTS)("answers every method and query at %s", async (path) => {
    await start(state);
    const asked = METHODS.flatMap((method) =>
      QUERIES.flatMap((query) => HEADERS.map((header) => request(`${method} ${path}${query}`, header))),
    );
    const answers = await Promise.all(asked.map(async (text) => [text, await answerTo(text)] as const));
    expect(answers.filter(([, answer]) => !STATUS_LINE.test(answer))).toEqual([]);
  });

  it.each(ENDPOINTS)("answers every body at %s, whole or in chunks", async (path) => {
    await start(state);
    const asked = BODIES.flatMap(([, body]) => {
      const chunk = body === "" ? "" : `${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n`;
      return [
        request(`POST ${path}`, [], body),
        `${request(`POST ${path}`, ["Transfer-Encoding: chunked"])}${chunk}0\r\n\r\n`,
      ];
    });
    const answers = await Promise.all(asked.map(async (text) => [text, await answerTo(text)] as const));
    expect(answers.filter(([, answer]) => !STATUS_LINE.test(answer))).toEqual([]);
  });
});

describe("a request", () => {
  it.each(["/sse", "/poll", "/send"])("to %s whose body does not come in time gets 408", async (path) => {
    await start("open", { unfinished: { timeoutMs: 100, maxBytes: 1_000_000 } });
    const answer = await answerTo(request(`POST ${path}`, [ORIGIN, "Content-Length: 10"]));
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(answer).toContain("\r\nAccess-Control-Allow-Origin: https://shop.example\r\n");
  });

  it.each([
    [413, LONG],
    [400, "\xff\xfe"],
  ])("whose body is refused with %i may be read by the page that sent it", async (status, body) => {
    await start();
    const head = ["POST /sse HTTP/1.1", "Host: x", ORIGIN, `Content-Length: ${body.length}`, "", ""];
    const socket = connect(port, "127.0.0.1").on("error", () => {});
    socket.write(head.join("\r\n"));
    socket.write(Buffer.from(body, "latin1"));
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(answer.toString()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer.toString()).toContain("\r\nAccess-Control-Allow-Origin: https://shop.example\r\n");
    expect(answer.toString()).toContain("\r\nAccess-Control-Expose-Headers: Retry-After\r\n");
    socket.destroy();
  });

  it.each([
    ["no host", "GET / HTTP/1.1\r\n\r\n", 400],
    ["another expectation", request("GET /", ["Expect: tea"]), 417],
    ["another upgrade", request("GET /", ["Connection: Upgrade", "Upgrade: h2c"]), 200],
    ["an upgrade without a key", request("GET /ws", ["Connection: Upgrade", "Upgrade: websocket"]), 426],
    ["a head that is too large", request("GET /", [`Cookie: ${"x".repeat(9_000)}`]), 431],
    ["what is no request", "GET\r\n\r\n", 400],
  ])("with %s is answered", async (_what, text, status) => {
    await start();
    expect(await answerTo(text)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  });
});

describe("an event stream that ends while it is opened", () => {
  it.each([
    ["a frame that is none", "[]", 3500],
    ["a command before connect", '{"id":3,"publish":{"channel":"tea","data":1}}', undefined],
    ["commands beyond the rate", `{"id":1,"connect":{}}\n${"{}\n".repeat(20)}`, undefined],
  ])("by %s has its head, then says why, then ends", async (_what, body, code) => {
    await start();
    const answer = await answerTo(request("POST /sse", [], body), () => false);
    const head = answer.indexOf("\r\n\r\n");
    const close = /\nevent: close\ndata: (\{.*\})\n\n$/.exec(answer);
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(close?.index).toBeGreaterThan(head);
    expect(JSON.parse(close?.[1] ?? "{}")).toMatchObject({ code: code ?? expect.any(Number) });
  });
});

interface Polled {
  readonly sid: string;
  readonly cursor: string;
}

describe("a poll that is held", () => {
  const poll = (body: object): Promise<string> =>
    answerTo(request("POST /poll", [ORIGIN], JSON.stringify(body)), (answer) => answer.endsWith("}\n"));
  const bodyOf = (answer: string): Polled => JSON.parse(answer.split("\r\n\r\n")[1] ?? "") as Polled;

  it("hears 409 when its session goes on with a cursor of another number", async () => {
    await start();
    const { cursor } = bodyOf(await poll({ channels: ["tea"] }));
    const held = poll({ cursor });
    await isHeld();
    const [sid, , ...rest] = cursor.split(";");
    await poll({ cursor: [sid, "41", ...rest].join(";") });
    expect(await held).toMatch(/^HTTP\/1\.1 409 /);
  });

  it("hears 409 when a newer poll of its session has come", async () => {
    await start();
    const { cursor } = bodyOf(await poll({ channels: ["tea"] }));
    const held = poll({ cursor });
    await isHeld();
    void poll({ cursor });
    const answer = await held;
    expect(answer).toMatch(/^HTTP\/1\.1 409 /);
    expect(answer).toContain("\r\nAccess-Control-Allow-Origin: https://shop.example\r\n");
  });

  it("is answered when the worker ends", async () => {
    await start();
    const { cursor } = bodyOf(await poll({ channels: ["tea"] }));
    const held = poll({ cursor });
    await isHeld();
    await worker?.close();
    expect(await held).toMatch(/^HTTP\/1\.1 \d{3} /);
    worker = undefined;
  });
});

/** The next request has come; its body came along. */
async function isHeld(): Promise<void> {
  if (worker !== undefined) await once(worker.http.server, "request");
  await new Promise((resolve) => setImmediate(resolve));
}
