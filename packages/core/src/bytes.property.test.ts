/**
 * Bytes in are bytes out, and JSON is what it was, whichever way they go through a whole core: live, in a
 * recovery and in a history, to clients of JSON, of MessagePack and of data alone.
 */
import { type Data, fromBase64, normalizeData, type WireMessage } from "@holdfast/protocol";
import { describe, expect, jest, test } from "@jest/globals";
import { decodeMulti, encode } from "@msgpack/msgpack";
import fc from "fast-check";
import { codecs } from "./codec/codecs.js";
import { type CoreWorld, FakeClient, memoryWorld } from "./testing/core-world.js";
import { FakeTransport, MessageFraming } from "./testing/fake-transport.js";

const KEEP = { size: 100, ttlMs: 60_000 };
const OPTIONS = { namespaces: { kept: { historySize: 100, historyTtlMs: 60_000, clientPublish: true } } };
const CHANNEL = "kept:a";

type Fields = Readonly<Record<string, unknown>>;

function open(world: CoreWorld, codec: keyof typeof codecs, channels?: readonly string[]): FakeClient {
  return new FakeClient(world.core, codec, channels, new FakeTransport(new MessageFraming()));
}

function said(client: FakeClient): WireMessage[] {
  const { framing, writes } = client.transport;
  return writes.flatMap((bytes) => (framing as MessageFraming).said(bytes));
}

/** The frames that a client has been sent. */
function frames(client: FakeClient): Fields[] {
  return said(client).flatMap((message) =>
    typeof message === "string"
      ? message.split("\n").map((line) => JSON.parse(line) as Fields)
      : ([...decodeMulti(message)] as Fields[]),
  );
}

/** A publication as its publisher would know it: bytes, or the JSON value. */
function dataOf({ data, bytes }: Fields): unknown {
  if (bytes !== true) return { json: data };
  return new Uint8Array(typeof data === "string" ? (fromBase64(data) ?? []) : (data as Uint8Array));
}

function expected(data: Data): unknown {
  return typeof data === "string" ? { json: JSON.parse(normalizeData(data)) } : data;
}

function live(client: FakeClient): unknown[] {
  return frames(client).flatMap(({ publication }) =>
    publication === undefined ? [] : [dataOf(publication as Fields)],
  );
}

/** The publications of the answer to the command `id`. */
function answered(client: FakeClient, id: number, op: "history" | "subscribe"): unknown[] {
  const answer = frames(client).find((frame) => frame.id === id)?.[op] as Fields;
  return (answer.publications as Fields[] | undefined)?.map(dataOf) ?? [];
}

const data: fc.Arbitrary<Data> = fc.oneof(
  fc.uint8Array(),
  fc.string().map((text) => new Uint8Array(Buffer.from(text))),
  fc.json().filter((text) => !text.includes("__proto__")),
);

