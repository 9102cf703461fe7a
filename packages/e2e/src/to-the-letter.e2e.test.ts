/**
 * Data to the letter: whichever way it comes in, it goes out as the text that it was.
 */
import { RedisServer } from "@holdfast/redis/testing";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import { Redis } from "ioredis";
import { eventually } from "./deadline.js";
import { GatewayProcess } from "./gateway-process.js";
import { PlainClient } from "./plain-client.js";
import { Program } from "./program.js";

jest.setTimeout(120_000);

const CHANNEL = "demo:letter";

/** Numbers that no double has or that JavaScript writes differently, repeated keys, escapes, inner white space. */
const leaf = fc.constantFrom(
  "4611686018427387905",
  "-9223372036854775808",
  "0.10",
  "3.0",
  "-0",
  "1e400",
  "1E+2",
  '"\\u00e9\\/"',
  '"a b"',
  "null",
);
const data = fc.oneof(
  leaf,
  fc.array(leaf, { maxLength: 3 }).map((all) => `[ ${all.join(" ,")}]`),
  fc
    .array(fc.tuple(fc.constantFrom('"n"', '"data"', '"\\u006e"', '"}"'), leaf), { maxLength: 4 })
    .map((all) => `{${all.map(([name, value]) => `${name}: ${value}`).join(",")} }`),
);

const PUBLICATION = /^\{"publication":\{"channel":"demo:letter",.*?"data":(.*)\}\}$/;

describe("data", () => {
  let server: RedisServer;
  let redis: Redis;
  let gateway: GatewayProcess;
  beforeEach(async () => {
    server = await RedisServer.start();
    redis = new Redis(server.port, "127.0.0.1");
    gateway = await GatewayProcess.start({ args: ["--redis", server.url, "--events", "--workers", "1"] });
  });
  afterEach(async () => {
    redis.disconnect();
    await gateway.close();
    await server.close();
  });

  const post = async (path: string, body: string): Promise<string> => {
    const { status, text } = await gateway.get(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body,
    });
    expect(status).toBe(200);
    return text;
  };
  const admin = async (path: string, body: string): Promise<void> => {
    expect(await gateway.adminPost(path, body)).toMatchObject({ status: 200 });
  };
  const holdfast = async (...args: string[]): Promise<readonly string[]> => {
    const program = Program.holdfast([...args, "--admin", gateway.admin]);
    try {
      expect(await program.ended).toMatchObject({ code: 0 });
      return program.lines;
    } finally {
      await program.close();
    }
  };

  test("goes out as the text that it came in as, in every way in and out", async () => {
    const listener = await PlainClient.subscribed(gateway.ws(`channels=${CHANNEL}`));
    const talker = await PlainClient.connected(gateway.ws());
    const connect = `{"id":1,"connect":{"subs":{}}}`;
    const publish = (id: number, text: string): string =>
      `{"id":${id},"publish":{"channel":"${CHANNEL}","data":${text}}}`;
    let id = 100;
    const ways: Readonly<Record<string, (text: string) => Promise<unknown>>> = {
      "POST /api/publish": (text) => admin("/api/publish", `{"data":${text},"channel":"${CHANNEL}"}`),
      "POST /api/batch": (text) =>
        admin("/api/batch", `{"publications":[{"channel":"${CHANNEL}","data":${text}}]}`),
      PUBLISH: (text) => redis.publish(`holdfast:channel:${CHANNEL}`, text),
      XADD: (text) => redis.xadd("holdfast:ingest", "*", "channel", CHANNEL, "data", text),
      "a WebSocket": async (text) => talker.send(publish(id++, text)),
      "POST /poll": (text) => post("/poll", `{"commands":[${connect},${publish(2, text)}]}`),
      "POST /sse": async (text) => {
        const leave = new AbortController();
        const answer = await fetch(new URL("/sse", gateway.http), {
          method: "POST",
          body: `${connect}\n${publish(2, text)}`,
          signal: leave.signal,
        });
        // The first bytes of the answer: both commands have been read.
        await answer.body?.getReader().read();
        leave.abort();
      },
    };
    const sent: string[] = [];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...Object.keys(ways)), data, async (way, text) => {
        await ways[way]?.(text);
        sent.push(text);
        const line = await listener.nextMessage();
        expect({ way, text: PUBLICATION.exec(line)?.[1] }).toEqual({ way, text });
      }),
      { numRuns: 60, endOnFailure: true },
    );
    for (const text of ["[1.0,9007199254740993]", '{"cli": 1e999}']) {
      await holdfast("publish", CHANNEL, text);
      expect(PUBLICATION.exec(await listener.nextMessage())?.[1]).toBe(text);
      sent.push(text);
    }

    // What went through PUBLISH alone has no place in the history.
    const kept = (await holdfast("history", CHANNEL)).map((line) => line.split("\t").slice(1).join("\t"));
    expect(kept.slice(-2)).toEqual(sent.slice(-2));
    for (const text of kept) expect(sent).toContain(text);
    const { text: page } = await gateway.adminGet(`/api/history?channel=${CHANNEL}&reverse=true&limit=1`);
    expect(page).toContain(`"data":${sent.at(-1)}}`);
    talker.send(`{"id":${id},"history":{"channel":"${CHANNEL}","limit":1,"reverse":true}}`);
    await eventually("the history's answer", () => talker.all.some((line) => line.includes('"history"')));
    expect(talker.all.find((line) => line.includes('"history"'))).toContain(`"data":${sent.at(-1)}}`);

    const message = '{"id": 4611686018427387905,"id":2.50}';
    talker.send(`{"id":${id + 1},"send":{"data":${message}}}`);
    await eventually("the event", async () =>
      JSON.stringify(await redis.xrange("holdfast:events", "-", "+")).includes("2.50"),
    );
    const events = (await redis.xrange("holdfast:events", "-", "+")).map(([, fields]) => fields);
    expect(events.flat()).toContain(message);

    await admin("/api/broadcast", `{"data":${message}}`);
    expect(await listener.nextMessage()).toBe(`{"broadcast":{"data":${message}}}`);
  });
});
