import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ANONYMOUS, type Verdict } from "@holdfast/core";
import { FakeClock } from "@holdfast/core/testing";
import { type ErrorCode, errors, ownerPrefix } from "@holdfast/protocol";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { originCheck } from "../http/origin.js";
import type { TcpHandle } from "../runtime/tcp-handle.js";
import { TcpListener } from "../runtime/tcp-listener.js";
import { AddressProbes } from "./http/address-probes.js";
import { ClientAddresses } from "./http/client-addresses.js";
import { LaterClients } from "./http/later-clients.js";
import { PlainHttp } from "./http/plain-http.js";
import { RequestAuthentication } from "./http/request-authentication.js";
import { UpgradeAdmission } from "./http/upgrade-admission.js";
import { HttpServer } from "./http-server.js";
import { UnfinishedMessages } from "./sockets/unfinished-messages.js";
import { WaitingSockets } from "./sockets/waiting-sockets.js";
import { WebSocketTransports } from "./websocket/transports.js";

const HANDSHAKE = [
  "Host: x",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

/** More than the kernels of both sides take at once. */
const BIG = "x".repeat(8_000_000);

let clock: FakeClock;
let http: HttpServer;
let port: number;
let world: {
  state: "open" | "draining";
  problem: ErrorCode | undefined;
  who: Verdict | Promise<Verdict>;
  closed: Promise<void>[];
};
const MAX_WAITING = 20;
let told: string[];
let ended: () => void;
let directory: string;
let unfinished: UnfinishedMessages;
let authentication: RequestAuthentication;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "http-server-"));
  clock = new FakeClock();
  told = [];
  world = { state: "open", problem: undefined, who: { identity: ANONYMOUS }, closed: [] };
  unfinished = new UnfinishedMessages({ timeoutMs: 10_000, maxBytes: 1_000_000 }, clock);
  const transports = new WebSocketTransports(
    {
      open() {
        let gone = (): void => {};
        world.closed.push(
          new Promise((resolve) => {
            gone = resolve;
          }),
        );
        return { receive() {}, alive() {}, spend: () => true, refuse() {}, disconnect() {}, closed: gone };
      },
    },
    1_000,
    unfinished,
    clock,
  );
  const core = {
    get state() {
      return world.state;
    },
    authenticate: () => world.who,
    admit: () => world.problem,
    redeem: () => Promise.resolve(world.who),
  };
  const policy = { mayComeFrom: originCheck(undefined), maxChannels: 10, tokenInUrl: false };
  const clients = new ClientAddresses({ proxyProtocol: false, trustedProxies: [] });
  authentication = new RequestAuthentication(core);
  http = new HttpServer({
    core,
    upgrades: new UpgradeAdmission(core, authentication, policy, clients, new AddressProbes(), () => 0),
    engine: transports,
    later: new LaterClients(clients, { open: () => undefined, hold: () => undefined, moved() {} }),
    comet: {
      handle(request, response, release) {
        if (request.url !== "/sse") return false;
        release(request, response, () => {});
        return true;
      },
      takeHandle: () => false,
      fanOut: 0,
      pollRefusal: () => undefined,
      poll() {},
      close() {},
    },
    waiting: new WaitingSockets(clock, 10_000, MAX_WAITING),
    idle: new WaitingSockets(clock, 75_000),
    relay: {
      directory,
      owner: { slot: 0, generation: 0 },
      maxBodyBytes: 1_000,
      unfinished,
      answerTimeoutMs: 10_000,
      mayConnect: () => true,
      others: undefined,
      clock,
      routed: (way) => told.push(way),
    },
    answered: () => told.push("answered"),
    plain: new PlainHttp({
      "/": { contentType: "text/html", body: "<h1>hi</h1>" },
      "/big": { contentType: "text/plain", body: BIG },
    }),
    policy,
    maxHeadBytes: 4_096,
    writeTimeoutMs: 5_000,
    clock,
    cut: (why) => told.push(`cut as ${why}`),
    random: () => 0,
    handshakes: {
      accepted: (seconds) => told.push(`accepted after ${seconds} s`),
      refused: (status) => told.push(`refused with ${status}`),
    },
  });
  http.server.listen(0, "127.0.0.1");
  await once(http.server, "listening");
  port = (http.server.address() as AddressInfo).port;
});

