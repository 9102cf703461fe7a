/**
 * Attacks from inside the protocol: clients who may connect and mean harm. Floods, hoards, JSON bombs, wrong
 * bytes, sizes.
 *
 * After each the same processes run, a bystander has missed nothing, nothing is left in Redis, and the heap
 * is what it was.
 */
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { RedisServer } from "@holdfast/redis/testing";
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { Redis } from "ioredis";
import { eventually, within } from "./deadline.js";
import { GatewayProcess } from "./gateway-process.js";
import { metric } from "./metrics-text.js";
import { PlainClient } from "./plain-client.js";
import { frame, OPCODES, RawSocket } from "./raw-socket.js";
import { Resources } from "./resources.js";

jest.setTimeout(120_000);

const MAX_CHANNELS = 10_000;
const MIB = 1024 * 1024;
const LOOK_EVERY_MS = 3_000;

const shared = new Resources();
const own = new Resources();
let gateway: GatewayProcess;
let redis: Redis;
let bystander: PlainClient;
let pids: readonly number[];
let heapBefore = 0;
let round = 0;

const numbers = async () => (await gateway.adminGet("/metrics")).text;
const heap = async () => metric(await numbers(), "holdfast_heap_used_bytes");
const listenedTo = async () => (await redis.pubsub("CHANNELS", "holdfast:channel:*")) as string[];

beforeAll(async () => {
  const server = shared.add(await RedisServer.start());
  redis = new Redis(server.port, "127.0.0.1");
  shared.add({ close: () => redis.disconnect() });
  const args = [
    ...["--redis", server.url, "--events", "--history-size", "10"],
    ...["--max-channels", `${MAX_CHANNELS}`, "--command-rate", "10000"],
    ...["--gc-interval", "1s", "--head-timeout", "2s", "--resume-window", "0ms"],
  ];
  gateway = shared.add(await GatewayProcess.start({ args }));
  bystander = shared.add(await PlainClient.subscribed(gateway.ws("channels=calm")));
  pids = gateway.workerPids();
  // What is made once, such as code that was never run before, is no leak.
  const client = await PlainClient.connected(gateway.ws(), ["warm"]);
  await client.command("send", { data: 1 });
  await client.close();
  heapBefore = await heap();
});

afterEach(async () => {
  await own.close();
  const marker = `round ${++round}`;
  await gateway.publish("calm", marker);
  await bystander.until(marker);
  expect(gateway.workerPids()).toEqual(pids);
  expect(gateway.log.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  await eventually("only the bystander's channel is listened to", async () => {
    const channels = await listenedTo();
    return channels.length === 1 && metric(await numbers(), "holdfast_connections") === 1;
  });
  await eventually(
    "the memory is what it was",
    async () => {
      // Each look is work for the worker, and the collection timer waits for a loop that has little.
      await sleep(LOOK_EVERY_MS);
      return (await heap()) < heapBefore + 16 * MIB;
    },
    30_000,
  );
});
afterAll(() => shared.close());

async function raw(): Promise<RawSocket> {
  const socket = await RawSocket.open(gateway.ws());
  own.add({ close: () => socket.destroy() });
  return socket;
}

const opened = async () => own.add(await PlainClient.connected(gateway.ws()));

/** Commands as clients that are in a hurry send them: many in a message. */
function send(client: PlainClient, commands: readonly object[]): void {
  for (let i = 0; i < commands.length; i += 64)
    client.send(
      commands
        .slice(i, i + 64)
        .map((command) => JSON.stringify(command))
        .join("\n"),
    );
}

async function answers(client: PlainClient, count: number): Promise<Map<string, number>> {
  const names = new Map<string, number>();
  for (let i = 0; i < count; i++) {
    const { error } = await client.next(30_000);
    const name = error?.name ?? "ok";
    names.set(name, (names.get(name) ?? 0) + 1);
  }
  return names;
}

describe("a hoard", () => {
  test("of 10,000 channels by one client is had, ends at the limit, and goes with the client", async () => {
    const client = await opened();
    const wanted = Array.from({ length: MAX_CHANNELS + 50 }, (_, n) => ({
      id: 1000 + n,
      subscribe: { channel: `hoard:${n}` },
    }));
    send(client, wanted);
    expect(Object.fromEntries(await answers(client, wanted.length))).toEqual({
      ok: MAX_CHANNELS,
      limit_channels: 50,
    });
    expect(await listenedTo()).toHaveLength(MAX_CHANNELS + 1);
    client.terminate();
  });

  test("of channels in one connect is bounded by the message", async () => {
    const client = own.add(await PlainClient.connect(gateway.ws()));
    const subs = Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`hoard:${n}`, null]));
    client.send({ id: 1, connect: { subs } });
    expect(await within(client.closed, "the end")).toMatchObject({ code: 3501 });
  });
});

