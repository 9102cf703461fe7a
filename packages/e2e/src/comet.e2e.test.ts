/**
 * SSE and long-poll over real sockets: plain clients, lost answers, slow readers, peers that break off, and a
 * drain.
 */
import { createHmac } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { Browser } from "./browser.js";
import { eventually } from "./deadline.js";
import { EventStream } from "./event-stream.js";
import { GatewayProcess } from "./gateway-process.js";
import { KeepAliveSocket } from "./keep-alive-socket.js";
import { metric } from "./metrics-text.js";
import { openDescriptors } from "./open-descriptors.js";
import { type PollAnswer, PollClient } from "./poll-client.js";
import { Program } from "./program.js";
import { rawRequest } from "./raw-request.js";
import { Resources } from "./resources.js";
import { SeededRandom } from "./seeded-random.js";
import { TcpRelay } from "./tcp-relay.js";
import { testTool } from "./test-tool.js";
import { TornProxy } from "./torn-proxy.js";

jest.setTimeout(90_000);

const NAMESPACES = JSON.stringify({
  log: { historySize: 1000, clientPublish: true },
  live: {},
});
const ARGS = [
  ...["--namespaces", NAMESPACES, "--max-outbox-bytes", "256KiB"],
  ...["--head-timeout", "1s", "--message-timeout", "4s"],
];
const shared = new Resources();
const own = new Resources();
let gateway: GatewayProcess;

beforeAll(async () => {
  gateway = shared.add(await GatewayProcess.start({ args: ARGS }));
});
afterEach(() => own.close());
afterAll(() => shared.close());

const stream = (query: string, base = gateway.http): EventStream =>
  own.add(new EventStream(`${base}/sse?${query}`));

/** The data of publications, as an event stream's messages have them. */
function dataOf(messages: readonly string[]): unknown[] {
  return messages.flatMap((message) => {
    const { publication } = JSON.parse(message) as { publication?: { data: unknown } };
    return publication === undefined ? [] : [publication.data];
  });
}

