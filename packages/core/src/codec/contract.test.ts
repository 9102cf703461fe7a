/**
 * The codecs of core keep their contracts, and so do two toys. A toy is in a folder of its own; a row is all
 * that it takes to be asked for.
 */
import { jsonEncoding } from "@holdfast/protocol";
import { describe, expect, test } from "@jest/globals";
import { dialectContract, encodingContract } from "../testing/codec-contract.js";
import { type FakeClient, memoryWorld } from "../testing/core-world.js";
import { threeVerbs } from "../testing/toys/three-verbs/three-verbs.js";
import { upperKeys } from "../testing/toys/upper-keys/upper-keys.js";
import { Codec } from "./codec.js";
import { CODEC_ROWS, type CodecRow, codecs, rowFor, subprotocolOf } from "./codecs.js";
import { holdfastDialect } from "./holdfast-dialect.js";
import { msgpackEncoding } from "./msgpack-encoding.js";
import { rawDialect } from "./raw-dialect.js";
import { rawEncoding } from "./raw-encoding.js";

const SPOKEN = [
  {
    frame: { id: 1, subscribe: { channel: "news", joinLeave: true } },
    command: { op: "subscribe", id: 1, body: { channel: "news", joinLeave: true } },
  },
  {
    frame: { id: 2, publish: { channel: "news", data: [1] } },
    command: { op: "publish", id: 2, body: { channel: "news", data: "[1]" } },
  },
] as const;

encodingContract(jsonEncoding);
encodingContract(upperKeys);
encodingContract(msgpackEncoding, { changesText: true });
for (const encoding of [jsonEncoding, upperKeys, msgpackEncoding])
  dialectContract(holdfastDialect, encoding, SPOKEN);
dialectContract(rawDialect, rawEncoding, []);
dialectContract(threeVerbs, upperKeys, [
  { frame: ["join", "news"], command: { op: "subscribe", id: 1, body: { channel: "news" } } },
  { frame: ["leave", "news"], command: { op: "unsubscribe", id: 1, body: { channel: "news" } } },
  { frame: ["say", "news", {}], command: { op: "publish", id: 1, body: { channel: "news", data: "{}" } } },
]);

const upper = new Codec({ name: "upper", dialect: holdfastDialect, encoding: upperKeys });
const verbs = new Codec({ name: "verbs", dialect: threeVerbs, encoding: jsonEncoding });
/** The one registration. */
const ROWS: readonly CodecRow[] = [
  ...CODEC_ROWS,
  { subprotocol: "toy.upper", speaking: upper, plain: upper },
  { subprotocol: "toy.verbs", format: "verbs", speaking: undefined, plain: verbs },
];

describe("a client asks for a codec", () => {
  test("by format, by subprotocol, or gets ours", () => {
    expect(rowFor(ROWS, undefined, undefined)?.speaking).toBe(codecs.lines);
    expect(rowFor(ROWS, "raw", "toy.upper")?.plain).toBe(codecs.raw);
    expect(rowFor(ROWS, "verbs", undefined)?.plain).toBe(verbs);
    expect(rowFor(ROWS, "none", undefined)).toBeUndefined();
    const spoken = subprotocolOf(ROWS, ["x", "toy.upper", "holdfast.v1.json"]);
    expect(rowFor(ROWS, undefined, spoken)?.speaking).toBe(upper);
    expect(subprotocolOf(ROWS, ["x"])).toBeUndefined();
  });
});

describe("toys, through a whole core", () => {
  const texts = (client: FakeClient): string[] => client.transport.takeMessages();

  test("one channel with our JSON, both toys and raw subscribers is encoded once for each", async () => {
    const world = memoryWorld({ namespaces: { "": { clientPublish: true } } });
    await world.settle();
    const ours = await world.subscribed("news");
    const clients = Array.from({ length: 3 }, () => [
      world.client(upper, ["news"]),
      world.client(verbs, ["news"]),
      world.client("raw", ["news"]),
    ]).flat();
    await world.settle();
    for (const client of clients) texts(client);
    const { framing } = ours.transport;
    const before = framing.framed;
    ours.publish("news", { joinLeave: 1.5 });
    await world.settle();
    // Four forms of the publication, and the answer.
    expect(framing.framed - before).toBe(5);
    for (const client of clients.slice(0, 3))
      expect(texts(client)).toEqual(
        [
          [upper, '{"PUBLICATION":{"CHANNEL":"news","DATA":{"joinLeave":1.5}}}'],
          [verbs, '["heard","news",{"joinLeave":1.5}]'],
          [codecs.raw, '{"joinLeave":1.5}'],
        ].flatMap(([codec, text]) => (client.connection.codec === codec ? [text] : [])),
      );
  });

  test("a client with upper-case keys connects, subscribes, publishes and is refused like any other", async () => {
    const world = memoryWorld({ historySize: 5, namespaces: { "": { clientPublish: true } } });
    await world.settle();
    const client = world.client(upper);
    const say = (text: string): void => client.connection.receive(text);
    say('{"ID":1,"CONNECT":{"SUBS":{"_NEWS":null}}}');
    await world.settle();
    const [welcome = ""] = texts(client);
    expect(welcome).toContain('"PONG_TIMEOUT":8000');
    expect(welcome).toContain('"SUBS":{"_NEWS":{"OFFSET":0');
    say('{"ID":2,"PUBLISH":{"CHANNEL":"News","DATA":{"a":1.10,"a":2}}}');
    await world.settle();
    const said = texts(client).join("\n");
    expect(said).toContain('"CHANNEL":"News","OFFSET":1,"DATA":{"a":1.10,"a":2}}');
    say('{"ID":3,"SUBSCRIBE":{"CHANNEL":"News"}}\n{}');
    expect(texts(client)).toEqual([expect.stringContaining('"NAME":"already_subscribed"'), "{}"]);
    say("[");
    expect(client.transport.end).toMatchObject({ by: "close", code: 3500 });
  });

  test("a client of three verbs joins, says, hears, leaves and is told why it cannot go on", async () => {
    const world = memoryWorld({ namespaces: { "": { clientPublish: true } } });
    await world.settle();
    const client = world.client(verbs, []);
    for (const text of ['["join","news"]', '["say","news",{"n":1.0}]', '["leave","news"]', "[]"]) {
      client.connection.receive(text);
      await world.settle();
    }
    expect(texts(client)).toEqual(['["done","news"]', '["heard","news",{"n":1.0}]', '["done","news"]', "[]"]);
    client.connection.receive('["leave","news"]');
    expect(texts(client)).toEqual([expect.stringMatching(/^\["no",/)]);
    client.connection.receive('["shout"]');
    expect(texts(client)).toEqual([expect.stringMatching(/^\["bye","Not a frame: not \[/)]);
    expect(client.transport.end).toEqual({ by: "close", code: 4000, reason: "bye" });
  });

  test("a binary codec is not opened on a transport that carries text alone", () => {
    const world = memoryWorld();
    const encoding = { ...jsonEncoding, isBinary: true };
    const binary = new Codec({ name: "binary", dialect: holdfastDialect, encoding });
    expect(() => world.client(binary)).toThrow("the codec binary is binary, and this transport carries text");
  });
});