describe("a flood", () => {
  test("of subscribes and unsubscribes leaves nothing behind, wherever it is cut off", async () => {
    const clients = await Promise.all(Array.from({ length: 10 }, opened));
    for (const [who, client] of clients.entries()) {
      const flood = Array.from({ length: 4000 }, (_, n) => [
        { id: 10 + 2 * n, subscribe: { channel: `flood:${who}-${n % 500}` } },
        { id: 11 + 2 * n, unsubscribe: { channel: `flood:${who}-${n % 500}` } },
      ]);
      send(client, flood.flat());
      // Half of them do not wait for the answers.
      if (who % 2 === 0) client.terminate();
    }
    for (const client of clients.filter((_, who) => who % 2 === 1)) {
      const names = await answers(client, 8000);
      expect([...names.keys()].every((name) => ["ok", "not_subscribed"].includes(name))).toBe(true);
    }
  });

  test("of commands beyond the rate ends the client alone", async () => {
    const socket = await raw();
    socket.text('{"id":1,"connect":{}}');
    const one = frame(OPCODES.text, Buffer.from(Array(64).fill('{"id":2,"send":{"data":1}}').join("\n")));
    socket.socket.write(Buffer.concat(Array.from({ length: 2000 }, () => one)));
    expect(await within(socket.closed, "the end of the flood", 30_000)).toMatchObject({ code: 3007 });
    // The limit let 20,000 through at once and 10,000 a second; the stream is bounded in any case.
    expect(await redis.xlen("holdfast:events")).toBeLessThan(110_000);
  });
});

