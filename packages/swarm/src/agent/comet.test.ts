/** An agent on event streams and polls, against a server of few words. */
import { createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { AgentOrders, AgentReport } from "../messages.js";
import { monotonicMicros, stampedData } from "../stamp.js";
import type { RunTransport } from "../transport.js";
import { Agent } from "./agent.js";

interface Asked {
  readonly socket: Socket;
  readonly head: string;
  readonly body: string;
}

let server: Server;
let sockets: Socket[];
let asked: Asked[];
/** What the server says to each request; nothing holds it. */
let answer: (request: Asked) => void;
let agent: Agent | undefined;

beforeEach(async () => {
  sockets = [];
  asked = [];
  server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    let text = "";
    socket.on("data", (bytes) => {
      text += bytes.toString("latin1");
      for (let end = text.indexOf("\r\n\r\n"); end >= 0; end = text.indexOf("\r\n\r\n")) {
        const head = text.slice(0, end);
        const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
        const request = { socket, head, body: text.slice(end + 4, end + 4 + length) };
        text = text.slice(end + 4 + length);
        asked.push(request);
        answer(request);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterEach(() => {
  agent?.close();
  for (const socket of sockets) socket.destroy();
  server.close();
});

async function start(transport: RunTransport, changes: Partial<AgentOrders> = {}): Promise<Agent> {
  const { port } = server.address() as { port: number };
  const orders: AgentOrders = {
    run: "abc",
    host: "127.0.0.1",
    ports: [port],
    transport,
    path: `/x/${transport}`,
    channels: "room:{i}",
    tokens: { kind: "none" as const },
    first: 0,
    connections: 4,
    sources: [],
    reopen: false,
    sending: false,
    ...changes,
  };
  agent = await Agent.create(orders, () => performance.now());
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

function ok(body: string): string {
  return `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

function batch(cursor: string, frames: string): string {
  return ok(`{"sid":"s1","cursor":"${cursor}","frames":[${frames}],"wait":25000}`);
}

function stamped(round: number): string {
  return `{"publication":{"channel":"room:0","data":${stampedData({ run: "abc", round, sentMicros: monotonicMicros() })}}}`;
}

const CONNECT = '{"connect":{"sid":"s1","resumeToken":"t1"}}';

describe("polls", () => {
  beforeEach(() => {
    answer = ({ socket, body }) => void (body.includes("cursor") || socket.write(batch("c0", CONNECT)));
  });

  test("the first names the channels, each next one brings the cursor of the last answer", async () => {
    const own = await start("poll");
    own.open(1);
    await until(({ connected }) => connected === 1);
    sockets[0]?.write(batch("c1", stamped(1)));
    while (asked.length < 3) await new Promise((resolve) => setTimeout(resolve, 2));
    expect(asked.map(({ head }) => head.split(" HTTP")[0])).toEqual([
      "POST /x/poll",
      "POST /x/poll?sid=s1",
      "POST /x/poll?sid=s1",
    ]);
    expect(asked.map(({ body }) => JSON.parse(body))).toEqual([
      { channels: ["room:0"] },
      { sid: "s1", cursor: "c0" },
      { sid: "s1", cursor: "c1" },
    ]);
  });

  test("hears a round in an answer that comes in pieces, and counts empty answers as pings", async () => {
    const own = await start("poll");
    own.open(1);
    await until(({ connected }) => connected === 1);
    own.expect(1);
    const text = batch("c1", `${stamped(1)},{"publication":{"channel":"room:0","data":1}}`);
    sockets[0]?.setNoDelay(true);
    sockets[0]?.write(text.slice(0, 60));
    await new Promise((resolve) => setTimeout(resolve, 5));
    sockets[0]?.write(text.slice(60) + batch("c2", ""));
    expect((await until(({ pings }) => pings === 1)).connected).toBe(1);
    expect(own.tally()).toMatchObject({ expected: 1, once: 1, repeated: 0 });
  });

  test.each([
    ["HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n", "lost: HTTP 409"],
    [batch("c1", CONNECT), "lost: its session was made anew"],
    [
      ok('{"sid":"s1","frames":[],"wait":0,"close":{"code":3004,"reason":"no_pong"}}\n'),
      "lost: closed 3004 no_pong",
    ],
    [ok('{"frames":[]}'), "lost: an answer without a cursor"],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "lost: an answer without its length"],
    ["nonsense\r\n\r\n", "lost: not HTTP"],
  ])("%j ends the session", async (text, why) => {
    const own = await start("poll");
    own.open(1);
    await until(({ connected }) => connected === 1);
    sockets[0]?.write(text);
    expect((await until(({ lost }) => lost === 1)).failures).toEqual({ [why]: 1 });
  });
});

describe("event streams", () => {
  const HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
  const event = (text: string): string => {
    const lines = `id: 1\ndata: ${text}\n\n`;
    return `${lines.length.toString(16)}\r\n${lines}\r\n`;
  };

  test("stand with the first event, hear a round whatever the pieces, and take comments as pings", async () => {
    answer = ({ socket }) => void socket.write(HEAD);
    const own = await start("sse");
    own.open(1);
    while (asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    expect(asked[0]?.head).toMatch(/^GET \/x\/sse\?channels=room%3A0 HTTP\/1.1\r\n/);
    expect(own.report().connected).toBe(0);
    sockets[0]?.write(`:padding\n\n${event(CONNECT)}`);
    await until(({ connected }) => connected === 1);
    own.expect(1);
    const text = `${event(stamped(1))}:\n\n`;
    sockets[0]?.setNoDelay(true);
    sockets[0]?.write(text.slice(0, 30));
    await new Promise((resolve) => setTimeout(resolve, 5));
    sockets[0]?.write(text.slice(30));
    await until(({ pings }) => pings === 1);
    expect(own.tally()).toMatchObject({ expected: 1, once: 1 });
  });

  test("a refusal is tried again", async () => {
    answer = ({ socket }) => void socket.write("HTTP/1.1 503 Full\r\nContent-Length: 0\r\n\r\n");
    const own = await start("sse");
    own.open(1);
    const { failures } = await until((report) => Object.keys(report.failures).length > 0);
    expect(failures).toEqual({ "HTTP 503": 1 });
  });
});

describe("clients that send", () => {
  test("ask with session and token on a connection of their own, and what they hear is timed", async () => {
    answer = ({ socket, head, body }) => {
      if (head.includes("/send")) socket.write(ok("{}"));
      else if (!body.includes("cursor")) socket.write(batch("c0", CONNECT));
    };
    const own = await start("poll", { sending: true });
    own.open(2);
    await until(({ connected }) => connected === 2);
    own.send(3);
    let answers = 0;
    const { sent, refused } = await until(({ answering }) => {
      answers += answering.filter((_, index) => index % 2 === 1).reduce((sum, each) => sum + each, 0);
      return answers === 2;
    });
    // Two are open, and no connection sends twice before all others have.
    expect({ sent, refused }).toEqual({ sent: 2, refused: 0 });
    const sends = asked.filter(({ head }) => head.includes("/send"));
    expect(sends[0]?.head).toMatch(/^POST \/x\/send\?sid=s1 HTTP/);
    const { sid, token, commands } = JSON.parse(sends[0]?.body ?? "");
    expect({ sid, token }).toEqual({ sid: "s1", token: "t1" });
    expect(commands[0].publish).toMatchObject({
      channel: expect.stringMatching(/^room:[01]$/),
      data: { swarm: "abc", round: 0 },
    });
    sockets[0]?.write(batch("c1", stamped(0)));
    const { heard } = await until((report) => report.heard === 1);
    expect(heard).toBe(1);
  });

  test("what is refused is counted with its reason, whether the request was or the command", async () => {
    answer = ({ socket, head, body }) => {
      if (head.includes("/send")) socket.write("HTTP/1.1 404 Gone\r\nContent-Length: 0\r\n\r\n");
      else if (!body.includes("cursor")) socket.write(batch("c0", CONNECT));
    };
    const own = await start("poll", { sending: true });
    own.open(1);
    await until(({ connected }) => connected === 1);
    own.send(1);
    await until(({ refused }) => refused === 1);
    sockets[0]?.write(batch("c1", '{"id":1,"error":{"code":102,"name":"forbidden"}}'));
    const { failures } = await until(({ refused }) => refused === 2);
    expect(failures).toEqual({ "not sent: HTTP 404": 1, "not sent: forbidden": 1 });
  });

  test("no connection sends before it is connected", async () => {
    answer = () => {};
    const own = await start("sse", { sending: true });
    own.open(1);
    own.send(5);
    expect(own.report().sent).toBe(0);
  });
});
