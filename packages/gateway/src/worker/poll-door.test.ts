/**
 * Connections of polls on bare handles: what is answered there, what is left to Node's server, and what ends
 * them.
 */
import { createServer, type Server } from "node:http";
import { connect, type Socket } from "node:net";
import { FakeClock } from "@holdfast/core/testing";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { Exchanges } from "../http/exchanges.js";
import { errorAnswer, httpError } from "../http/http-answer.js";
import { HandleIo } from "../runtime/handle-io.js";
import { ReadBudget } from "../runtime/read-budget.js";
import type { TcpHandle } from "../runtime/tcp-handle.js";
import { TcpListener } from "../runtime/tcp-listener.js";
import type { AskingPoll } from "./comet/poll-requests.js";
import { ClientAddresses } from "./http/client-addresses.js";
import { LaterClients } from "./http/later-clients.js";
import { PartedBody } from "./http/parted-body.js";
import { type PollDoorParts, pollDoor } from "./poll-door.js";
import type { PollingConnections } from "./polling/polling-connections.js";
import { UnfinishedMessages } from "./sockets/unfinished-messages.js";

const IDLE_MS = 75_000;
const BODY = '{"channels":["tea"]}';
/** More than the kernels of both sides take at once. */
const BIG = "x".repeat(16_000_000);

const post = (body = BODY, lines = "", path = "/poll?sid=a"): string =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\n${lines}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
const empty = new PartedBody('{"frames":[', [], "]}\n");

let clock: FakeClock;
let told: string[];
let asked: { readonly poll: AskingPoll; readonly body: string }[];
let world: { state: "open" | "draining"; fanOut: number; foreign: boolean };
let node: Server;
let unfinished: UnfinishedMessages;
let exchanges: Exchanges;
let doors: PollingConnections[];
let listeners: TcpListener[];
let clients: Socket[];