describe("a bomb of JSON", () => {
  const ended = async (text: string | Buffer): Promise<number | undefined> => {
    const socket = await raw();
    socket.socket.write(frame(OPCODES.text, Buffer.from(text)));
    return (await within(socket.closed, "the end of the attacker")).code;
  };
  const deep = (depth: number) => "[".repeat(depth) + "]".repeat(depth);

  test("by depth is refused before it is parsed", async () => {
    expect(await ended(`{"id":1,"connect":${deep(30_000)}}`)).toBe(3500);
    expect(await ended(`{"id":1,"connect":{"x":${'{"x":'.repeat(10_000)}1${"}".repeat(10_000)}}}`)).toBe(
      3500,
    );
    expect(await ended("[".repeat(60_000))).toBe(3500);
  });

  test("by depth as data passes up to the limit, and no further", async () => {
    const client = await opened();
    expect((await client.command("send", { data: JSON.parse(deep(62)) })).send).toEqual({});
    client.send(`{"id":9,"send":{"data":${deep(63)}}}`);
    expect(await within(client.closed, "the end")).toMatchObject({ code: 3500 });
  });

  test("by keys is bounded by the message, and otherwise only data", async () => {
    const client = await opened();
    const keys = Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [`k${n}`, n]));
    expect((await client.command("send", { data: keys })).send).toEqual({});
    expect((await client.command("subscribe", { channel: "calm", ...keys })).subscribe).toBeDefined();
    await client.close();
  });

  test("by names that mean something to JavaScript changes nothing", async () => {
    const client = own.add(await PlainClient.connect(gateway.ws()));
    client.send(
      '{"id":1,"connect":{"__proto__":{"token":"x","subs":{"a b":null}},"constructor":{"prototype":{"polluted":1}},"subs":{"__proto__":null,"constructor":null,"toString":null}}}',
    );
    const connect = (await client.nextMessage()).replace(/.*"subs":/, "");
    // Three channels like any other.
    expect(connect).toMatch(
      /^\{"__proto__":\{"offset":0,.*"constructor":\{"offset":0,.*"toString":\{"offset":0/,
    );
    for (const name of ["__proto__", "constructor", "hasOwnProperty", "toString"]) {
      client.send(`{"id":2,"${name}":{}}`);
      expect(await client.next()).toMatchObject({ id: 2, error: { name: "unknown_command" } });
    }
    client.send('{"id":3,"publish":{"channel":"demo:a","data":{"__proto__":{"polluted":1},"a":1}}}');
    expect(await client.next()).toMatchObject({ id: 3, publish: { offset: expect.any(Number) } });
    client.send('{"id":4,"history":{"channel":"demo:a","limit":1,"reverse":true}}');
    expect(await client.nextMessage()).toContain('"data":{"__proto__":{"polluted":1},"a":1}');
    expect(await client.command("publish", { channel: "__proto__", data: 1 })).toMatchObject({
      error: { name: "forbidden" },
    });
    await client.close();
  });

  test("by numbers is data, and travels as it was written", async () => {
    const client = await opened();
    client.send(`{"id":5,"publish":{"channel":"demo:n","data":[1e400,-1e400,1${"0".repeat(5000)},1e-400]}}`);
    expect(await client.next()).toMatchObject({ id: 5, publish: {} });
    expect(
      (await client.command("history", { channel: "demo:n", limit: 1 })).history.publications,
    ).toMatchObject([{ data: [Infinity, -Infinity, Infinity, 0] }]);
    for (const id of ["1e400", "-1", "0", "1.5", "9007199254740993", '"1"', "[1]", "null"])
      expect(await ended(`{"id":${id},"connect":{}}`)).toBe(3500);
    await client.close();
  });
});

describe("bytes that are no text", () => {
  test.each([
    ["a lone continuation", [0x80]],
    ["an overlong slash", [0xc0, 0xaf]],
    ["a surrogate", [0xed, 0xa0, 0x80]],
    ["beyond Unicode", [0xf4, 0x90, 0x80, 0x80]],
    ["a character that is cut off", [0xe2, 0x82]],
  ])("in a message end the connection: %s", async (_, bytes) => {
    const socket = await raw();
    const [head, tail] = ['{"id":1,"connect":{"client":"', '"}}'].map((part) => Buffer.from(part));
    socket.socket.write(
      frame(
        OPCODES.text,
        Buffer.concat([head ?? Buffer.alloc(0), Buffer.from(bytes), tail ?? Buffer.alloc(0)]),
      ),
    );
    expect(await within(socket.closed, "the end")).toMatchObject({ code: 3500 });
  });

  test("are found where fragments meet, and a character across them is not one", async () => {
    const text = Buffer.from('{"id":1,"connect":{"client":"€"}}');
    const cut = text.indexOf(0x82);
    const good = await raw();
    good.socket.write(frame(OPCODES.text, text.subarray(0, cut), { final: false }));
    good.socket.write(frame(OPCODES.continuation, text.subarray(cut)));
    await eventually("it is answered", () => good.messages.some((message) => message.includes('"sid"')));
    const bad = await raw();
    bad.socket.write(frame(OPCODES.text, text.subarray(0, cut), { final: false }));
    bad.socket.write(frame(OPCODES.continuation, Buffer.from('"}}')));
    expect(await within(bad.closed, "the end")).toMatchObject({ code: 3500 });
  });

  test.each(["%ff", "%c0%af", "a%00b", "a%e2%80%8bb", "%ed%a0%80", "%"])(
    "in a URL are refused: %s",
    async (channel) => {
      await expect(RawSocket.open(`${gateway.ws()}?channels=${channel}`)).rejects.toMatchObject({
        status: 400,
      });
    },
  );
});

describe("everything oversized", () => {
  test("is refused where it is said, and the connection goes on", async () => {
    const client = own.add(await PlainClient.connect(gateway.ws()));
    const long = (length: number) => "x".repeat(length);
    const sid = `AAAA${"0".repeat(16)}`;
    const wrong: [op: string, body: object, name: string][] = [
      ["connect", { token: long(8193) }, "bad_request"],
      ["connect", { resume: { sid, token: long(4097) } }, "bad_request"],
      ["connect", { resume: { sid: long(21), token: "x" } }, "bad_request"],
      ["connect", { subs: { [long(256)]: null } }, "bad_channel"],
      ["connect", { subs: { a: { offset: 1, epoch: long(65) } } }, "bad_request"],
    ];
    for (const [op, body, name] of wrong)
      expect((await client.command(op, body)).error).toMatchObject({ name });
    // The client's own name is cut.
    expect((await client.command("connect", { client: long(10_000) })).connect.sid).toBeDefined();
    const later: [op: string, body: object, name: string][] = [
      ["subscribe", { channel: long(256) }, "bad_channel"],
      ["subscribe", { channel: "é".repeat(128) }, "bad_channel"],
      ["subscribe", { channel: "a", since: { offset: 2 ** 53, epoch: "e" } }, "bad_request"],
      ["publish", { channel: "demo:a", data: 1, key: long(129) }, "bad_request"],
      ["history", { channel: "demo:a", limit: 1001 }, "bad_request"],
      ["unsubscribe", { channel: long(60_000) }, "bad_channel"],
    ];
    for (const [op, body, name] of later)
      expect((await client.command(op, body)).error).toMatchObject({ name });
    await client.close();
  });

  test("ends the connection where it is the message itself", async () => {
    for (const bytes of [
      frame(OPCODES.text, Buffer.alloc(65_537, 0x20)),
      Buffer.from([0x81, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4]),
    ]) {
      const socket = await raw();
      socket.socket.write(bytes);
      expect(await within(socket.closed, "the end")).toMatchObject({ code: 3501 });
    }
  });
});

test("100 POSTs that announce a body and never send it are answered or ended, and hold up no other client", async () => {
  const paths = ["/poll", "/send", "/sse", "/ws", "/"];
  const settled = Array.from({ length: 100 }, (_, n) => {
    const socket = connect(gateway.port, "127.0.0.1");
    own.add({ close: () => socket.destroy() });
    socket.on("error", () => {});
    socket.write(
      `POST ${paths[n % paths.length]} HTTP/1.1\r\nHost: gateway.example\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n`,
    );
    return new Promise<void>((resolve) => socket.on("data", () => resolve()).on("close", () => resolve()));
  });
  const client = await opened();
  expect((await client.command("send", { data: 1 })).send).toEqual({});
  await client.close();
  await within(Promise.all(settled), "an answer to every POST, or its end", 60_000);
});