describe("through a core", () => {
  test("bytes in are bytes out: live, in a recovery, in a history, in every encoding", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(data, { minLength: 1, maxLength: 8 }), async (all) => {
        const world = memoryWorld(OPTIONS);
        await world.settle();
        const json = open(world, "objects", [CHANNEL]);
        const pack = open(world, "pack", [CHANNEL]);
        const raw = open(world, "raw", [CHANNEL]);
        await world.settle();
        const [{ connect } = {}] = frames(json) as { connect?: { subs: Record<string, Fields> } }[];
        const { offset, epoch } = connect?.subs[CHANNEL] ?? {};
        for (const each of all) await world.broker.publish(`channel:${CHANNEL}`, each, { retention: KEEP });
        await world.settle();
        const want = all.map(expected);
        expect(live(json)).toEqual(want);
        expect(live(pack)).toEqual(want);
        const heard = said(raw).map((each) => (typeof each === "string" ? { json: JSON.parse(each) } : each));
        expect(heard).toEqual(want);
        for (const codec of ["lines", "packs"] as const) {
          const late = open(world, codec);
          const say = (frame: Fields): void =>
            late.connection.receive(codec === "lines" ? JSON.stringify(frame) : encode(frame));
          say({ id: 1, connect: {} });
          await world.settle();
          say({ id: 2, subscribe: { channel: CHANNEL, since: { offset, epoch } } });
          say({ id: 3, history: { channel: CHANNEL } });
          await world.settle();
          expect(answered(late, 2, "subscribe")).toEqual(want);
          expect(answered(late, 3, "history")).toEqual(want);
        }
        await world.core.close();
      }),
      { numRuns: 60 },
    );
  });

  test("a client's bytes arrive as bytes, by either encoding; what is no base64 and no JSON is refused", async () => {
    const world = memoryWorld(OPTIONS);
    await world.settle();
    const json = open(world, "objects", [CHANNEL]);
    const pack = open(world, "pack", [CHANNEL]);
    await world.settle();
    const publish = (client: FakeClient, id: number, body: Fields): void => {
      const frame = { id, publish: { channel: CHANNEL, ...body } };
      client.connection.receive(client === json ? JSON.stringify(frame) : encode(frame));
    };
    publish(json, 1, { data: "/9j/", bytes: true });
    publish(pack, 2, { data: new Uint8Array([255, 0]) });
    publish(pack, 3, { data: "/9j/", bytes: true });
    publish(json, 4, { data: "/9j/", bytes: false });
    await world.settle();
    const jpeg = new Uint8Array([255, 216, 255]);
    expect(live(pack)).toEqual([jpeg, new Uint8Array([255, 0]), jpeg, { json: "/9j/" }]);
    for (const [id, body] of [
      { data: "/9j", bytes: true },
      { data: "/9h=", bytes: true },
      { data: { a: 1 }, bytes: true },
      { data: "", bytes: 1 },
    ].entries())
      publish(json, 10 + id, body);
    for (const [id, body] of [{ data: [new Uint8Array(1)] }, { data: { a: Number.NaN } }, {}].entries())
      publish(pack, 20 + id, body);
    await world.settle();
    const refused = [...frames(json), ...frames(pack)].filter(({ error }) => error !== undefined);
    expect(refused.map(({ id, error }) => [id, (error as Fields).name])).toEqual(
      [10, 11, 12, 13, 20, 21, 22].map((id) => [id, "bad_request"]),
    );
    expect(live(pack)).toHaveLength(4);
  });

  test("bytes of a broadcast arrive; as an order or as news of presence they are counted and dropped", async () => {
    const world = memoryWorld({ namespaces: { seen: { presence: true } } });
    await world.settle();
    const pack = open(world, "pack", []);
    await world.settle();
    await world.broker.publish("broadcast", new Uint8Array([1]));
    await world.broker.publish("control", new Uint8Array([1]));
    await world.settle();
    expect(frames(pack).at(-1)).toEqual({ broadcast: { data: new Uint8Array([1]), bytes: true } });
    expect(world.metrics.count("broker_rejected")).toBe(1);
  });

  test("integers of 64 bits reach a MessagePack client from a backend, and come back from it", async () => {
    const world = memoryWorld(OPTIONS);
    await world.settle();
    const json = open(world, "objects", [CHANNEL]);
    const pack = open(world, "pack", [CHANNEL]);
    await world.settle();
    const text = '{"id":1285704473650888702,"most":18446744073709551615,"a":1,"a":1.10,"__proto__":2}';
    await world.broker.publish(`channel:${CHANNEL}`, text, { retention: KEEP });
    await world.settle();
    const [last] = said(pack).slice(-1);
    const [frame] = [...decodeMulti(last as Uint8Array, { useBigInt64: true })] as [{ publication: Fields }];
    expect(frame.publication.data).toEqual({
      id: 1285704473650888702n,
      most: 18446744073709551615n,
      a: 1.1,
    });
    pack.connection.receive(
      encode(
        { id: 1, publish: { channel: CHANNEL, data: { id: -(2n ** 63n), x: 1.5, y: 7n } } },
        { useBigInt64: true },
      ),
    );
    await world.settle();
    expect(said(json).at(-1)).toContain('"data":{"id":-9223372036854775808,"x":1.5,"y":7}');
  });

  test("one channel with JSON, MessagePack and raw subscribers is encoded once for each, and framed once", async () => {
    const world = memoryWorld(OPTIONS);
    await world.settle();
    const framing = new MessageFraming();
    const clients = (["objects", "pack", "raw"] as const).flatMap((codec) =>
      Array.from(
        { length: 5 },
        () => new FakeClient(world.core, codec, [CHANNEL], new FakeTransport(framing)),
      ),
    );
    await world.settle();
    const spies = (["objects", "pack", "raw"] as const).map((codec) => jest.spyOn(codecs[codec], "push"));
    try {
      for (const each of [new Uint8Array([1, 2]), '{"a":1}']) {
        const before = framing.framed;
        await world.broker.publish(`channel:${CHANNEL}`, each, { retention: KEEP });
        await world.settle();
        expect(framing.framed - before).toBe(3);
        expect(spies.map((spy) => spy.mock.calls.length)).toEqual([1, 1, 1]);
        for (const spy of spies) spy.mockClear();
      }
      expect(clients.every(({ transport }) => transport.writes.length >= 2)).toBe(true);
    } finally {
      for (const spy of spies) spy.mockRestore();
    }
  });

  test("a MessagePack client that breaks a rule is disconnected with the name that JSON has for it", async () => {
    const world = memoryWorld(OPTIONS);
    await world.settle();
    for (const message of [new Uint8Array([0xc1]), new Uint8Array(65).fill(0x91), "{}"]) {
      const client = open(world, "packs");
      client.connection.receive(message);
      expect(client.transport.end).toEqual({ by: "close", code: 3500, reason: "bad_frame" });
    }
    const json = open(world, "lines");
    json.connection.receive(new Uint8Array([0x80]));
    expect(json.transport.end).toEqual({ by: "close", code: 3500, reason: "bad_frame" });
  });

  test("a ping and its echo are one byte, and an echo is free", async () => {
    const world = memoryWorld(OPTIONS);
    await world.settle();
    const client = open(world, "packs");
    client.connection.receive(encode({ id: 1, connect: {} }));
    await world.settle();
    client.connection.receive(new Uint8Array([0x80]));
    expect(said(client).at(-1)).toEqual(new Uint8Array([0x80]));
    const count = said(client).length;
    client.connection.pongDue = true;
    client.connection.receive(new Uint8Array([0x80]));
    expect(client.connection.pongDue).toBe(false);
    expect(said(client)).toHaveLength(count);
  });
});
