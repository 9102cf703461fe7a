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
import { SECRET, tokenOfText } from "./tokens.js";

jest.setTimeout(120_000);

const CHANNEL = "demo:letter";

/**
 * Numbers that no double has or that JavaScript writes differently, repeated keys, escapes, inner white
 * space.
 */
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

  test("goes to a user, and to `holdfast listen`, as the text that it came in as", async () => {
    const listening = Program.holdfast(["listen", CHANNEL, "--url", gateway.ws()]);
    try {
      // Said once it is subscribed: what PUBLISH alone brings earlier is not in the history.
      await listening.line("listening at");
      // What a terminal may not split: white space that is a line break elsewhere, and half a surrogate pair
      // as an escape.
      const texts = [
        "[18014398509481985, -0, 1e-400]",
        '{"n":6.0,"n":6.00}',
        '"\\ud83d \u2028\u0085"',
        '"}],{\\""',
      ];
      for (const text of texts) {
        await redis.publish(`holdfast:channel:${CHANNEL}`, text);
        await admin("/api/publish", `{"channel":"${CHANNEL}","data":${text}}`);
      }
      const printed = (): readonly string[] => listening.lines.filter((line) => line.startsWith(CHANNEL));
      await eventually("all lines", () => printed().length === 2 * texts.length);
      expect(printed()).toEqual(texts.flatMap((text) => [`${CHANNEL} ${text}`, `${CHANNEL} ${text}`]));
    } finally {
      await listening.close();
    }
  });
});

describe("what is shown of a user", () => {
  const PRIVATE = [
    "--redis",
    "",
    "--workers",
    "2",
    "--namespaces",
    '{"in":{"presence":true,"joinLeave":"session"}}',
  ];
  let server: RedisServer;
  let gateway: GatewayProcess;
  beforeEach(async () => {
    server = await RedisServer.start();
    const args = PRIVATE.map((each) => (each === "" ? server.url : each));
    gateway = await GatewayProcess.start({ args, env: { HOLDFAST_JWT_SECRET: SECRET } });
  });
  afterEach(async () => {
    await gateway.close();
    await server.close();
  });

  test("is the `info` of its token to the letter, for clients that listen, ask, or come back; and so is a message to it", async () => {
    const info = '{"id":36893488147419103233,"n":[7.10,-0,1E3],"id":"\\u00e9"}';
    const channels = '"channels":[{"match":"in:*","verbs":["subscribe","presence"]}]';
    const token = (user: string, more: string): string =>
      tokenOfText(`{"sub":"${user}","exp":${Math.floor(Date.now() / 1000) + 600},${channels}${more}}`);
    const watcher = await PlainClient.connect(gateway.ws());
    watcher.send(`{"id":1,"connect":{"token":"${token("eve", "")}","subs":{"in:1":{"joinLeave":true}}}}`);
    await eventually("the watcher", () => watcher.all.some((line) => line.includes('"in:1"')));
    const shown = await PlainClient.connect(gateway.ws());
    shown.send(`{"id":1,"connect":{"token":"${token("ann", `,"info":${info}`)}","subs":{"in:1":null}}}`);
    const told = (op: string) =>
      watcher.all.filter((line) => line.startsWith(`{"${op}"`) && line.includes('"ann"'));
    await eventually("the join", () => told("join").length === 1);
    expect(told("join")[0]).toContain(`"info":${info}}`);
    watcher.send('{"id":2,"presence":{"channel":"in:1"}}');
    const answer = (): string | undefined => watcher.all.find((line) => line.startsWith('{"id":2,'));
    await eventually("the list", () => answer() !== undefined);
    expect(answer()).toContain(`"info":${info}}`);
    expect((await gateway.adminGet("/api/presence?channel=in:1")).text).toContain(`"info":${info}}`);

    for (const data of ['{"n":36893488147419103233}', "0.0", '"\\ud800"']) {
      expect(await gateway.adminPost("/api/message", `{"user":"ann","data":${data}}`)).toMatchObject({
        status: 200,
      });
      await eventually("the message", () => shown.all.at(-1) === `{"message":{"data":${data}}}`);
    }
    await shown.close();
    await eventually("the leave", () => told("leave").length === 1);
    expect(told("leave")[0]).toContain(`"info":${info}}`);
    await watcher.close();
  });
});
