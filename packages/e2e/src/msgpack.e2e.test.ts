/**
 * Bytes and MessagePack through real processes and a real Redis: from every way in, to clients of both
 * encodings, of data alone, of event streams, and to the SDK.
 */
import { Client, type ClientOptions, type Publication } from "@holdfast/client";
import { msgpack } from "@holdfast/client/msgpack";
import { RedisServer } from "@holdfast/redis/testing";
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { decodeMulti, encode } from "@msgpack/msgpack";
import { Redis } from "ioredis";
import { WebSocket } from "ws";
import { eventually, within } from "./deadline.js";
import { GatewayProcess } from "./gateway-process.js";
import { Resources } from "./resources.js";

jest.setTimeout(60_000);

const NAMESPACES = JSON.stringify({ kept: { historySize: 100, clientPublish: true } });
/** Not UTF-8, and UTF-8 that is bytes all the same. */
const JPEG = new Uint8Array([0xff, 0xd8, 0xff, 0xe0, 0, 10]);
const TEXT = new Uint8Array(Buffer.from('{"a":1}'));

const shared = new Resources();
const own = new Resources();
let gateway: GatewayProcess;
let backend: Redis;

beforeAll(async () => {
  const redis = shared.add(await RedisServer.start());
  const args = ["--redis", redis.url, "--workers", "2", "--namespaces", NAMESPACES];
  gateway = shared.add(await GatewayProcess.start({ args }));
  backend = new Redis(redis.url);
  shared.add({ close: async () => void backend.disconnect() });
});
afterEach(() => own.close());
afterAll(() => shared.close());

/** A WebSocket whose messages are kept: text, or bytes. */
async function socket(query: string, protocol?: string): Promise<{ ws: WebSocket; heard: unknown[] }> {
  const ws = new WebSocket(gateway.ws(query), protocol === undefined ? [] : [protocol]);
  own.add({ close: async () => ws.terminate() });
  const heard: unknown[] = [];
  ws.on("message", (data: Buffer, isBinary) => heard.push(isBinary ? new Uint8Array(data) : data.toString()));
  await within(new Promise((resolve) => ws.once("open", resolve)), "the socket opens");
  return { ws, heard };
}

function client(options: Partial<ClientOptions> = {}): Client {
  return own.add(
    new Client(gateway.http.concat("/ws"), {
      WebSocket: WebSocket as unknown as NonNullable<ClientOptions["WebSocket"]>,
      ...options,
    }),
  );
}

/** What is published to a channel from every way in. */
async function publishAll(channel: string): Promise<unknown[]> {
  const mark = Buffer.from([0xff, 0x68, 0x66, 0xff]);
  const post = (body: Uint8Array): Promise<Response> =>
    fetch(`${gateway.admin}/api/publish?channel=${encodeURIComponent(channel)}`, {
      method: "POST",
      headers: { "Content-Type": "application/octet-stream" },
      body: body as never,
    });
  expect((await post(JPEG)).status).toBe(200);
  expect((await post(TEXT)).status).toBe(200);
  expect((await post(new Uint8Array())).status).toBe(200);
  const add = (data: Buffer): Promise<unknown> =>
    backend.xadd("holdfast:ingest", "*", "channel", channel, "data", data);
  await add(Buffer.from(JPEG));
  await add(Buffer.concat([mark, TEXT]));
  await add(Buffer.from('{"n":1285704473650888702}'));
  return [JPEG, TEXT, new Uint8Array(), JPEG, TEXT, "1285704473650888702"];
}

/** Data as `publishAll` names it. */
function named(data: unknown): unknown {
  if (data instanceof Uint8Array) return new Uint8Array(data);
  return String((data as { n: unknown }).n);
}