describe("plain clients", () => {
  test("curl -N hears a channel", async () => {
    const curl = own.add(
      Program.start(testTool("curl"), ["-sN", `${gateway.http}/sse?channels=live:curl&format=raw`]),
    );
    await curl.line("retry:");
    await eventually("curl hears it", async () => {
      await gateway.publish("live:curl", { hello: 1 });
      return curl.lines.includes('data: {"hello":1}');
    });
  });

  test("an EventSource of a real browser comes back by itself, and misses nothing", async () => {
    const browser = own.add(await Browser.start());
    const relay = own.add(await TcpRelay.start([gateway.port]));
    const page = await browser.open(`http://127.0.0.1:${relay.port}/`);
    await page.evaluate(() => {
      const heard: string[] = [];
      const source = new EventSource("/sse?channels=log:browser,live:other");
      source.onmessage = ({ data }) => void heard.push(String(data));
      Object.assign(window, { heard });
    });
    const heard = (): Promise<string[]> =>
      page.evaluate(() => (window as unknown as { heard: string[] }).heard);
    const connects = async (): Promise<number> =>
      (await heard()).filter((message) => message.startsWith('{"connect"')).length;
    await eventually("it is connected", async () => (await connects()) === 1);
    await gateway.publish("log:browser", 1);
    await eventually("it has heard", async () => dataOf(await heard()).length === 1);
    relay.cut();
    for (let n = 2; n <= 6; n++) await gateway.publish("log:browser", n);
    await eventually("it has come back", async () => (await connects()) === 2);
    await gateway.publish("log:browser", 7);
    await eventually("it has heard the last", async () => dataOf(await heard()).includes(7));
    expect(dataOf(await heard())).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  test("an EventSource of a real browser that meets a drain keeps trying", async () => {
    const leaving = own.add(
      await GatewayProcess.start({ args: ["--workers", "1", "--drain-window", "6s", "--namespaces", "{}"] }),
    );
    const browser = own.add(await Browser.start());
    const page = await browser.open(`${leaving.http}/`);
    // There have to be clients for a drain to take its time.
    const others = Array.from({ length: 60 }, () => stream("channels=x", leaving.http));
    await eventually("all are connected", async () => others.every(({ messages }) => messages.length > 0));
    const stopped = leaving.stop();
    await eventually("it drains", async () => (await leaving.get("/ws")).status === 503);
    const states = await page.evaluate(async () => {
      const seen: string[] = [];
      const source = new EventSource("/sse?channels=news");
      await new Promise<void>((resolve) => {
        source.onopen = () => seen.push(`open ${source.readyState}`);
        source.onerror = () => {
          seen.push(`error ${source.readyState}`);
          resolve();
        };
      });
      return seen;
    });
    // CONNECTING is 0; CLOSED is 2, after which it never comes back.
    expect(states).toEqual(["open 1", "error 0"]);
    await stopped;
  });

  test("HTTP/1.0, HEAD, preflight and wrong methods are answered", async () => {
    const old = await rawRequest(
      gateway.http,
      "POST /poll HTTP/1.0\r\nContent-Length: 22\r\n\r\n",
      '{"channels":["live:x"]}'.slice(0, 22),
    );
    expect(old.status).toBe(400);
    const head = await gateway.get("/sse?channels=live:x", { method: "HEAD" });
    expect(head.status).toBe(200);
    expect(head.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    const preflight = await gateway.get("/poll", { method: "OPTIONS" });
    expect(preflight.status).toBe(204);
    const wrong = await gateway.get("/send");
    expect(wrong.status).toBe(405);
    expect(wrong.headers.get("allow")).toBe("POST, OPTIONS");
  });
});

describe("a proxy that tears every 20th piece of what it passes", () => {
  const LAST = 400;

  test("loses nothing of a stream or of polls: no hole, no repetition, in order", async () => {
    const proxy = own.add(await TornProxy.start(gateway.port, 20, new SeededRandom(7)));
    const channel = "log:lossy";
    const streams = [
      stream(`channels=${channel}`, proxy.url),
      stream(`channels=${channel},live:y,log:other`, proxy.url),
    ];
    const polls = [
      own.add(new PollClient(() => proxy.url, { channels: [channel, "live:y"] })),
      own.add(
        new PollClient(() => proxy.url, { commands: [{ id: 1, connect: { subs: { [channel]: null } } }] }),
      ),
    ];
    await eventually("all are connected", () => streams.every(({ messages }) => messages.length > 0));
    await eventually("all poll", () => polls.every(({ answers }) => answers.length > 0));
    for (let n = 1; n <= LAST; n++) await gateway.publish(channel, n);
    const all = Array.from({ length: LAST }, (_, i) => i + 1);
    for (const each of streams)
      await eventually("a stream's last", () => dataOf(each.messages).includes(LAST));
    for (const each of polls) await eventually("a poll's last", () => each.data(channel).includes(LAST));
    for (const each of streams) expect(dataOf(each.messages)).toEqual(all);
    for (const each of polls) expect(each.data(channel)).toEqual(all);
    expect(proxy.cuts).toBeGreaterThan(5);
    expect(Math.max(...streams.map(({ opened }) => opened))).toBeGreaterThan(1);
  });
});

describe("slow and silent peers", () => {
  const PAD = "x".repeat(64 * 1024);

  test("a stream that is not read ends as slow, and no other client notices", async () => {
    const slow = stream("channels=live:slow");
    const quick = stream("channels=live:slow");
    await eventually("both are connected", () => slow.messages.length > 0 && quick.messages.length > 0);
    slow.pause();
    let n = 0;
    await eventually("it is found", async () => {
      await gateway.publish("live:slow", { n: n++, pad: PAD });
      const { text } = await gateway.adminGet("/metrics");
      return metric(text, "holdfast_slow_consumers_total") > 0;
    });
    await eventually("the other has all", () => dataOf(quick.messages).length === n);
    expect(quick.opened).toBe(1);
  });

  test("100 POSTs that never send their body are closed, and leave nothing behind", async () => {
    const descriptors = (): number =>
      gateway.workerPids().reduce((sum, pid) => sum + openDescriptors(pid), 0);
    const before = descriptors();
    const paths = ["/poll", "/send", "/sse"];
    const requests = Array.from({ length: 100 }, (_, i) =>
      rawRequest(
        gateway.http,
        `POST ${paths[i % 3]} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n`,
        i % 2 === 0 ? "" : '{"cha',
      ),
    );
    for (const { status, durationMs } of await Promise.all(requests)) {
      expect([0, 408]).toContain(status);
      expect(durationMs).toBeLessThan(10_000);
    }
    await eventually("their descriptors are free", () => descriptors() <= before + 2);
  });

  test("bodies that are too large, not UTF-8 or not JSON are refused with a sentence", async () => {
    const post = async (body: string | Uint8Array) => {
      const { status, text } = await gateway.get("/poll", { method: "POST", body: body as BodyInit });
      return { status, message: JSON.parse(text).error.message as string };
    };
    expect(await post("x".repeat(300_000))).toMatchObject({ status: 413 });
    expect(await post(Buffer.of(0x7b, 0xff, 0x7d))).toEqual({
      status: 400,
      message: "The body is not UTF-8.",
    });
    expect(await post("[".repeat(1000))).toMatchObject({ status: 400 });
    expect((await post('{"cursor":"forged"}')).message).toContain("`cursor`");
  });

  test("a session id is no secret: without its token no client sends or polls", async () => {
    const victim = own.add(new PollClient(() => gateway.http, { channels: ["log:victim"] }));
    const { sid } = await eventually("it is connected", () => victim.last);
    const commands = [{ id: 1, publish: { channel: "log:victim", data: "forged" } }];
    const sent = await gateway.get(`/send?sid=${sid}`, {
      method: "POST",
      body: JSON.stringify({ sid, token: "e30.AAAA", commands }),
    });
    expect(sent.status).toBe(403);
    const polled = await gateway.get(`/poll?sid=${sid}`, {
      method: "POST",
      body: JSON.stringify({ sid, cursor: `${sid};1;AAAAAAAAAAAAAAAAAAAAAAAA;`, commands }),
    });
    expect(polled.status).toBe(403);
    await gateway.publish("log:victim", "real");
    await eventually("it hears", () => victim.data("log:victim").length > 0);
    expect(victim.data("log:victim")).toEqual(["real"]);
  });
});

describe("one kept connection", () => {
  const post = (body: string, query = "", lines = ""): string =>
    `POST /poll${query} HTTP/1.1\r\nHost: x\r\n${lines}Content-Length: ${body.length}\r\n\r\n${body}`;

  test("carries polls one after another, in pieces and pipelined, and any other request after them", async () => {
    const port = Number(new URL(gateway.http).port);
    const kept = own.add(await KeepAliveSocket.open(port));
    kept.write(post('{"channels":["log:kept"]}'));
    let last = JSON.parse((await kept.answer()).body) as PollAnswer;
    const heard: unknown[] = [];
    for (const piece of [1, 40, 90, 1_000]) {
      const text = post(
        JSON.stringify({ cursor: last.cursor }),
        `?sid=${last.sid}`,
        "Origin: https://no.example\r\n",
      );
      kept.write(text.slice(0, piece));
      await gateway.publish("log:kept", piece);
      kept.write(text.slice(piece));
      const refused = await kept.answer();
      expect(refused.status).toBe(403);
      kept.write(post(JSON.stringify({ cursor: last.cursor }), `?sid=${last.sid}`));
      const answer = await kept.answer();
      expect([answer.status, answer.headers.get("connection")]).toEqual([200, "keep-alive"]);
      last = JSON.parse(answer.body) as PollAnswer;
      heard.push(...dataOf(last.frames.map((frame) => JSON.stringify({ ...frame }))));
    }
    expect(heard).toEqual([1, 40, 90, 1_000]);
    const next = post(JSON.stringify({ cursor: last.cursor }), `?sid=${last.sid}`);
    kept.write(`${next}${post("no JSON")}GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n${post("no JSON")}`);
    await gateway.publish("log:kept", "end");
    const answers = [await kept.answer(), await kept.answer(), await kept.answer(), await kept.answer()];
    expect(answers.map(({ status }) => status)).toEqual([200, 400, 200, 400]);
    expect(answers[0]?.body).toContain('"end"');
  });
});

describe("a private gateway", () => {
  test("a ticket opens a stream once; a client that comes back proves it by the last id, whichever worker it meets", async () => {
    const secret = "a-secret-of-thirty-two-characters-or-more";
    const guarded = own.add(await GatewayProcess.start({ args: [...ARGS, "--jwt-secret", secret] }));
    const relay = own.add(await TcpRelay.start([guarded.port]));
    const token = signed(secret, {
      sub: "ada",
      exp: Math.floor(Date.now() / 1000) + 3600,
      channels: [{ match: "log:*", verbs: ["subscribe"] }],
    });
    const authorization = { Authorization: `Bearer ${token}` };
    expect((await guarded.get("/ticket", { method: "POST" })).status).toBe(401);
    const asked = await guarded.get("/ticket", { method: "POST", headers: authorization });
    const { ticket, expiresIn } = JSON.parse(asked.text) as { ticket: string; expiresIn: number };
    expect(expiresIn).toBe(30);
    expect((await guarded.get("/sse?channels=log:own")).status).toBe(401);
    const events = stream(`channels=log:own&ticket=${ticket}`, `http://127.0.0.1:${relay.port}`);
    await eventually("it is connected", () => events.messages.length === 1);
    expect(JSON.parse(events.messages[0] ?? "").connect).toMatchObject({ user: "ada" });
    expect((await guarded.get(`/sse?channels=log:own&ticket=${ticket}`)).status).toBe(401);
    await guarded.publish("log:own", 1);
    await eventually("it has heard", () => dataOf(events.messages).length === 1);
    relay.cut();
    await guarded.publish("log:own", 2);
    await eventually("it has come back", () => dataOf(events.messages).length === 2);
    const connects = events.messages.flatMap((message) => JSON.parse(message).connect ?? []);
    expect(connects.at(-1)).toMatchObject({ user: "ada", resumed: true });
    expect(dataOf(events.messages)).toEqual([1, 2]);
    const byHeader = own.add(new EventStream(`${guarded.http}/sse?channels=log:own`, authorization));
    await eventually("a header does, too", () => byHeader.messages.length === 1);
  });
});

describe("a drain", () => {
  test("tells streams and polls when to come back, and turns newcomers away", async () => {
    const leaving = own.add(
      await GatewayProcess.start({ args: [...ARGS, "--drain-window", "2s", "--drain-delay", "1s"] }),
    );
    const events = own.add(new EventStream(`${leaving.http}/sse?channels=log:a`, {}, 60_000));
    const raw = own.add(new EventStream(`${leaving.http}/sse?channels=log:a&format=raw`, {}, 60_000));
    const poller = own.add(new PollClient(() => leaving.http, { channels: ["log:a"] }));
    await eventually(
      "connected",
      () => events.messages.length > 0 && raw.opened > 0 && poller.answers.length > 0,
    );
    const stopped = leaving.stop();
    const refused = await eventually("a newcomer is turned away", async () => {
      const { status, headers } = await leaving.get("/sse?channels=log:a", { method: "GET" });
      return status === 503 && headers;
    });
    expect(Number(refused.get("retry-after"))).toBeGreaterThan(0);
    await eventually("the streams have ended", () => events.events.at(-1)?.type === "close");
    expect(events.messages.some((message) => message.includes('"drain":'))).toBe(true);
    expect(events.events.at(-1)?.data).toBe('{"code":3000,"reason":"drain"}');
    await eventually("raw, too", () => raw.events.at(-1)?.type === "close");
    // Its next poll finds a closed door, unless its connection was kept.
    await eventually("the poll was told", () => poller.frames.some(({ drain }) => drain !== undefined));
    expect(poller.last?.cursor).toBeDefined();
    await stopped;
  });
});

/** A token by HMAC, as any backend makes one. */
function signed(secret: string, claims: Readonly<Record<string, unknown>>): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
}