afterEach(async () => {
  const ended = once(http.server, "close");
  http.close();
  unfinished.close();
  await Promise.all([ended, ...world.closed]);
  await rm(directory, { recursive: true });
  expect(clock.timers).toBe(0);
});

/**
 * All that the server says to `request` until it ends the connection; the client waits for the server's end.
 */
async function exchange(...request: string[]): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  let answer = "";
  socket.on("data", (chunk) => {
    answer += chunk.toString();
    if (answer.startsWith("HTTP/1.1 101")) socket.end();
  });
  socket.write(`${request.join("\r\n")}\r\n\r\n`);
  await once(socket, "close");
  return answer;
}

describe("the worker's HTTP server", () => {
  it("serves pages", async () => {
    const answer = await exchange("GET / HTTP/1.1", "Host: x", "Connection: close");
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(answer).toMatch(/\r\nX-Content-Type-Options: nosniff\r\n/);
    expect(answer).toMatch(/\r\n\r\n<h1>hi<\/h1>$/);
  });

  it("answers several requests on one connection, which may then be silent for long, not for ever", async () => {
    const socket = connect(port, "127.0.0.1");
    for (const path of ["/", "/healthz"]) {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
      const [answer] = (await once(socket, "data")) as [Buffer];
      expect(answer.toString()).toMatch(/^HTTP\/1\.1 200 OK\r\n(?!.*Connection: close)/s);
      clock.advance(60_000);
    }
    clock.advance(16_000);
    await once(socket, "close");
  });

  it("keeps the connection when another worker answers, though @socket.io/sticky asks to close it", async () => {
    http.server.prependListener("request", (_request, response) => response.setHeader("Connection", "close"));
    const owner = { slot: 1, generation: 1 };
    const other = createServer((_request, response) => response.end("there"));
    other.listen(join(directory, ownerPrefix(owner)));
    await once(other, "listening");
    const socket = connect(port, "127.0.0.1");
    try {
      for (let i = 0; i < 2; i++) {
        socket.write(`GET /healthz?sid=${ownerPrefix(owner)}0123456789abcdef HTTP/1.1\r\nHost: x\r\n\r\n`);
        let answer = "";
        while (!answer.includes("there")) answer += String((await once(socket, "data"))[0]);
        expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n(?!.*connection: close)/is);
      }
    } finally {
      socket.destroy();
      other.close();
      other.closeAllConnections();
    }
  });

  it("lets the page that asked read that its answer was lost, and no other page", async () => {
    const owner = { slot: 1, generation: 1 };
    const other = createServer((incoming) => incoming.socket.destroy());
    other.listen(join(directory, ownerPrefix(owner)));
    await once(other, "listening");
    try {
      const line = `POST /send?sid=${ownerPrefix(owner)}0123456789abcdef HTTP/1.1`;
      const ask = (origin: string): Promise<string> =>
        exchange(line, "Host: x", `Origin: ${origin}`, "Connection: close");
      expect(await ask("http://x")).toMatch(
        /^HTTP\/1\.1 503 .*\r\nAccess-Control-Allow-Origin: http:\/\/x\r\n/s,
      );
      expect(await ask("http://y")).toMatch(/^HTTP\/1\.1 503 (?!.*Access-Control)/s);
    } finally {
      other.close();
    }
  });

  it("ends the connection with the answer while draining", async () => {
    world.state = "draining";
    expect(await exchange("GET /healthz HTTP/1.1", "Host: x")).toMatch(/\r\nConnection: close\r\n/);
  });

  it.each([
    [
      "a page's EventSource when to come back",
      "text/event-stream",
      /^HTTP\/1\.1 200 OK.*\nretry: 1\d{3}\n\n/s,
    ],
    ["others with 503", "*/*", /^HTTP\/1\.1 503 .*\r\nRetry-After: 1\r\n/s],
  ])("tells %s when too many sockets wait", async (_who, accept, expected) => {
    const socket = connect(port, "127.0.0.1");
    let answers = "";
    socket.on("data", (chunk) => {
      answers += chunk.toString();
    });
    socket.write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    await once(socket, "data");
    answers = "";
    const silent = Array.from({ length: MAX_WAITING }, () => connect(port, "127.0.0.1"));
    for (const each of silent) await once(each, "connect");
    // Turned away at once: all places are taken.
    expect(await exchange()).toMatch(/^HTTP\/1\.1 503 /);
    socket.write(`GET /sse HTTP/1.1\r\nHost: x\r\nAccept: ${accept}\r\n\r\n`);
    await once(socket, "close");
    expect(answers).toMatch(expected);
    expect(answers).toMatch(/\r\nConnection: close\r\n/);
    for (const each of silent) each.destroy();
  });

  it.each([
    [
      "a page's EventSource when to come back",
      "GET /sse?ticket=t",
      /^HTTP\/1\.1 200 OK.*\nretry: 1\d{3}\n\n/s,
    ],
    ["others with 503", "GET /none", /^HTTP\/1\.1 503 .*\r\nRetry-After: 1\r\n/s],
  ])("tells %s whose socket is handed over, when too many sockets wait", async (_who, line, expected) => {
    const silent = Array.from({ length: MAX_WAITING }, () => connect(port, "127.0.0.1"));
    for (const each of silent) await once(each, "connect");
    expect(await exchange()).toMatch(/^HTTP\/1\.1 503 /);
    const head = `${line} HTTP/1.1\r\nHost: x\r\nOrigin: http://x\r\nAccept: text/event-stream\r\n\r\n`;
    let isOver = false;
    const take = (handle: TcpHandle | undefined) => {
      if (handle === undefined) throw new Error("no handle");
      expect(http.takeHandle(handle, head, () => (isOver = true))).toBe(true);
    };
    const listener = await TcpListener.open({ host: "127.0.0.1", port: 0, backlog: 8 }, take);
    const socket = connect(listener.port, "127.0.0.1");
    let answer = "";
    socket.on("data", (chunk) => {
      answer += chunk.toString();
    });
    await once(socket, "close");
    expect(answer).toMatch(expected);
    expect(answer).toMatch(/\r\nConnection: close\r\n/);
    expect(answer.includes("Access-Control-Allow-Origin: http://x\r\n")).toBe(line.includes("/sse"));
    while (!isOver) await new Promise((resolve) => setImmediate(resolve));
    for (const each of silent) each.destroy();
    listener.close();
  });

  it("answers HEAD without a body", async () => {
    const answer = await exchange("HEAD / HTTP/1.1", "Host: x", "Connection: close");
    expect(answer).toMatch(/Content-Length: 11\r\n.*\r\n\r\n$/s);
  });

  it("does not follow an upgrade to anything but WebSocket", async () => {
    const h2c = ["Connection: Upgrade, HTTP2-Settings, close", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"];
    expect(await exchange("GET /healthz HTTP/1.1", "Host: x", ...h2c)).toMatch(
      /^HTTP\/1\.1 200 OK\r\n.*\r\n\r\nok$/s,
    );
  });

  it("upgrades, and tells how long that took", async () => {
    expect(await exchange("GET /ws HTTP/1.1", ...HANDSHAKE)).toMatch(
      /^HTTP\/1\.1 101 Switching Protocols\r\n/,
    );
    expect(told).toEqual(["accepted after 0 s"]);
  });

  it("refuses with a sentence and an end", async () => {
    const answer = await exchange("GET /ws?token=x HTTP/1.1", ...HANDSHAKE);
    expect(answer).toMatch(
      /^HTTP\/1\.1 400 Bad Request\r\n.*Connection: close\r\n\r\n\{"error":\{"code":103,/s,
    );
    expect(told).toEqual(["refused with 400"]);
  });

  it("sends new clients elsewhere while draining", async () => {
    world.state = "draining";
    expect(await exchange("GET /ws HTTP/1.1", ...HANDSHAKE)).toMatch(
      /^HTTP\/1\.1 503 Service Unavailable\r\n.*Retry-After: 1\r\n.*going away/s,
    );
  });

  it("fails health checks when the instance leaves, and serves on; one that leaves alone is well", async () => {
    world.state = "draining";
    expect(await exchange("GET /healthz HTTP/1.1", "Host: x")).toMatch(/^HTTP\/1\.1 200 .*ok$/s);
    world.state = "open";
    http.unready();
    const health = await exchange("GET /healthz HTTP/1.1", "Host: x", "Connection: close");
    expect(health).toMatch(/^HTTP\/1\.1 503 .*draining$/s);
    expect(await exchange("GET /ws HTTP/1.1", ...HANDSHAKE)).toMatch(/^HTTP\/1\.1 101 /);
  });

  it("can end connections that wait for another request, and goes on", async () => {
    const socket = connect(port, "127.0.0.1");
    socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await once(socket, "data");
    const ended = once(socket, "close");
    await new Promise((resolve) => setImmediate(resolve));
    http.closeIdle();
    await ended;
    expect(await exchange("GET / HTTP/1.1", "Host: x", "Connection: close")).toMatch(/^HTTP\/1\.1 200 /);
  });

  it.each([
    [errors.unavailable, 503],
    [errors.forbidden, 403],
  ])("passes on why core does not admit", async (problem, status) => {
    world.problem = problem;
    const answer = await exchange("GET /ws HTTP/1.1", ...HANDSHAKE);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} .*"name":"${problem.name}"`, "s"));
    expect(told).toEqual([`refused with ${status}`]);
  });

  it.each([
    ["is let in", { identity: ANONYMOUS }, /^HTTP\/1\.1 101 /],
    [
      "is refused",
      { error: errors.badToken },
      /^HTTP\/1\.1 401 .*WWW-Authenticate: Bearer.*"name":"bad_token"/s,
    ],
  ])("waits for a token to be checked, and then the client %s", async (_what, who, expected) => {
    world.who = Promise.resolve(who);
    expect(await exchange("GET /ws HTTP/1.1", ...HANDSHAKE, "Authorization: Bearer x")).toMatch(expected);
    expect(authentication.waiting).toBe(0);
  });

  it("outlives a client that goes while its token is checked", async () => {
    let settle = (_: Verdict): void => {};
    world.who = new Promise((resolve) => {
      settle = resolve;
    });
    const socket = connect(port, "127.0.0.1").on("error", () => {});
    socket.write(`${["GET /ws HTTP/1.1", ...HANDSHAKE, "Authorization: Bearer x"].join("\r\n")}\r\n\r\n`);
    while (authentication.waiting === 0) await new Promise((resolve) => setImmediate(resolve));
    socket.resetAndDestroy();
    await once(socket, "close");
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    settle({ identity: ANONYMOUS });
    expect(await exchange("GET / HTTP/1.1", "Host: x", "Connection: close")).toMatch(/^HTTP\/1\.1 200 /);
  });

  it("refuses what is not HTTP, and a head beyond the limit", async () => {
    expect(await exchange("\u0000nonsense")).toMatch(/^HTTP\/1\.1 400 .*not an HTTP request/s);
    expect(await exchange("GET / HTTP/1.1", "Host: x", `X: ${"x".repeat(5_000)}`)).toMatch(
      /^HTTP\/1\.1 431 /,
    );
  });

  it.each([
    ["nothing", ""],
    ["a head without its end", "GET /ws HTTP/1.1\r\nHost: x\r\n"],
    ["a body without its end", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nxx"],
  ])("waits ten seconds for a client that sends %s, and no longer", async (_what, text) => {
    const arrived = once(http.server, "connection");
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {}).resume();
    if (text !== "") socket.write(text);
    await arrived;
    clock.advance(9_000);
    clock.advance(1_000);
    await once(socket, "close");
  });

  it("keeps no deadline on a WebSocket", async () => {
    const socket = connect(port, "127.0.0.1");
    socket.write(`${["GET /ws HTTP/1.1", ...HANDSHAKE].join("\r\n")}\r\n\r\n`);
    await once(socket, "data");
    clock.advance(60_000);
    const pong = once(socket, "data");
    socket.write(Buffer.of(0x89, 0x80, 0, 0, 0, 0));
    expect((await pong)[0]).toEqual(Buffer.of(0x8a, 0));
    socket.destroy();
  });

  it("goes on as a WebSocket behind an answer that the client has yet to read", async () => {
    const socket = connect(port, "127.0.0.1").pause();
    const ask = `GET /big HTTP/1.1\r\nHost: x\r\n\r\n`;
    socket.write(`${ask}${["GET /ws HTTP/1.1", ...HANDSHAKE].join("\r\n")}\r\n\r\n`);
    const early = Buffer.of(0x89, 0x81, 0, 0, 0, 0, 0x70);
    socket.write(early);
    let answer = "";
    socket.setEncoding("latin1").on("data", (chunk: string) => {
      answer += chunk;
    });
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    socket.resume();
    while (!answer.endsWith("\x8a\x01p")) await new Promise((resolve) => setImmediate(resolve));
    expect(answer.indexOf("HTTP/1.1 101 ")).toBeGreaterThan(BIG.length);
    expect(told).toEqual(["answered", "accepted after 0 s"]);
    socket.destroy();
  });

  it("takes a bare handle with a plain request past the parser, and tells when it has closed", async () => {
    const closed = new Promise<void>((resolve) => {
      ended = resolve;
    });
    const listener = await TcpListener.open({ host: "127.0.0.1", port: 0, backlog: 16 }, (handle) => {
      if (handle === undefined) return;
      const head = `${["GET /ws HTTP/1.1", ...HANDSHAKE].join("\r\n")}\r\n\r\n`;
      expect(http.takeHandle(handle, `${head}\x89\x81\0\0\0\0p`, ended)).toBe(true);
    });
    const socket = connect(listener.port, "127.0.0.1").setEncoding("latin1");
    let answer = "";
    socket.on("data", (chunk: string) => {
      answer += chunk;
    });
    while (!answer.endsWith("\x8a\x01p")) await new Promise((resolve) => setImmediate(resolve));
    socket.destroy();
    await closed;
    listener.close();
  });

  it("refuses on a bare handle, too, and leaves what is not a plain request alone", async () => {
    world.state = "draining";
    const closed = new Promise<void>((resolve) => {
      ended = resolve;
    });
    const listener = await TcpListener.open({ host: "127.0.0.1", port: 0, backlog: 16 }, (handle) => {
      if (handle === undefined) return;
      expect(http.takeHandle(handle, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", ended)).toBe(false);
      const head = `${["GET /ws HTTP/1.1", ...HANDSHAKE].join("\r\n")}\r\n\r\n`;
      expect(http.takeHandle(handle, head, ended)).toBe(true);
    });
    const socket = connect(listener.port, "127.0.0.1");
    let answer = "";
    socket.on("data", (chunk) => {
      answer += String(chunk);
    });
    await once(socket, "close");
    expect(answer).toMatch(/^HTTP\/1\.1 503 /);
    await closed;
    listener.close();
  });

  it("keeps none on a WebSocket whose connection carried plain requests before", async () => {
    const socket = connect(port, "127.0.0.1");
    socket.write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    await once(socket, "data");
    socket.write(`${["GET /ws HTTP/1.1", ...HANDSHAKE].join("\r\n")}\r\n\r\n`);
    await once(socket, "data");
    expect(told).toEqual(["answered", "accepted after 0 s"]);
    clock.advance(80_000);
    const pong = once(socket, "data");
    socket.write(Buffer.of(0x89, 0x80, 0, 0, 0, 0));
    expect((await pong)[0]).toEqual(Buffer.of(0x8a, 0));
    socket.destroy();
  });
});