describe("bytes", () => {
  test("reach clients of MessagePack, of data alone and of JSON as they were published", async () => {
    const pack = await socket("channels=kept:a&format=msgpack");
    const raw = await socket("channels=kept:a&format=raw");
    const json = await socket("channels=kept:a");
    await eventually("the channel is subscribed", () => pack.heard.length > 0 && json.heard.length > 0);
    // A raw client hears nothing before the first publication.
    await eventually("the raw client hears", async () => {
      await backend.publish("holdfast:channel:kept:a", Buffer.from('{"n":0}'));
      return raw.heard.length > 0;
    });
    const want = await publishAll("kept:a");
    // Of those first publications, some may come as late as this.
    const rest = (): unknown[] => raw.heard.filter((each) => each !== '{"n":0}');
    await eventually("everything has come", () => rest().length >= want.length);
    expect(rest().map((each) => (typeof each === "string" ? each : named(each)))).toEqual([
      ...want.slice(0, -1),
      '{"n":1285704473650888702}',
    ]);
    const packed = (): unknown[] =>
      pack.heard
        .flatMap((each) => [...decodeMulti(each as Uint8Array, { useBigInt64: true })])
        .flatMap((each) => ((each as { publication?: { data: unknown } }).publication ?? []) as never)
        .map(({ data }: { data: unknown }) => named(data))
        .filter((each) => each !== "0");
    await eventually("the MessagePack client has all", () => packed().length >= want.length);
    expect(packed()).toEqual(want);
    await eventually("the JSON client has all", () => json.heard.join("").includes("1285704473650888702"));
    const said = json.heard.map((each) => JSON.parse(String(each)).publication).filter(Boolean);
    expect(
      said.filter(({ bytes }) => bytes).map(({ data }) => new Uint8Array(Buffer.from(data, "base64"))),
    ).toEqual(want.slice(0, -1));
  });

  test("PUBLISH of what is not UTF-8 is bytes, also to every connection and to a stream", async () => {
    const pack = await socket("channels=&format=msgpack");
    await eventually("it is connected", () => pack.heard.length > 0);
    const stream = await fetch(`${gateway.http}/sse?channels=news&format=raw`);
    const reader = stream.body?.getReader();
    let events = "";
    const reading = (async () => {
      for (;;) {
        const { value, done } = (await reader?.read()) ?? { done: true, value: undefined };
        if (done || value === undefined) return;
        events += Buffer.from(value).toString();
      }
    })();
    own.add({
      close: async () => {
        await reader?.cancel();
        await reading;
      },
    });
    // The head of a stream does not say that its subscription is confirmed: what comes before is not pushed.
    await eventually("the stream has a broadcast", async () => {
      await backend.publish("holdfast:broadcast", Buffer.from(JPEG));
      return events.includes(`event: bytes\ndata: ${Buffer.from(JPEG).toString("base64")}\n`);
    });
    await eventually("the broadcast has come", () => pack.heard.length > 1);
    const [first] = decodeMulti(pack.heard[1] as Uint8Array);
    expect(first).toEqual({ broadcast: { data: new Uint8Array(JPEG), bytes: true } });
  });
});

describe("the subprotocol holdfast.v1.msgpack", () => {
  test("is agreed on, connects, and is refused by its rules", async () => {
    const { ws, heard } = await socket("", "holdfast.v1.msgpack");
    expect(ws.protocol).toBe("holdfast.v1.msgpack");
    ws.send(encode({ id: 1, connect: {} }));
    await eventually("it is connected", () => heard.length > 0);
    expect([...decodeMulti(heard[0] as Uint8Array)]).toMatchObject([{ id: 1, connect: { resumed: false } }]);
    const closed = new Promise((resolve) => ws.once("close", resolve));
    ws.send(new Uint8Array(65).fill(0x91));
    expect(await within(closed, "it is closed")).toBe(3500);
  });
});

describe("the SDK", () => {
  test("publishes and hears bytes over every transport, live, from history and in a recovery", async () => {
    const ways = [
      client({ encoding: msgpack }),
      client({ encoding: msgpack, transports: ["sse"] }),
      client({ encoding: msgpack, transports: ["poll"] }),
    ];
    const heard = ways.map((each) => {
      const list: unknown[] = [];
      each.subscribe<unknown>("kept:sdk", ({ data }) => list.push(data));
      return list;
    });
    const plain: Publication[] = [];
    const json = client();
    json.subscribe("kept:sdk", (publication) => plain.push(publication));
    await Promise.all([...ways, json].map((each) => within(each.connect(), "it connects")));
    for (const each of ways) await each.publish("kept:sdk", JPEG, { key: crypto.randomUUID() });
    await ways[0]?.publish("kept:sdk", { a: [1, "ü", null] });
    const want = [JPEG, JPEG, JPEG, { a: [1, "ü", null] }];
    for (const list of heard) {
      await eventually("everything is heard", () => list.length >= want.length);
      expect(list).toEqual(want);
    }
    await eventually("the client of JSON hears it", () => plain.length >= want.length);
    const base64 = Buffer.from(JPEG).toString("base64");
    expect(plain.map(({ data, bytes }) => [data, bytes])).toEqual([
      [base64, true],
      [base64, true],
      [base64, true],
      [{ a: [1, "ü", null] }, undefined],
    ]);
    for (const each of ways) {
      const { publications, epoch } = await each.history<unknown>("kept:sdk");
      expect(publications.map(({ data }) => data)).toEqual(want);
      const late: unknown[] = [];
      const transports = [each.transport ?? "websocket"];
      const other = client({ encoding: msgpack, transports });
      const since = { offset: 0, epoch };
      other.subscribe<unknown>("kept:sdk", ({ data }) => late.push(data), { since });
      await within(other.connect(), "it connects");
      await eventually("what was missed has come", () => late.length >= want.length);
      expect(late).toEqual(want);
    }
  });

  test("is answered with errors in MessagePack, too", async () => {
    const each = client({ encoding: msgpack });
    await within(each.connect(), "it connects");
    expect(each.transport).toBe("websocket");
    await each.publish("kept:errors", { id: 1 });
    await expect(each.publish("news", JPEG)).rejects.toMatchObject({ name: "forbidden" });
  });
});
