import { createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { AgentReport } from "../messages.js";
import { monotonicMicros, stampedData } from "../stamp.js";
import { Agent } from "./agent.js";
import { maskedFrame } from "./frames.js";

const ACCEPTED = "HTTP/1.1 101 Yes\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
const CONNECTED = serverFrame(1, '{"connect":{"sid":"x"}}');

/** A server of few words: what it says to each connection is up to the test. */
let server: Server;
let sockets: Socket[];
let requests: string[];
let answer: (socket: Socket, attempt: number) => void;
let agent: Agent | undefined;
let nowMs: number;

beforeEach(async () => {
  sockets = [];
  requests = [];
  nowMs = 0;
  answer = (socket) => void socket.write(ACCEPTED + CONNECTED, "latin1");
  server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.once("data", (head) => {
      requests.push(head.toString("latin1"));
      answer(socket, requests.length);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterEach(() => {
  agent?.close();
  for (const socket of sockets) socket.destroy();
  server.close();
});

function serverFrame(opcode: number, payload: string): string {
  return String.fromCharCode(0x80 | opcode, payload.length) + payload;
}

async function start(connections: number, reopen = false): Promise<Agent> {
  const { port } = server.address() as { port: number };
  const orders = {
    run: "abc",
    host: "127.0.0.1",
    ports: [port],
    transport: "websocket" as const,
    sending: false,
    path: "/ws",
    channels: "room:{i%3}",
    tokens: { kind: "none" as const },
    first: 100,
    connections,
    sources: ["127.0.2.1", "127.0.2.2"],
    reopen,
  };
  agent = await Agent.create(orders, () => nowMs);
  return agent;
}

async function until(met: (report: AgentReport) => boolean): Promise<AgentReport> {
  for (;;) {
    agent?.tick();
    const report = agent?.report();
    if (report !== undefined && met(report)) return report;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

describe("an agent", () => {
  test("asks for each connection's channels, and counts those whose session stands", async () => {
    const own = await start(4);
    own.open(3);
    await until(({ connected }) => connected === 3);
    const asked = requests.map((head) => /GET (\S+)/.exec(head)?.[1]).sort();
    expect(asked).toEqual(["/ws?channels=room%3A0", "/ws?channels=room%3A1", "/ws?channels=room%3A2"]);
    expect(new Set(sockets.map(({ remoteAddress }) => remoteAddress))).toEqual(
      new Set(["127.0.2.1", "127.0.2.2"]),
    );
  });

  test("an upgrade alone is no session", async () => {
    answer = (socket) => void socket.write(ACCEPTED);
    const own = await start(1);
    own.open(1);
    while (requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    expect(own.report().connected).toBe(0);
    sockets[0]?.write(CONNECTED.slice(0, 5), "latin1");
    sockets[0]?.write(CONNECTED.slice(5), "latin1");
    await until(({ connected }) => connected === 1);
  });

  test("tries again after a refusal, and says how often and why", async () => {
    answer = (socket, attempt) =>
      void socket.write(attempt < 3 ? "HTTP/1.1 503 Full\r\n\r\n" : ACCEPTED + CONNECTED, "latin1");
    const own = await start(1);
    own.open(1);
    const { failures, givenUp } = await until(({ connected }) => {
      nowMs += 500;
      return connected === 1;
    });
    expect(failures).toEqual({ "HTTP 503": 2 });
    expect(givenUp).toBe(0);
  });

  test("gives up after eight attempts", async () => {
    answer = (socket) => socket.destroy();
    const own = await start(1);
    own.open(1);
    const { failures } = await until(({ givenUp }) => {
      nowMs += 1_000;
      return givenUp === 1;
    });
    expect(Object.values(failures).reduce((sum, count) => sum + count, 0)).toBe(8);
    expect(own.busy).toBe(false);
  });

  test("ends an attempt that gets no answer", async () => {
    answer = () => {};
    const own = await start(1);
    own.open(1);
    while (requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    nowMs = 30_001;
    own.tick();
    expect(own.report().failures).toEqual({ "no answer in 30 s": 1 });
  });

  test("answers pings with their payload, also those behind a message", async () => {
    const own = await start(1);
    own.open(1);
    await until(({ connected }) => connected === 1);
    const pong = new Promise<string>((resolve) => {
      sockets[0]?.once("data", (bytes) => resolve(bytes.toString("latin1")));
    });
    sockets[0]?.write(serverFrame(1, "{}") + serverFrame(9, "ab"), "latin1");
    expect(await pong).toBe(maskedFrame(10, "ab"));
    expect(own.report().pings).toBe(1);
  });

  test("hears a round, also in one message with others, and tells what came twice", async () => {
    const own = await start(3);
    own.open(3);
    await until(({ connected }) => connected === 3);
    own.expect(1);
    const text = `{"broadcast":{"data":${stampedData({ run: "abc", round: 1, sentMicros: monotonicMicros() })}}}`;
    sockets[0]?.write(serverFrame(1, text), "latin1");
    sockets[1]?.write(serverFrame(1, text), "latin1");
    sockets[1]?.write(serverFrame(1, text), "latin1");
    await until(() => own.tally().repeated === 1 && own.tally().once === 1);
    expect(own.tally()).toMatchObject({ expected: 3, missing: 1, lost: 0 });
  });

  test("a session that ends is lost, with the reason that the server gave, and is not opened again", async () => {
    const own = await start(2);
    own.open(2);
    await until(({ connected }) => connected === 2);
    sockets[0]?.write(serverFrame(8, "\x0b\xb8drain"), "latin1");
    sockets[1]?.destroy();
    const { failures } = await until(({ lost }) => lost === 2);
    expect(failures).toEqual({ "lost: closed 3000 drain": 1, "lost: closed without a reason": 1 });
    expect(own.busy).toBe(false);
  });

  test("a session that ends is opened again where that is asked for, and the loss is still counted", async () => {
    const own = await start(1, true);
    own.open(1);
    await until(({ connected }) => connected === 1);
    own.expect(1);
    sockets[0]?.destroy();
    const report = await until(({ again }) => {
      nowMs += 100;
      return again === 1;
    });
    expect(report).toMatchObject({ connected: 1, lost: 1, over: 0 });
    // It was not there when the round came, also if it is there now.
    expect(own.tally()).toMatchObject({ expected: 1, missing: 0, lost: 1 });
  });

  test("churn and storm end open sessions and open them again; a round does not count those", async () => {
    const own = await start(3);
    own.open(3);
    await until(({ connected }) => connected === 3);
    own.expect(1);
    own.churn(1);
    await until(({ again }) => again === 1);
    own.storm(2);
    const report = await until(({ again }) => {
      nowMs += 100;
      return again === 3;
    });
    expect(report).toMatchObject({ connected: 3, lost: 0, over: 0 });
    expect(requests).toHaveLength(6);
    expect(own.tally()).toMatchObject({ expected: 1, missing: 1, lost: 0 });
  });

  test("what is closed is as before it was opened", async () => {
    const own = await start(3);
    own.open(3);
    await until(({ connected }) => connected === 3);
    own.shrink(2);
    expect(own.report()).toMatchObject({ connected: 1, lost: 0, over: 0 });
    own.open(5);
    await until(({ connected }) => connected === 3);
    expect(requests).toHaveLength(5);
  });

  test("what is no frame ends the connection", async () => {
    const own = await start(1);
    own.open(1);
    await until(({ connected }) => connected === 1);
    sockets[0]?.write("GET /");
    expect((await until(({ lost }) => lost === 1)).failures).toEqual({ "lost: malformed frame": 1 });
    own.close();
  });
});