beforeEach(() => {
  clock = new FakeClock();
  told = [];
  asked = [];
  world = { state: "open", fanOut: 0, foreign: false };
  doors = [];
  listeners = [];
  clients = [];
  unfinished = new UnfinishedMessages({ timeoutMs: 10_000, maxBytes: 1_000_000 }, clock);
  exchanges = new Exchanges(clock, 5_000, (why) => told.push(`cut as ${why}`));
  node = createServer({ requireHostHeader: false }, (request, response) => {
    let body = "";
    request
      .on("data", (bytes) => (body += bytes))
      .on("end", () => {
        response.end(`node has ${request.method} ${request.url} ${body}`);
      });
  }).on("clientError", (_error, socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
});

afterEach(() => {
  for (const each of doors) each.close();
  for (const each of listeners) each.close();
  for (const each of clients) each.destroy();
  unfinished.close();
  exchanges.close();
  expect(clock.timers).toBe(0);
});

function makeDoor(maxKeptBytes?: number, io = new HandleIo()): PollingConnections {
  const limits = { open: () => undefined, hold: () => undefined, moved: () => told.push("moved") };
  const parts: PollDoorParts = {
    polling: { io, idleMs: IDLE_MS },
    core: {
      get state() {
        return world.state;
      },
    },
    comet: {
      get fanOut() {
        return world.fanOut;
      },
      pollRefusal: () => (world.foreign ? errorAnswer(403, httpError(403, "Foreign.")) : undefined),
      poll: (poll, body) => void asked.push({ poll, body }),
    },
    relay: { maxBodyBytes: 200_000, unfinished },
    later: new LaterClients(new ClientAddresses({ proxyProtocol: false, trustedProxies: [] }), limits),
    maxHeadBytes: 16_384,
    clock,
    answered: () => told.push("answered"),
    cut: (why) => told.push(`cut as ${why}`),
  };
  const sockets = { watch: (socket: Socket, ended: () => void) => void socket.once("close", ended) };
  const isHere = ({ url = "" }): boolean => !url.includes("sid=other");
  const door = pollDoor(parts, { server: node, sockets, exchanges, relay: { isHere } }, maxKeptBytes);
  if (door === undefined) throw new Error("no door");
  doors.push(door);
  return door;
}

interface Client {
  readonly socket: Socket;
  readonly text: () => string;
  readonly door: PollingConnections;
}

/** A client whose first request, `head`, was read at the front door. */
async function arrive(head: string, door = makeDoor()): Promise<Client & { readonly isTaken: boolean }> {
  let taken: boolean | undefined;
  // Those of the test before may end during this one.
  const log = told;
  const listener = await TcpListener.open({ host: "127.0.0.1", port: 0, backlog: 8 }, (handle) => {
    taken = handle !== undefined && door.take(handle, head, () => log.push("ended"));
    if (!taken) (handle as TcpHandle).close();
  });
  listeners.push(listener);
  const socket = connect(listener.port, "127.0.0.1").setEncoding("latin1");
  clients.push(socket);
  let text = "";
  socket.on("data", (bytes: string) => (text += bytes)).on("error", () => {});
  await until(() => taken !== undefined);
  return { socket, text: () => text, door, isTaken: taken === true };
}

/** Turns of the loop until it is so. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((turn) => setImmediate(turn));
}

const turns = async (): Promise<void> => {
  for (let i = 0; i < 50; i++) await new Promise((turn) => setImmediate(turn));
};
const answers = ({ text }: Client): number => text().match(/HTTP\/1\.1 \d{3}/g)?.length ?? 0;
const last = (): AskingPoll => asked.at(-1)?.poll as AskingPoll;

describe("a connection of polls", () => {
  it("carries one poll after another, and is kept between them", async () => {
    const client = await arrive(post());
    for (let i = 1; i <= 3; i++) {
      await until(() => asked.length === i);
      expect(client.door.free).toBe(0);
      last().poll.answer(new PartedBody('{"frames":[', [Buffer.from(`,"${i}"`)], "]}\n"));
      await until(() => answers(client) === i);
      expect(client.door.free).toBe(1);
      client.socket.write(post(`{"cursor":"${i}"}`));
    }
    await until(() => asked.length === 4);
    expect(asked.map(({ body }) => body)).toEqual([
      BODY,
      '{"cursor":"1"}',
      '{"cursor":"2"}',
      '{"cursor":"3"}',
    ]);
    expect(client.text()).toMatch(/^HTTP\/1\.1 200 OK\r\nConnection: keep-alive\r\nDate: .* GMT\r\n/);
    expect(client.text()).toContain('Content-Length: 17\r\n\r\n{"frames":["1"]}\n');
    expect(told).toEqual(Array(4).fill("answered"));
  });

  it("tells who asks, by the headers and the address of the client", async () => {
    await arrive(post(BODY, "Origin: http://x\r\nAuthorization: Bearer t\r\n"));
    const poll = last();
    expect(poll.head).toMatchObject({
      url: "/poll?sid=a",
      headers: { host: "x", authorization: "Bearer t" },
    });
    expect(poll.peer()).toBe("127.0.0.1");
  });

  it("says to pages that they may read its answers, and compresses where both sides do", async () => {
    const client = await arrive(post(BODY, "Origin: http://x\r\nAccept-Encoding: gzip\r\n"));
    last().poll.answer(empty, () => Buffer.from("zipped"));
    await until(() => client.text().endsWith("zipped"));
    for (const line of ["Access-Control-Allow-Origin: http://x", "Vary: Origin, Accept-Encoding"])
      expect(client.text()).toContain(`\r\n${line}\r\n`);
    expect(client.text()).toContain("\r\nContent-Encoding: gzip\r\nContent-Length: 6\r\n");
    client.socket.write(post());
    await until(() => asked.length === 2);
    last().poll.answer(empty, () => Buffer.from("zipped"));
    await until(() => client.text().endsWith("]}\n"));
    expect(client.text()).toContain("\r\nVary: Accept-Encoding\r\nContent-Length: 14\r\n");
  });

  it.each([3, 60, 78, 90])("reads a request that is cut after %d bytes", async (at) => {
    const client = await arrive(post());
    last().send(errorAnswer(503, httpError(503, "Later.")));
    await until(() => answers(client) === 1);
    const next = post('{"cursor":"ä"}', "X-Other: some text\r\n");
    client.socket.write(next.slice(0, at));
    await turns();
    expect(asked).toHaveLength(1);
    client.socket.write(next.slice(at));
    await until(() => asked.length === 2);
    expect(asked[1]?.body).toBe('{"cursor":"ä"}');
    expect(unfinished.size).toBe(0);
  });

  it("answers a refusal that is in the head, and asks anew with the next", async () => {
    world.foreign = true;
    const client = await arrive(post());
    await until(() => answers(client) === 1);
    expect(client.text()).toMatch(/^HTTP\/1\.1 403 /);
    world.foreign = false;
    client.socket.write(post());
    await until(() => asked.length === 1);
  });

  it("answers a body that is not UTF-8, and goes on", async () => {
    const client = await arrive(post("ab").replace("ab", "\xff\xfe"));
    await until(() => answers(client) === 1);
    expect(client.text()).toMatch(/^HTTP\/1\.1 400 .*not UTF-8/s);
    client.socket.write(post());
    await until(() => asked.length === 1);
  });

  it("ends with an answer while the worker drains, and says so", async () => {
    const client = await arrive(post());
    world.state = "draining";
    last().poll.answer(empty);
    await until(() => client.socket.readableEnded);
    expect(client.text()).toContain("\r\nConnection: close\r\n");
    await until(() => told.includes("ended"));
    expect(client.door.free).toBe(0);
  });

  it("that does not end after its last answer is ended", async () => {
    const { door, socket } = await arrive(post());
    socket.allowHalfOpen = true;
    world.state = "draining";
    last().poll.answer(empty);
    await turns();
    expect(door.free).toBe(1);
    clock.advance(6_000);
    await until(() => told.includes("ended"));
  });

  it("has its time between two polls, and none while one is held", async () => {
    const { socket } = await arrive(post());
    clock.advance(2 * IDLE_MS);
    await turns();
    expect(told).toEqual(["answered"]);
    last().poll.answer(empty);
    await until(() => socket.bytesRead > 0);
    clock.advance(IDLE_MS + 1_001);
    await until(() => told.includes("ended"));
  });

  it("is ended at once between two polls when the worker goes", async () => {
    const { door, socket } = await arrive(post());
    door.idle.clear();
    last().poll.answer(empty);
    await until(() => socket.bytesRead > 0);
    expect(told).toEqual(["answered"]);
    door.idle.clear();
    await until(() => told.includes("ended"));
  });

  it("is not waited for with a part of a request", async () => {
    const client = await arrive(post("x".repeat(100_000)).slice(0, 200));
    expect(unfinished.size).toBe(1);
    clock.advance(11_000);
    await until(() => client.socket.readableEnded);
    expect(client.text()).toMatch(/^HTTP\/1\.1 408 .*\r\nConnection: close\r\n/s);
    await until(() => told.includes("ended"));
  });

  it("tells its session that the poll is lost when its client ends", async () => {
    const { socket, door } = await arrive(post());
    const poll = last();
    poll.poll.heldBy({
      flush() {},
      lost: (held: unknown) => told.push(`lost ${held === poll.poll}`),
    } as never);
    socket.end();
    await until(() => told.includes("lost true"));
    expect(poll.poll.destroyed).toBe(true);
    poll.poll.answer(empty);
    expect(told).toEqual(["answered", "ended", "lost true"]);
    expect(door.free).toBe(0);
  });

  it("asks the session that holds its poll when it was held long enough", async () => {
    await arrive(post());
    const flush = (nothing: boolean) => told.push(`flush ${nothing}`);
    last().poll.heldBy({ flush, lost() {} } as never);
    last().poll.destroy();
    expect(told).toEqual(["answered", "flush true"]);
  });

  it.each([
    [409, (poll: AskingPoll) => poll.poll.supersede()],
    [503, (poll: AskingPoll) => poll.poll.drop()],
  ])("says %d when its session goes on without it", async (status, say) => {
    const client = await arrive(post(BODY, "Origin: http://x\r\n"));
    say(last());
    last().poll.answer(empty);
    await until(() => answers(client) === 1);
    await turns();
    expect(client.text()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} .*Allow-Origin: http://x\\r\\n`, "s"));
    expect(answers(client)).toBe(1);
  });

  it("is cut when its client does not read an answer", async () => {
    const { socket } = await arrive(post());
    socket.pause();
    last().poll.answer(new PartedBody(BIG, [], ""));
    clock.advance(4_000);
    await turns();
    expect(told).toEqual(["answered"]);
    clock.advance(2_000_000);
    await until(() => told.includes("ended"));
    expect(told).toContain("cut as unread");
  });

  it("reads the next poll once a long answer has left", async () => {
    const client = await arrive(post());
    client.socket.pause();
    last().poll.answer(new PartedBody(BIG, [], ""));
    client.socket.write(post("{}"));
    await turns();
    clock.runDeferred();
    expect(asked).toHaveLength(1);
    client.socket.resume();
    await until(() => client.text().length > BIG.length && clock.runDeferred() >= 0 && asked.length === 2);
    clock.advance(60_000);
    expect(told).toEqual(["answered", "answered"]);
  });
});

describe("requests before an answer", () => {
  it("wait for it, and are answered in their order", async () => {
    const client = await arrive(post("{}"));
    client.socket.write(post('{"a":2}') + post('{"a":3}'));
    await until(() => client.door.kept.bytes > 0);
    for (let i = 1; i <= 3; i++) {
      await turns();
      await until(() => clock.runDeferred() >= 0 && asked.length >= i);
      expect(asked).toHaveLength(i);
      last().poll.answer(new PartedBody(`{"n":${i}`, [], "}"));
      await until(() => answers(client) === i);
    }
    expect(asked.map(({ body }) => body)).toEqual(["{}", '{"a":2}', '{"a":3}']);
    expect(client.text().match(/"n":\d/g)).toEqual(['"n":1', '"n":2', '"n":3']);
    expect(client.door.kept.bytes).toBe(0);
  });

  it("that came with the first wait as well, and may be Node's", async () => {
    const client = await arrive(`${post("{}")}GET /next HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    await turns();
    clock.runDeferred();
    expect(client.text()).toBe("");
    last().poll.answer(empty);
    clock.runDeferred();
    await until(() => client.socket.readableEnded);
    expect(client.text()).toMatch(/\{"frames":\[\]\}\nHTTP\/1\.1 200 .*node has GET \/next/s);
  });

  it("are not read on and on", async () => {
    const client = await arrive(post());
    const much = "x".repeat(20_000_000);
    client.socket.write(much);
    await turns();
    expect(client.door.kept.bytes).toBeLessThan(200_000);
    expect(client.socket.writableLength).toBeGreaterThan(0);
  });

  it("are not read on where what came before was over the budget of reads", async () => {
    const client = await arrive(post());
    last().poll.answer(empty);
    client.socket.write(post("x".repeat(190_000)) + "x".repeat(20_000_000));
    await until(() => asked.length === 2);
    await turns();
    expect(client.door.kept.bytes).toBeLessThan(300_000);
    expect(client.socket.writableLength).toBeGreaterThan(0);
    expect(told).not.toContain("cut as pipelined");
  });

  it("are not read on and on where the budget of the process goes on with them, either", async () => {
    const budget = new ReadBudget({ maxBytes: 1, maxTurnBytes: 1, smallBytes: 1 });
    const client = await arrive(post(), makeDoor(undefined, new HandleIo(budget)));
    client.socket.write("x".repeat(20_000_000));
    let most = 0;
    await until(() => {
      most = Math.max(most, client.door.kept.bytes);
      return told.includes("ended");
    });
    expect(told).toContain("cut as pipelined");
    expect(most).toBeLessThan(400_000);
  });

  it("do not hide the client's end behind its last answer", async () => {
    const client = await arrive(post());
    client.socket.write(post("{}"));
    await until(() => client.door.kept.bytes > 0);
    world.state = "draining";
    last().poll.answer(empty);
    client.socket.end();
    await until(() => told.includes("ended"));
    expect(answers(client)).toBe(1);
  });

  it("beyond what may be kept end the connection", async () => {
    const client = await arrive(post(), makeDoor(1_000));
    client.socket.write(post("x".repeat(2_000)));
    await until(() => told.includes("ended"));
    expect(told).toEqual(["answered", "cut as pipelined", "ended"]);
    expect(client.door.kept.bytes).toBe(0);
  });
});

describe("a return that comes during the fan-out it was answered by", () => {
  it("waits until the others have their answers", async () => {
    const client = await arrive(post());
    world.fanOut = 7;
    last().poll.answer(empty);
    client.socket.write(post("{}"));
    await until(() => client.door.kept.bytes > 0);
    clock.runDeferred();
    expect(asked).toHaveLength(1);
    world.fanOut = 0;
    clock.runDeferred();
    expect(asked).toHaveLength(2);
    expect(client.door.kept.bytes).toBe(0);
  });

  it.each([
    ["during another", 8, undefined],
    ["where no more may be kept", 7, 10],
  ])("is worked off at once %s", async (_when, fanOut, most) => {
    const client = await arrive(post(), makeDoor(most));
    world.fanOut = 7;
    last().poll.answer(empty);
    world.fanOut = fanOut;
    client.socket.write(post("{}"));
    await until(() => asked.length === 2);
  });

  it("is worked off before its client's end is", async () => {
    const client = await arrive(post());
    world.fanOut = 7;
    last().poll.answer(empty);
    client.socket.end(post('{"commands":[]}'));
    await until(() => told.includes("ended"));
    expect(asked.at(-1)?.body).toBe('{"commands":[]}');
    clock.runDeferred();
    expect(client.door.kept.bytes).toBe(0);
  });
});

describe("what is no plain poll", () => {
  const others: readonly [string, string, RegExp][] = [
    ["another path", post("{}", "Connection: close\r\n", "/send"), /node has POST \/send \{\}$/],
    ["a longer path", post("{}", "Connection: close\r\n", "/polls"), /node has POST \/polls \{\}$/],
    ["another method", "GET /poll HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", /node has GET \/poll $/],
    [
      "a session of another worker",
      post("{}", "", "/poll?sid=other"),
      /node has POST \/poll\?sid=other \{\}$/,
    ],
    ["a last request", post("{}", "Connection: close\r\n"), /node has POST \/poll\?sid=a \{\}$/],
    ["an old name of that", post("{}", "Proxy-Connection: close\r\n"), /node has POST \/poll\?sid=a \{\}$/],
    [
      "an expectation",
      post("{}", "Expect: 100-continue\r\n"),
      /100 Continue.*node has POST \/poll\?sid=a \{\}$/s,
    ],
    ["an offer", post("{}", "Upgrade: h2c\r\n"), /node has POST \/poll\?sid=a \{\}$/],
    [
      "a chunked body",
      "POST /poll HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
      /node has POST \/poll \{\}$/,
    ],
    ["no length", "POST /poll HTTP/1.1\r\nHost: x\r\n\r\n", /node has POST \/poll $/],
    ["two lengths", post("{}", "Content-Length: 2\r\n"), / 400 /],
    ["HTTP/1.0", post("{}").replace("HTTP/1.1", "HTTP/1.0"), /node has POST \/poll\?sid=a \{\}$/],
    ["an empty line", `\r\n${post("{}")}`, /node has POST \/poll\?sid=a \{\}$/],
    ["a long body", post("x".repeat(200_001)), /node has POST \/poll\?sid=a x{200001}$/],
    ["a long head", post("{}", `X: ${"x".repeat(5_000)}\r\n`), /node has POST \/poll\?sid=a \{\}$/],
    ["no HTTP", "\x16\x03\x01", / 400 /],
    ["lines that end with LF alone", post("{}").replaceAll("\r\n", "\n"), / 400 /],
    ["one such line", "POST /poll HTTP/1.1\r\nHost: x\nX: ", / 400 /],
  ];

  it.each(others)("is left to Node's server at first: %s", async (_what, text) => {
    expect((await arrive(text)).isTaken).toBe(false);
    expect(told).toEqual([]);
  });

  it.each(others)("goes on in Node's server later: %s", async (_what, text, expected) => {
    const client = await arrive(post());
    last().poll.answer(empty);
    await until(() => answers(client) === 1);
    client.socket.write(text, "latin1");
    await until(() => expected.test(client.text()));
    expect(asked).toHaveLength(1);
    expect(client.door.free).toBe(0);
    expect(told.slice(0, 2)).toEqual(["answered", "moved"]);
    client.socket.destroy();
    await until(() => told.includes("ended"));
  });

  it.each([
    ["head", "POST /poll HTTP/1.1\r\nHo"],
    ["body", post("{}").slice(0, -1)],
  ])("is a request that ends within its %s", async (_part, text) => {
    const client = await arrive(post());
    last().poll.answer(empty);
    await until(() => answers(client) === 1);
    client.socket.end(text);
    await until(() => client.socket.readableEnded && told.includes("ended"));
    expect(client.text()).toMatch(/ 400 /);
    expect(asked).toHaveLength(1);
    expect([client.door.free, unfinished.size]).toEqual([0, 0]);
  });

  it("is a request in very many pieces, too", async () => {
    const client = await arrive(post());
    last().poll.answer(empty);
    await until(() => answers(client) === 1);
    for (const piece of post("x".repeat(100))) {
      client.socket.write(piece);
      await new Promise((turn) => setImmediate(turn));
    }
    await until(() => /node has POST \/poll\?sid=a x{100}$/.test(client.text()));
    expect(unfinished.size).toBe(0);
  });
});
